"""The queries of the page and of verified savings have the same result on DuckDB and on a real Trino."""

from dataclasses import replace
from datetime import date

import pytest

from focuswatch.authoring.detection_cases import FOLDER, read_cases
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_engine import connect
from focuswatch.ledger import LedgerEntry, Suppression
from focuswatch.owners.owners_file_and_assignment import Owners
from focuswatch.reports.known_findings_rows import findings_rows
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
ASKED = {
    "layer_days": {},
    "bill_daily_spend": {},
    "gpu_utilization_days": {},
    "finding_days": {"findings": FINDINGS},
    "resolved_costs": {"resolved": RESOLVED},
}

ALSO_ASKED = [CATALOG.lookups["muted_launch_costs"], CATALOG.reports["savings"]]


@pytest.fixture(scope="module")
def engines(local_trino: LocalTrino):
    """Both, over an endpoint with GPUs whose use somebody counted."""
    connection = connect()
    file = read_cases(FOLDER / "underused_gpu.toml")
    bill = bill_of(file.cases[0], file=file, connection=connection)
    shapes = shapes_of(CATALOG, connection=connection, bill=bill)
    there = OnTrino(local_trino, CATALOG, "page", [bill], shapes)
    there.load(for_entries=[CATALOG.lookups[name] for name in ASKED])
    yield on_duckdb(bill, catalog=CATALOG, connection=connection), there.engine(0), bill.question.as_of
    there.drop()
    connection.close()


@pytest.mark.parametrize("name", ASKED)
def test_data_of_charts_is_the_same_on_trino(name, engines):
    """Row by row, and there are rows."""
    here, there, as_of = engines
    statement = CATALOG.lookups[name].render({"as_of": as_of, **ASKED[name]})
    ours = here.query(statement, label=name)
    assert ours
    assert difference(ours, there.query(statement, label=name), sql=CATALOG.lookups[name].sql) is None


@pytest.fixture(scope="module")
def planned(local_trino: LocalTrino):
    """Return both engines, with a planned launch that costs four times the baseline, and waste in each state."""
    connection = connect()
    file = read_cases(FOLDER / "cost_anomaly.toml")
    case = next(one for one in file.cases if one.name == "a planned launch up to its factor is not reported")
    suppression = Suppression(scope="resource", value="quiet", author="ana", reason="known", since=DAY)
    entries = [
        LedgerEntry(finding=finding("open", team="search")), LedgerEntry(finding=finding("quiet")),
        LedgerEntry(finding=finding("seen"), acknowledged_by="ana", acknowledged_on=DAY),
        resolved("300", saved_daily="9"), resolved("30", saved_daily=None, resource="later"),
    ]  # fmt: skip
    findings = findings_rows(entries, [suppression], as_of=DAY, owners=Owners(), account_tags={})
    bill = bill_of(case, file=file, connection=connection)
    bill = replace(bill, rows={**bill.rows, "known_findings": findings})
    shapes = shapes_of(CATALOG, connection=connection, bill=bill)
    there = OnTrino(local_trino, CATALOG, "planned", [bill], shapes)
    there.load(for_entries=ALSO_ASKED)
    yield on_duckdb(bill, catalog=CATALOG, connection=connection), there.engine(0), bill.question.as_of
    there.drop()
    connection.close()


@pytest.mark.parametrize("entry", ALSO_ASKED, ids=lambda one: one.id)
def test_muted_costs_and_savings_are_the_same_on_trino(entry, planned):
    """Row by row, and there are rows."""
    here, there, as_of = planned
    statement = entry.render({"as_of": as_of})
    ours = here.query(statement, label=entry.id)
    assert ours
    assert difference(ours, there.query(statement, label=entry.id), sql=entry.sql) is None
