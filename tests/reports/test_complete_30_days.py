"""All reports about 30 days cover the same complete days, also if several bills are complete until different days."""

import re
from datetime import date, timedelta

import pytest

from focuswatch.bill.bill_inputs_and_digest import BillInputs, OtherBill
from focuswatch.bill.joint_bill import open_joint_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.find_tables_read_by_sql import tables_read_by
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.reports.query_report_rows_per_group import split_rows
from focuswatch.reports.run_report_with_other_cost_or_charge_kinds import (
    Basis,
    engine_with_basis,
    rows_with_basis,
)
from tests.given.exports import write

CATALOG = Catalog.load()
OWNERS = Owners.load(None)
FIRST, AS_OF = date(2026, 3, 1), date(2026, 6, 1)
SQL = {name: table.sql for name, table in CATALOG.tables.items()}
REPORTS = [
    name
    for name, report in CATALOG.reports.items()
    if re.search(r"30 (complete )?days", f"{report.header.title} {report.header.why}")
]
AWS = {"ProviderName": "AWS", "SubAccountId": "111122223333", "Tags": "{}"}
TOKENS = {**AWS, "ServiceName": "Amazon Bedrock", "SkuMeter": "USE1-NovaPro-input-tokens", "ResourceId": None}
GPU = {**AWS, "SkuMeter": "BoxUsage:p4d.24xlarge", "ResourceId": "i-gpu"}
AZURE = {
    "ProviderName": "Microsoft", "SubAccountId": "sub-1", "ServiceName": "Azure OpenAI", "ResourceId": "chat",
    "Tags": "{}", "SkuMeter": "gpt 4o Input regional Tokens", "ConsumedUnit": "Units",
}  # fmt: skip


def daily(kind: dict[str, str | None], *, days: int) -> list[dict[str, str | None]]:
    """Return a charge for each day from FIRST, each one dollar more than the day before."""
    starts = [FIRST + timedelta(days=number) for number in range(days)]
    return [
        {
            "ChargePeriodStart": f"{start} 00:00:00",
            "ChargePeriodEnd": f"{start + timedelta(days=1)} 00:00:00",
            "BillingPeriodStart": f"{start.replace(day=1)} 00:00:00",
            "EffectiveCost": str(number + 1),
            "BilledCost": str(10 * (number + 1)),
            "ConsumedUnit": None,
            **kind,
        }
        for number, start in enumerate(starts)
    ]


@pytest.fixture(scope="module")
def bill(tmp_path_factory):
    """AWS's bill is complete through May 29, Azure's, which ends a day earlier, through May 27."""
    folder, days = tmp_path_factory.mktemp("bills"), (AS_OF - FIRST).days
    units = {"ConsumedUnit": "VARCHAR"}
    write(folder / "aws" / "focus.parquet", *daily(TOKENS, days=days), *daily(GPU, days=days), types=units)
    write(folder / "azure" / "focus.parquet", *daily(AZURE, days=days - 1), types=units)
    other = OtherBill(str(folder / "azure"), folder / "state" / "azure")
    inputs = BillInputs(str(folder / "aws"), state=folder / "state" / "aws", others=(other,))
    with open_joint_bill(inputs, catalog=CATALOG, owners=OWNERS, progress=lambda _: None) as opened:
        yield opened


def expected(bill, name: str, *, first: date, end: date, cost: str = "EffectiveCost") -> float:
    """Return the cost of the charges that a report needs, on these days."""
    needed = CATALOG.report(name).header.needs.charges or "true"
    if name == "portfolio":
        needed = "true"
    (row,) = bill.engine.query(
        f"SELECT sum({cost}) AS cost FROM daily_charges WHERE {needed} "
        f"AND charge_date >= DATE '{first}' AND charge_date < DATE '{end}'",
        label="expected",
    )
    return row["cost"]


def total(rows, column: str = "effective_cost") -> float:
    """Return the sum of the rows without their totals."""
    return sum(row[column] for row in rows if row.get("team") != "(total)")


def test_each_report_that_states_30_days_reads_the_same_table():
    """A report that computed its own period could cover other days. Each report's text says "30 complete days"."""
    assert len(REPORTS) >= 12
    for name in REPORTS:
        report = CATALOG.report(name)
        assert "complete_30_days" in tables_read_by(report.sql, SQL), name
        assert "30 complete days" in " ".join(f"{report.header.title} {report.header.why}".split()), name


@pytest.mark.parametrize("name", REPORTS)
def test_reports_of_two_bills_cover_the_days_that_are_complete_in_both(bill, name):
    """Through May 27. Each day has a different cost, so the sum identifies the days."""
    end = date(2026, 5, 28)
    first, before = end - timedelta(days=30), end - timedelta(days=60)
    rows = report_rows(CATALOG.report(name), engine=bill.engine, as_of=bill.as_of, owners=OWNERS)
    assert total(rows) == pytest.approx(expected(bill, name, first=first, end=end)) and total(rows) > 0
    if "effective_cost_before" in rows[0]:
        assert total(rows, "effective_cost_before") == pytest.approx(
            expected(bill, name, first=before, end=first)
        )


def test_other_cost_bases_and_splits_cover_the_same_days(bill):
    """A report with another cost basis or split by provider does not use another period."""
    end = date(2026, 5, 28)
    days = {"first": end - timedelta(days=30), "end": end}
    report, options = CATALOG.report("unowned_spend"), {"as_of": bill.as_of, "owners": OWNERS}
    basis = Basis(cost="billed")
    billed = engine_with_basis(bill.engine, basis, report=report, catalog=CATALOG, **options)
    rows = rows_with_basis(report_rows(report, engine=billed, **options), basis, report=report)
    assert total(rows, "billed_cost") == pytest.approx(expected(bill, report.id, cost="BilledCost", **days))
    split = split_rows(report, by="provider", engine=bill.engine, catalog=CATALOG, **options)
    assert total(split) == pytest.approx(expected(bill, report.id, **days))


@pytest.mark.parametrize(
    ("ends", "end"),
    [
        ([], date(2026, 6, 1)),
        ([("2026-05-30", False)], date(2026, 6, 1)),
        ([("2026-05-30", True)], date(2026, 5, 30)),
        ([("2026-05-30", True), ("2026-05-23", True)], date(2026, 5, 23)),
        ([("2026-05-30", True), ("2026-05-22", True)], date(2026, 5, 30)),  # delivered late
    ],
)
def test_period_ends_with_the_bill_that_is_complete_first_unless_it_is_late(ends, end):
    """Eight days late: one overdue bill does not hold back the reports of the others."""
    connection = connect()
    connection.execute("CREATE TABLE completeness (incomplete_from DATE, is_settled BOOLEAN)")
    for row in ends:
        connection.execute("INSERT INTO completeness VALUES (?, ?)", row)
    statement = CATALOG.tables["complete_30_days"].render({"as_of": AS_OF})
    assert connection.execute(statement).fetchall() == [
        (end - timedelta(days=60), end - timedelta(days=30), end)
    ]
