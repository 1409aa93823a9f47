"""The queries for the page and for verified savings have the same result on DuckDB and on a real Trino."""

from dataclasses import replace
from datetime import date

import pytest

from focuswatch.authoring.detection_cases import CASES_FOLDER, read_cases
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.ledger import LedgerEntry, Suppression
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.known_findings_rows_from_ledger import findings_rows
from tests.conformance.bills import bill_of
from tests.conformance.compare import difference
from tests.conformance.engines import OnTrino, on_duckdb, shapes_of
from tests.fakes.local_trino import LocalTrino
from tests.given.one_line_findings import DAY, finding
from tests.given.page_inputs import resolved

CATALOG = Catalog.load()
ENDPOINT = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/summaries"
FINDINGS = [
    ("one", "111122223333", "us-east-1", "Amazon SageMaker", ENDPOINT),
    ("whole account", "111122223333", None, None, None),
    ("another's", "999900001111", None, None, None),
]
RESOLVED = [(*one, date(2026, 3, 1), date(2026, 3, 7)) for one in FINDINGS]
LOOKUP_VALUES = {
    "layer_days": {},
    "bill_daily_spend": {},
    "gpu_utilization_days": {},
    "finding_days": {"findings": FINDINGS},
    "resolved_costs": {"resolved": RESOLVED},
}

LAUNCH_AND_SAVINGS_QUERIES = [CATALOG.lookups["muted_launch_costs"], CATALOG.reports["savings"]]


@pytest.fixture(scope="module")
def engines(local_trino: LocalTrino):
    """Return DuckDB and Trino engines and as_of, over an endpoint with GPUs that have utilization metrics."""
    connection = connect()
    file = read_cases(CASES_FOLDER / "underused_gpu.toml")
    bill = bill_of(file.cases[0], file=file, connection=connection)
    shapes = shapes_of(CATALOG, connection=connection, bill=bill)
    trino = OnTrino(local_trino, CATALOG, "page", [bill], shapes)
    trino.load(for_entries=[CATALOG.lookups[name] for name in LOOKUP_VALUES])
    yield on_duckdb(bill, catalog=CATALOG, connection=connection), trino.engine(0), bill.question.as_of
    trino.drop()
    connection.close()


@pytest.mark.parametrize("name", LOOKUP_VALUES)
def test_data_of_charts_is_the_same_on_trino(name, engines):
    """Row by row. An empty result would prove nothing."""
    duckdb_engine, trino, as_of = engines
    statement = CATALOG.lookups[name].render({"as_of": as_of, **LOOKUP_VALUES[name]})
    expected = duckdb_engine.query(statement, label=name)
    assert expected
    assert difference(expected, trino.query(statement, label=name), sql=CATALOG.lookups[name].sql) is None


@pytest.fixture(scope="module")
def launch_engines(local_trino: LocalTrino):
    """Return both engines and as_of, with a planned launch of four times the baseline, and waste in each state."""
    connection = connect()
    file = read_cases(CASES_FOLDER / "cost_anomaly.toml")
    case = next(one for one in file.cases if one.name == "a planned launch up to its factor is not reported")
    suppression = Suppression(scope="resource", value="quiet", author="ana", reason="known", since=DAY)
    entries = [
        LedgerEntry(finding=finding("open", team="search")),
        LedgerEntry(finding=finding("quiet")),
        LedgerEntry(finding=finding("seen"), acknowledged_by="ana", acknowledged_on=DAY),
        resolved("300", saved_daily="9"),
        resolved("30", saved_daily=None, resource="later"),
    ]
    findings = findings_rows(entries, [suppression], as_of=DAY, owners=Owners(), account_tags={})
    bill = bill_of(case, file=file, connection=connection)
    bill = replace(bill, rows={**bill.rows, "known_findings": findings})
    shapes = shapes_of(CATALOG, connection=connection, bill=bill)
    trino = OnTrino(local_trino, CATALOG, "planned", [bill], shapes)
    trino.load(for_entries=LAUNCH_AND_SAVINGS_QUERIES)
    yield on_duckdb(bill, catalog=CATALOG, connection=connection), trino.engine(0), bill.question.as_of
    trino.drop()
    connection.close()


@pytest.mark.parametrize("entry", LAUNCH_AND_SAVINGS_QUERIES, ids=lambda one: one.id)
def test_muted_costs_and_savings_are_the_same_on_trino(entry, launch_engines):
    """Row by row. An empty result would prove nothing."""
    duckdb_engine, trino, as_of = launch_engines
    statement = entry.render({"as_of": as_of})
    expected = duckdb_engine.query(statement, label=entry.id)
    assert expected
    assert difference(expected, trino.query(statement, label=entry.id), sql=entry.sql) is None
