"""Queries of events, account periods and renamed OUs have the same result on DuckDB and on a real Trino."""

from datetime import date, datetime

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from tests.conformance.bills import bill_of
from tests.conformance.compare import difference
from tests.conformance.engines import OnTrino, on_duckdb, shapes_of
from tests.fakes.local_trino import LocalTrino
from tests.owners.test_account_periods import ACCOUNT, AS_OF, BEFORE, CHARGE, IN_FRAUD

CATALOG = Catalog.load()
DISCOVERY = IN_FRAUD | {"ou_path": "/prod/discovery"}
SECOND = BEFORE | {"tags": {"team": "fraud"}, "valid_from": BEFORE["valid_to"], "valid_to": date(2026, 5, 20)}
EVENT = {
    "occurred_at": datetime(2026, 5, 20, 14, 20),
    "sub_account_id": ACCOUNT,
    "service_name": "Lambda",
    "kind": "deployment",
    "reference": "it's 1",
}
BY_RESOURCE = EVENT | {"service_name": None, "resource_id": "arn:x", "kind": "alarm", "reference": None}
STATEMENTS = {
    "account_periods": "SELECT * FROM account_periods",
    "owned_days": "SELECT * FROM owned_days",
    "renamed_ous": CATALOG.lookups["renamed_ous"].render({"as_of": AS_OF}),
    "unowned_spend": CATALOG.report("unowned_spend").render({"as_of": AS_OF}),
    "spend_beside_events": CATALOG.report("spend_beside_events").render({"as_of": AS_OF}),
    "events_of_accounts": CATALOG.lookups["events_of_accounts"].render(
        {"account_ids": [ACCOUNT], "first_day": date(2026, 5, 20), "end_day": date(2026, 5, 21)}
    ),
}
ENTRIES_TO_LOAD = (
    CATALOG.lookups["renamed_ous"],
    CATALOG.report("unowned_spend"),
    CATALOG.report("spend_beside_events"),
)


@pytest.fixture(scope="module")
def engines(local_trino: LocalTrino):
    """Return DuckDB and Trino engines over an account with three periods, and events by service and by resource."""
    connection = connect()
    case = Case(
        name="given charges", kind="quiet", as_of=AS_OF, charges=[{"ResourceId": "arn:x"}], accounts=[DISCOVERY],
        account_history=[BEFORE, SECOND], events=[EVENT, EVENT | {"service_name": "AWS Glue"}, BY_RESOURCE],
        owners={"teams": {"search": {"channel": "#s", "owns": {"ous": ["/prod/search"]}}}},
    )  # fmt: skip
    bill = bill_of(case, file=CaseFile.model_construct(charge=CHARGE), connection=connection)
    shapes = shapes_of(CATALOG, connection=connection, bill=bill)
    trino = OnTrino(local_trino, CATALOG, "events", [bill], shapes)
    trino.load(for_entries=ENTRIES_TO_LOAD)
    yield on_duckdb(bill, catalog=CATALOG, connection=connection), trino.engine(0)
    trino.drop()
    connection.close()


@pytest.mark.parametrize("name", STATEMENTS)
def test_result_is_the_same_on_trino(name, engines):
    """Row by row. An empty result would prove nothing."""
    duckdb_engine, trino = engines
    expected = duckdb_engine.query(STATEMENTS[name], label=name)
    assert expected
    assert difference(expected, trino.query(STATEMENTS[name], label=name), sql=STATEMENTS[name]) is None
