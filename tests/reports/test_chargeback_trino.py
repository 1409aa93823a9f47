"""A chargeback has the same lines on a real Trino as on DuckDB, and AthenaBill's statement returns the same rows."""

from random import Random

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.bill_protocol import Bill
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.bill.refresh.athena_refresh_queries import charges_as_delivered
from focuswatch.bill.schema.focus_columns_and_their_names_in_files import INVOICE, KINDS, SQL_TYPES
from focuswatch.bill.trino_bill import open_trino_bill
from focuswatch.engines import Row
from focuswatch.engines.prepend_tables_as_ctes import replace_table
from focuswatch.engines.trino_create_and_insert_sql import create_statement, insert_statements
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.chargeback import chargeback
from focuswatch.reports.query_report_rows import report_rows
from tests.conformance.compare import difference
from tests.given.exports import CATALOG, deliver
from tests.given.random_invoice_charges import MAY, TYPES, random_charges

SHAPE = {
    **{name: SQL_TYPES[kind] for name, kind in KINDS.items()},
    INVOICE: "VARCHAR",
    "billing_period": "VARCHAR",
}
OWNERS = Owners.model_validate(
    {
        "teams": {
            "search": {"channel": "#search", "owns": {"accounts": ["111122223333"]}},
            "ml": {"channel": "#ml"},
            "platform": {"channel": "#platform"},
        },
        "chargeback": {
            "shared": [
                {"name": "platform", "teams": ["platform"], "split": "usage"},
                {"name": "support", "services": ["AWS Support"], "split": "even"},
                {"name": "gateway", "accounts": ["555566667777"], "split": "tokens"},
            ]
        },
    }
)


def test_chargeback_is_the_same_on_trino(local_trino, tmp_path):
    """Line by line, over random charges; the memory connector holds the delivered rows."""
    deliver(tmp_path / "export", *random_charges(Random(7)), types=TYPES)
    local = BillInputs(str(tmp_path / "export"), tmp_path / "state")
    with open_local_bill(local, catalog=CATALOG, owners=OWNERS, progress=lambda _: None) as bill:
        delivered = bill.engine.query(bill.delivered_charges(MAY), label="delivered")
        expected = chargeback(bill, billing_period=MAY, owners=OWNERS, catalog=CATALOG)
        reports = _reports(bill)
    assert len(expected) > 10
    engine = local_trino.engine()
    engine.execute("CREATE SCHEMA IF NOT EXISTS chargeback", label="given")
    name = "memory.chargeback.focus_export"
    engine.execute(create_statement(name, SHAPE), label="given")
    rows = [[*(row[column] for column in [*KINDS, INVOICE]), "2026-05"] for row in delivered]
    for insert in insert_statements(name, SHAPE, rows):
        engine.execute(insert, label="given")
    trino_engine = local_trino.engine(schema="chargeback")
    inputs = BillInputs(name, tmp_path / "trino")
    with open_trino_bill(
        inputs, engine=trino_engine, catalog=CATALOG, owners=OWNERS, progress=lambda _: None
    ) as bill:
        assert chargeback(bill, billing_period=MAY, owners=OWNERS, catalog=CATALOG) == expected
        lookup = replace_table(
            CATALOG.lookups["invoice_charges"].sql, "focus_export", select=bill.delivered_charges(MAY)
        )
        on_trino = bill.engine.query(lookup, label="as Trino")
        on_athena = bill.engine.query(_athena_statement(), label="as Athena")
        for name, rows in _reports(bill).items():
            assert reports[name] and difference(reports[name], rows) is None, name
    assert sorted(map(repr, on_athena)) == sorted(map(repr, on_trino)) != []


def _reports(bill: Bill) -> dict[str, list[Row]]:
    """Return the rows of the reports that have the total of spend_by_team."""
    return {
        name: report_rows(CATALOG.report(name), engine=bill.engine, as_of=bill.as_of, owners=OWNERS)
        for name in ("spend_by_service", "spend_by_account")
    }


def _athena_statement() -> str:
    """Return the statement that AthenaBill runs; the table's partition key is billing_period."""
    lookup = CATALOG.lookups["invoice_charges"].sql
    return replace_table(lookup, "focus_export", select=charges_as_delivered("2026-05"))
