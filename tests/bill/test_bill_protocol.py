"""Rules that every implementation of the protocol Bill shares: the digest of its inputs and the as-of date."""

from datetime import date

import pytest

from focuswatch.bill.bill_inputs_and_digest import digest_of_inputs
from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
from focuswatch.bill.resolve_as_of import resolve_as_of
from focuswatch.errors import ConfigError
from focuswatch.owners.owners_file import Owners

SUMMARY = BillSummary(
    currency="USD",
    first_charge_date=date(2026, 1, 1),
    last_charge_date=date(2026, 5, 30),
    charges=10,
    data_digest="a-digest",
)
DAY = date(2026, 5, 31)


def digest(*files):
    return digest_of_inputs(SUMMARY, as_of=DAY, owners=Owners(), files=files)


def test_a_changed_activity_file_changes_the_data_digest(tmp_path):
    """Otherwise the result cache would return findings of the previous activity."""
    file = tmp_path / "activity.csv"
    file.write_text("a")
    before = digest(file)
    file.write_text("ab")
    assert digest(file) != before


def test_a_file_added_to_a_folder_changes_the_data_digest(tmp_path):
    (tmp_path / "one.csv").write_text("a")
    before = digest(tmp_path)
    (tmp_path / "two.csv").write_text("a")
    assert digest(tmp_path) != before


def test_unchanged_inputs_have_the_same_data_digest(tmp_path):
    file = tmp_path / "activity.csv"
    file.write_text("a")
    assert digest(file, None) == digest(file, None)


def test_as_of_defaults_to_the_day_after_the_last_charge():
    assert resolve_as_of(None, summary=SUMMARY) == DAY


@pytest.mark.parametrize("requested", [date(2026, 1, 2), DAY, date(2027, 6, 1)])
def test_as_of_within_the_bill_and_a_year_after_it_is_accepted(requested):
    assert resolve_as_of(requested, summary=SUMMARY) == requested


@pytest.mark.parametrize(
    ("requested", "message"),
    [(date(2026, 1, 1), "not after the first charge"), (date(2027, 6, 2), "more than 366 days after")],
)
def test_as_of_out_of_range_is_rejected(requested, message):
    with pytest.raises(ConfigError, match=message):
        resolve_as_of(requested, summary=SUMMARY)
