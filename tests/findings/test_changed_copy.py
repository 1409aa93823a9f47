"""Copies of findings with other values equal those of pydantic, and serialize all fields."""

from focuswatch.findings.changed_copy import changed, share_field_names
from focuswatch.ledger import LedgerEntry
from tests.given.one_line_findings import finding


def test_copy_with_other_values_is_that_of_pydantic():
    """And the original stays as it was."""
    original = finding(team="search")
    copy = changed(original, {"team": "ads", "status": "open"})
    assert copy == original.model_copy(update={"team": "ads", "status": "open"})
    assert (original.team, original.status) == ("search", "new")
    assert (
        copy.model_dump_json()
        == original.model_copy(update={"team": "ads", "status": "open"}).model_dump_json()
    )


def test_entry_with_shared_field_names_is_the_same():
    """Only the names of the fields that were set are shared; a value that is set later concerns one entry."""
    one, other = (LedgerEntry(finding=finding(name)) for name in ("a", "b"))
    before = one.model_dump_json(by_alias=True)
    share_field_names(one, one.finding, other, other.finding)
    assert one.model_dump_json(by_alias=True) == before
    assert changed(one, {"acknowledged_by": "Ana"}) != one
    assert other.acknowledged_by is None and LedgerEntry.model_validate_json(before) == one
