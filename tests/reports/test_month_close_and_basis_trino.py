"""The month close, stored forecasts and reports with another cost basis are the same on a real Trino and on DuckDB."""

from datetime import date

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.bill_protocol import Bill
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.bill.schema.focus_columns_and_their_names_in_files import INVOICE, KINDS, SQL_TYPES
from focuswatch.bill.trino_bill import open_trino_bill
from focuswatch.detect.forecast.make_and_store_forecasts_for_month_close import (
    forecasts_as_of,
    store_forecasts_of_day,
)
from focuswatch.engines import Row
from focuswatch.engines.trino_create_and_insert_sql import create_statement, insert_statements
from focuswatch.reports.compare_month_with_its_forecasts import close_month
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.reports.run_report_with_other_cost_or_charge_kinds import (
    Basis,
    engine_with_basis,
    rows_with_basis,
)
from tests.conformance.compare import difference
from tests.given.exports import CATALOG, write
from tests.reports.test_month_close import DAY, ENTRIES, JULY, JUNE, NEWEST, OWNERS, TYPES, charges_before

SHAPE = {**{name: SQL_TYPES[kind] for name, kind in KINDS.items()}, INVOICE: "VARCHAR"}
OTHER_BASES = {
    "portfolio": Basis("billed", ("usage", "fees", "credits", "tax")),
    "ai_spend": Basis("billed", ("usage", "fees", "credits", "tax")),
    "ai_by_team": Basis("billed"),
    "unit_economics": Basis("billed"),
    "month_forecast": Basis("effective", ("usage",)),
}


def test_month_close_and_bases_are_the_same_on_trino(local_trino, tmp_path):
    """Trino's memory connector holds the delivered rows and the stored forecasts."""
    write(tmp_path / "bill" / "bill.parquet", *charges_before(NEWEST, invoiced=True), types=TYPES)
    local = BillInputs(str(tmp_path / "bill"), tmp_path / "state")
    with open_local_bill(local, catalog=CATALOG, owners=OWNERS, progress=lambda _: None) as bill:
        months = [date(2026, number, 1) for number in range(3, 8)]
        delivered = [
            row
            for month in months
            for row in bill.engine.query(bill.delivered_charges(month), label="delivered")
        ]
        expected, reports = _close(bill), _reports(bill)
    engine = local_trino.engine()
    engine.execute("CREATE SCHEMA IF NOT EXISTS month_close", label="given")
    name = "memory.month_close.focus_export"
    engine.execute(create_statement(name, SHAPE), label="given")
    rows = [[row[column] for column in SHAPE] for row in delivered]
    for insert in insert_statements(name, SHAPE, rows):
        engine.execute(insert, label="given")
    trino_engine = local_trino.engine(schema="month_close")
    inputs = BillInputs(name, tmp_path / "trino")
    with open_trino_bill(
        inputs, engine=trino_engine, catalog=CATALOG, owners=OWNERS, progress=lambda _: None
    ) as bill:
        closed = _close(bill)
        assert difference(expected, closed) is None
        assert {row["recomputed"] for row in closed} == {"day 1, day 20"}
        for report, rows in _reports(bill).items():
            assert reports[report] and difference(reports[report], rows) is None, report
        assert (
            store_forecasts_of_day(bill, catalog=CATALOG) == 5
            and store_forecasts_of_day(bill, catalog=CATALOG) == 0
        )
        assert {row.made_on for row in bill.kept_forecasts(JULY)} == {NEWEST}


def _close(bill: Bill) -> list[Row]:
    """Return the rows of a month close for which only the forecasts of day 10 were stored."""
    kept = forecasts_as_of(bill, JUNE + 10 * DAY, catalog=CATALOG, owners=OWNERS, month=JUNE)
    bill.keep_forecasts(kept)
    return close_month(bill, ENTRIES, catalog=CATALOG, owners=OWNERS).rows


def _reports(bill: Bill) -> dict[str, list[Row]]:
    rows_by_report = {}
    for name, basis in OTHER_BASES.items():
        report = CATALOG.report(name)
        engine = engine_with_basis(
            bill.engine, basis, report=report, catalog=CATALOG, owners=OWNERS, as_of=bill.as_of
        )
        rows = report_rows(report, engine=engine, as_of=bill.as_of, owners=OWNERS)
        rows_by_report[name] = rows_with_basis(rows, basis, report=report)
    return rows_by_report
