"""copy_with returns the same copies as pydantic's model_copy, and they serialize all fields."""

from focuswatch.findings.fast_model_copy import copy_with, share_field_names
from focuswatch.ledger import LedgerEntry
from tests.given.one_line_findings import finding


def test_copy_equals_the_copy_of_pydantic():
    """The original is unchanged."""
    original = finding(team="search")
    copy = copy_with(original, {"team": "ads", "status": "open"})
    assert copy == original.model_copy(update={"team": "ads", "status": "open"})
    assert (original.team, original.status) == ("search", "new")
    assert (
        copy.model_dump_json()
        == original.model_copy(update={"team": "ads", "status": "open"}).model_dump_json()
    )


def test_sharing_field_names_does_not_change_an_entry():
    """Entries share only the set of field names; changing a value later affects one entry."""
    one, other = (LedgerEntry(finding=finding(name)) for name in ("a", "b"))
    before = one.model_dump_json(by_alias=True)
    share_field_names(one, one.finding, other, other.finding)
    assert one.model_dump_json(by_alias=True) == before
    assert copy_with(one, {"acknowledged_by": "Ana"}) != one
    assert other.acknowledged_by is None and LedgerEntry.model_validate_json(before) == one
