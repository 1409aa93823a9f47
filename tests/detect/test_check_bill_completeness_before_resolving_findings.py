"""The reasons why a bill is stale or incomplete, on which a scan resolves no findings."""

from datetime import date, datetime, timedelta

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillPart
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.check_bill_completeness_before_resolving_findings import (
    Coverage,
    coverage,
    incomplete_parts,
)
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from tests.given.statements_of_scan import COVERED

CATALOG = Catalog.load()
MONTH = [date(2026, 3, 1), date(2026, 3, 31)]


def coverage_of(*charges, as_of=date(2026, 3, 31), accounts=(), deliveries=()) -> Coverage:
    connection = connect()
    case = Case(
        name="given charges",
        kind="quiet",
        charges=list(charges),
        accounts=list(accounts),
        deliveries=list(deliveries),
    )
    create_input_tables(
        connection, case, file=CaseFile.model_construct(charge={"SubAccountId": "1"}, activity_row={})
    )
    create_owner_and_computed_local_tables.create_views(
        connection, CATALOG, values={"as_of": as_of}, statements=[COVERED]
    )
    return coverage(DuckDbEngine(connection), as_of=as_of)


def test_complete_month_has_no_doubts():
    """Every day and every account has charges."""
    whole = coverage_of({"days": MONTH})
    assert (whole.doubts, whole.missing_accounts) == ((), frozenset())


def test_late_bill_is_stale():
    """The newest charge is four days old."""
    (doubt,) = coverage_of({"days": MONTH}, as_of=date(2026, 4, 3)).doubts
    assert doubt == "the most recent charge is from 2026-03-30, 4 days before 2026-04-03"


def test_a_bill_that_is_three_days_old_is_not_late():
    """AWS takes a day or two to deliver."""
    assert coverage_of({"days": MONTH}, as_of=date(2026, 4, 2)).doubts == ()


def test_missing_day_is_named():
    """A day without any charge was not delivered."""
    (doubt,) = coverage_of(
        {"days": [date(2026, 3, 1), date(2026, 3, 25)]}, {"days": [date(2026, 3, 26), date(2026, 3, 31)]}
    ).doubts
    assert doubt == "the bill has no charges for 2026-03-25"


def test_empty_bill_is_incomplete():
    """Before the first charge, a missing resource is no sign that the resource was removed."""
    assert coverage_of({"days": MONTH}, as_of=date(2026, 3, 1)).doubts


def test_stopped_account_is_missing_until_it_is_closed_or_a_month_has_passed():
    """Its charges may be missing from the export. After a month, or if the account is closed, it has really stopped."""
    stopped = {"SubAccountId": "2", "days": [date(2026, 3, 1), date(2026, 3, 20)]}
    assert coverage_of({"days": MONTH}, stopped).missing_accounts == {"2"}
    closed = {"sub_account_id": "2", "closed_on": date(2026, 3, 20)}
    assert coverage_of({"days": MONTH}, stopped, accounts=[closed]).missing_accounts == frozenset()
    long_gone = {"SubAccountId": "2", "days": [date(2026, 2, 1), date(2026, 2, 20)]}
    assert (
        coverage_of({"days": [date(2026, 2, 1), date(2026, 3, 31)]}, long_gone).missing_accounts
        == frozenset()
    )


def delivery(charges: int, *, hour: int) -> dict[str, object]:
    at = datetime(2026, 3, 31, hour)
    return {"billing_period": date(2026, 3, 1), "delivered_at": at, "refreshed_at": at, "charges": charges}


def test_period_with_fewer_charges_is_incomplete():
    """A second delivery with a tenth fewer charges was probably not complete."""
    (doubt,) = coverage_of({"days": MONTH}, deliveries=[delivery(1000, hour=1), delivery(900, hour=2)]).doubts
    assert doubt == "billing period 2026-03 now has 900 charges, but previously had 1,000"


def test_restated_period_is_complete():
    """Slightly fewer charges are a correction. A period that grew again is complete."""
    assert (
        coverage_of({"days": MONTH}, deliveries=[delivery(1000, hour=1), delivery(990, hour=2)]).doubts == ()
    )
    grown = [delivery(1000, hour=1), delivery(500, hour=2), delivery(1001, hour=3)]
    assert coverage_of({"days": MONTH}, deliveries=grown).doubts == ()


def test_a_bill_that_ends_early_or_lacks_days_keeps_its_findings_open():
    """If there are several bills, findings of the complete bills are still resolved."""
    days = [date(2026, 3, 1) + timedelta(days=number) for number in range(31)]
    whole = BillPart("aws", frozenset({"1"}), frozenset(days))
    late = BillPart("azure", frozenset({"2", None}), frozenset(days[:-5]))
    gap = BillPart("google", frozenset({"3"}), frozenset({*days} - {date(2026, 3, 25)}))
    incomplete = incomplete_parts([whole, late, gap], as_of=date(2026, 4, 1))
    assert incomplete.accounts == {"2", None, "3"}
    assert [note.split(" in this scan, because ") for note in incomplete.notes] == [
        [
            "focuswatch did not resolve any findings in azure",
            "the most recent charge is from 2026-03-26, 6 days before 2026-04-01",
        ],
        ["focuswatch did not resolve any findings in google", "the bill has no charges for 2026-03-25"],
    ]
    assert incomplete_parts([whole], as_of=date(2026, 4, 1)).accounts == frozenset()
