"""Compare the results of Athena's statements, run unchanged on Trino 435, with those of DuckDB."""

import shutil
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import boto3
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from focuswatch.authoring.detection_cases import CASES_FOLDER, Case, CaseFile, read_cases
from focuswatch.authoring.detection_cases import differences as differences_from_case
from focuswatch.bill.aws_only_views_and_other_provider_warning import IS_AWS
from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.detection_or_report_as_saved_query import saved_query
from focuswatch.bill.distinguish_bills_and_aws_charges_in_athena_tables import DeployedPart, aws_tables
from focuswatch.bill.ingest.list_and_copy_from_s3 import list_s3
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.bill.refresh.athena_refresh import refresh_export
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables
from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import GluePeriod
from focuswatch.bill.refresh.write_read_delete_athena_table_files import AthenaTableFiles
from focuswatch.bill.render_tables_not_stored_on_athena_and_trino import NOT_STORED, tables_as_of
from focuswatch.bill.schema.columns_of_all_tables import DAILY_CHARGES, STORED_TABLES
from focuswatch.bill.schema.glue_tables_and_partition_keys import GLUE_TABLES
from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions
from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.find_tables_read_by_sql import tables_read_by
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.owners.owners_file import Owners
from focuswatch.simulate import simulate
from focuswatch.simulate.simulate_and_write_bill import Simulated
from tests.bill.test_request_metadata_days import AS_OF as LOGS_AS_OF
from tests.bill.test_request_metadata_days import charges_and_logs
from tests.conformance.bills import Bill, bill_of
from tests.conformance.compare import difference
from tests.conformance.engines import EntryResult, on_duckdb, run_entry
from tests.conformance.extent import IN_FULL, only_in_full
from tests.conformance.random_bills import random_bill
from tests.conformance.run_both import case_bills
from tests.fakes.local_athena_tables import create_tables, give_tables
from tests.fakes.local_athena_trino import over_trino
from tests.fakes.local_aws_with_cdk import LocalAws, local_aws
from tests.fakes.local_trino import LocalTrino
from tests.given.deployments import CONFIG
from tests.given.lambda_context import LambdaContext
from tests.given.local_scan import scan_local_bill
from tests.given.moto_ledger_table import ledger_table
from tests.given.same_findings import comparable_fields, differences, notifications_of

BUCKET, WORKGROUP, DATABASE = "bills", "conformance", "refreshed"
ENVIRONMENT = {
    "POWERTOOLS_TRACE_DISABLED": "true",
    "POWERTOOLS_SERVICE_NAME": "tests",
    "POWERTOOLS_METRICS_NAMESPACE": "focuswatch",
    "FOCUSWATCH_BUCKET": BUCKET,
    "FOCUSWATCH_DATABASE": DATABASE,
    "FOCUSWATCH_EXPORT": "export/focus",
    "FOCUSWATCH_EXTERNAL_ID": "a-secret-word",
    "FOCUSWATCH_LEDGER": "focuswatch-ledger",
    "FOCUSWATCH_MEMBER_ROLE": "focuswatch-member",
    "FOCUSWATCH_NAME": "focuswatch",
    "FOCUSWATCH_WORKGROUP": WORKGROUP,
}
OWNERS = CONFIG / "owners.toml"  # the file that every Lambda reads
CATALOG = Catalog.load()
NUMBERS = count()
SEED = 7


@pytest.fixture(scope="module")
def aws(local_trino: LocalTrino, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    """Start a local AWS whose Athena runs on the local Trino."""
    with local_aws(tmp_path_factory.mktemp("aws")) as aws, aws.used(), over_trino(aws, local_trino):
        aws.client("s3").create_bucket(Bucket=BUCKET)
        results = {"OutputLocation": f"s3://{BUCKET}/results/"}
        aws.client("athena").create_work_group(
            Name=WORKGROUP,
            Configuration={"EnforceWorkGroupConfiguration": True, "ResultConfiguration": results},
        )
        yield aws


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open one DuckDB for all bills; each bill replaces every table."""
    connection = connect()
    yield connection
    connection.close()


def on_athena(
    bill: Bill,
    *,
    aws: LocalAws,
    connection: duckdb.DuckDBPyConnection,
    only: Collection[str] = GLUE_TABLES,
) -> AthenaEngine:
    """Copy the tables `only` of the bill that is now in DuckDB, and return the engine of a deployment over them."""
    database = f"bill_{next(NUMBERS)}"
    give_tables(aws, connection, bucket=BUCKET, database=database, only=only)
    return AthenaEngine(
        session=boto3.Session(),
        database=database,
        workgroup=WORKGROUP,
        results=f"s3://{BUCKET}/unloaded/",
        run_id=database,
        tables=tables_as_of(CATALOG, as_of=bill.question.as_of),
    )


def result_differences(duckdb: EntryResult, athena: EntryResult, *, sql: str) -> list[str]:
    """Return the differences of the rows, and of their order by `sql`: the endpoint unloads rows in Trino's order."""
    if athena.outcome and athena.outcome.error:
        return [athena.outcome.error]
    pairs = zip(duckdb.results, athena.results, strict=True)
    mismatches = (difference(rows, athena_rows, sql=sql) for rows, athena_rows in pairs)
    return [one for one in mismatches if one]


@pytest.mark.parametrize("id", CATALOG.detections)
def test_case_has_the_same_result_on_the_athena_endpoint(
    id: str, aws: LocalAws, connection: duckdb.DuckDBPyConnection
) -> None:
    file, detection = read_cases(CASES_FOLDER / f"{id}.toml"), CATALOG.detections[id]
    only = glue_tables_read_by(detection)
    requests = []
    for case in file.cases if IN_FULL else first_with_findings(file.cases):
        bill = bill_of(case, file=file, connection=connection)
        here = run_entry(
            detection, bill, engine=on_duckdb(bill, catalog=CATALOG, connection=connection), catalog=CATALOG
        )
        requests.append((case, bill, here, on_athena(bill, aws=aws, connection=connection, only=only)))
    with ThreadPoolExecutor(2) as pool:
        results = pool.map(lambda one: run_entry(detection, one[1], engine=one[3], catalog=CATALOG), requests)
        problems = [
            f"{case.name}: {mismatch}"
            for (case, _, here, _), there in zip(requests, results, strict=True)
            for mismatch in [
                *differences_from_case(case, there.outcome),
                *result_differences(here, there, sql=detection.sql),
            ]
        ]
    assert problems == []


def glue_tables_read_by(detection: Detection) -> list[str]:
    """Return the tables of Glue that a detection reads, itself or through tables that are not stored."""
    causes = CATALOG.lookups["cost_drivers"].sql  # a detection of a series runs it too
    tables = {**dict.fromkeys(GLUE_TABLES, ""), **{name: CATALOG.tables[name].sql for name in NOT_STORED}}
    needed = tables_read_by(f"{detection.sql}\n{causes}", tables)
    return [name for name in GLUE_TABLES if name in needed]


def first_with_findings(cases: list[Case]) -> list[Case]:
    """Return the first case that has findings."""
    return [case for case in cases if case.findings][:1]


@pytest.fixture(scope="module")
def mixed(aws: LocalAws, connection: duckdb.DuckDBPyConnection) -> tuple[Bill, AthenaEngine]:
    """Return a random bill with nulls, quotes, emoji and empty maps, and the engine of a deployment over it."""
    cases = case_bills(CATALOG, connection=connection)
    bill, _ = random_bill(Random(SEED), cases, name=f"seed-{SEED}")
    on_duckdb(bill, catalog=CATALOG, connection=connection)
    return bill, on_athena(bill, aws=aws, connection=connection)


def test_stored_tables_of_aws_charges_alone_are_read_through_the_table_of_the_same_name(
    mixed: tuple[Bill, AthenaEngine],
) -> None:
    """A common table expression named daily_charges reads the table daily_charges of the database."""
    _, engine = mixed
    mixed_bill = DeployedPart("", {"all": period_of(charges=2, providers={"Microsoft": 1})})
    aws_alone = engine.over({**aws_tables([mixed_bill], database=engine.database), **engine.tables})
    charges = "SELECT CAST(sum(charges) AS bigint) AS charges FROM {}"
    (expected,) = engine.query(f"{charges.format('daily_charges')} WHERE {IS_AWS}", label="expected")
    for table in ("daily_charges", "daily_services", "tagged_days"):
        assert aws_alone.query(charges.format(table), label=table) == [expected], table
    (every,) = engine.query(charges.format("daily_charges"), label="every")
    assert every["charges"] >= expected["charges"] > 0


def period_of(*, charges: int, providers: dict[str, int]) -> GluePeriod:
    """Return a billing period with these charges."""
    day, moment = date(2026, 5, 1), datetime(2026, 6, 1, tzinfo=UTC)
    return GluePeriod(
        "all",
        location="",
        digest="",
        delivered_at=moment,
        charges=charges,
        billed_cost=0.0,
        currency="USD",
        first_charge_date=day,
        last_charge_date=day,
        providers=providers,
    )


@only_in_full
@pytest.mark.parametrize("name", NOT_STORED)
def test_view_has_the_same_rows_on_the_athena_endpoint(
    name: str, mixed: tuple[Bill, AthenaEngine], connection: duckdb.DuckDBPyConnection
) -> None:
    bill, there = mixed
    here = on_duckdb(bill, catalog=CATALOG, connection=connection)
    columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
    statement = f"SELECT {', '.join(columns)} FROM {name}"
    assert difference(here.query(statement, label=name), there.query(statement, label=name)) is None


@only_in_full
@pytest.mark.parametrize("id", CATALOG.reports)
def test_report_has_the_same_rows_on_the_athena_endpoint(
    id: str, mixed: tuple[Bill, AthenaEngine], connection: duckdb.DuckDBPyConnection
) -> None:
    bill, there = mixed
    report = CATALOG.reports[id]
    here = run_entry(
        report, bill, engine=on_duckdb(bill, catalog=CATALOG, connection=connection), catalog=CATALOG
    )
    assert (
        result_differences(here, run_entry(report, bill, engine=there, catalog=CATALOG), sql=report.sql) == []
    )


def test_cost_of_executions_is_the_same_on_the_athena_endpoint(
    aws: LocalAws, connection: duckdb.DuckDBPyConnection
) -> None:
    """No detection's case has token sums of invocation logs."""
    charges, logs = charges_and_logs(Random(SEED), each=40)
    case = Case(name="random calls", kind="quiet", as_of=LOGS_AS_OF, charges=charges, invocations=logs)
    file = CaseFile.model_construct(charge={}, activity_row={}, principal_row={}, cases=[case])
    bill = bill_of(case, file=file, connection=connection)
    report = CATALOG.reports["cost_per_execution"]
    here = run_entry(
        report, bill, engine=on_duckdb(bill, catalog=CATALOG, connection=connection), catalog=CATALOG
    )
    assert {row["counted_as"] for (rows,) in [here.results] for row in rows} >= {
        "value",
        "no value",
        "not logged",
    }
    there = run_entry(report, bill, engine=on_athena(bill, aws=aws, connection=connection), catalog=CATALOG)
    assert result_differences(here, there, sql=report.sql) == []


@pytest.fixture(scope="module")
def organization(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Simulate thirty days of an organization: parts of two billing periods."""
    return simulate(tmp_path_factory.mktemp("organization") / "it", days=30, end=date(2026, 6, 4))


@pytest.fixture(scope="module")
def refreshed(aws: LocalAws, organization: Simulated) -> Iterator[dict[str, Any]]:
    """Return the result of the function `refresh` for the organization's export, in the environment of a function."""
    for path in sorted(path for path in organization.export.rglob("*") if path.is_file()):
        aws.client("s3").upload_file(
            str(path), BUCKET, f"export/focus/{path.relative_to(organization.export)}"
        )
    create_tables(aws, bucket=BUCKET, database=DATABASE, export="export/focus")
    ledger_table(ENVIRONMENT["FOCUSWATCH_LEDGER"])
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        from lambdas import refresh_tables_from_export

        yield refresh_tables_from_export.handler({}, LambdaContext())


def test_lambda_refresh_creates_the_same_tables_as_a_local_refresh(
    aws: LocalAws, organization: Simulated, refreshed: dict[str, Any], tmp_path: Path
) -> None:
    assert refreshed["ran"] == ["2026-05", "2026-06"]
    engine = AthenaEngine(boto3.Session(), DATABASE, WORKGROUP, f"s3://{BUCKET}/unloaded/", "compared")
    inputs = BillInputs(str(organization.export), tmp_path / "state")
    with open_local_bill(inputs, catalog=CATALOG, owners=Owners.load(OWNERS), progress=print) as bill:
        for name, shape in STORED_TABLES.items():
            statement = summed(name, shape)
            here = bill.engine.query(statement, label=name)
            assert len(here) > 100
            assert difference(here, engine.query(statement, label=name)) is None, name


def test_lambda_detect_reports_the_same_findings_as_a_local_scan(
    organization: Simulated, refreshed: dict[str, Any], tmp_path: Path
) -> None:
    from lambdas import detect_and_record_findings

    detections = ["new_region", "unused_commitment"]
    heartbeat = detect_and_record_findings.handler({"detail": {"left": detections}}, LambdaContext())
    assert (heartbeat["ran"], heartbeat["failed"]) == (detections, {})
    bill_options = BillOptions(export=str(organization.export), owners=OWNERS, state=tmp_path)
    scanned = scan_local_bill(bill_options, only=detections)
    here = notifications_of(scanned)
    assert any(finding["explanation"] for _, finding in here.values())
    ledger = DynamoLedger(boto3.resource("dynamodb").Table(ENVIRONMENT["FOCUSWATCH_LEDGER"]))
    notified = {one.fingerprint: ("new", comparable_fields(one.finding)) for one in ledger.entries().values()}
    assert differences(notified, here) == []


def change_columns(export: Path) -> None:
    """Make the columns of two billing periods differ, as when an export is changed or AWS adds a column."""
    older, newer = sorted(export.glob("data/*/*.parquet"))
    rows = pq.read_table(older)
    removed = [
        name
        for name in ("CapacityReservationId", "CapacityReservationStatus", "x_Discounts")
        if name in rows.column_names
    ]
    assert "CapacityReservationId" in removed
    pq.write_table(rows.drop_columns(removed), older)
    rows = pq.read_table(newer)
    discounts = pa.array([[("EdpDiscount", -0.1)]] * len(rows), pa.map_(pa.string(), pa.float64()))
    if "x_Discounts" in rows.column_names:
        rows = rows.drop_columns("x_Discounts")
    rows = rows.append_column("x_Discounts", discounts).append_column(
        "x_Unheard", pa.array(["of"] * len(rows))
    )
    pq.write_table(rows.select([*reversed(rows.column_names)]), newer)


def test_periods_with_different_columns_are_refreshed(
    aws: LocalAws, organization: Simulated, tmp_path: Path
) -> None:
    export = tmp_path / "export"
    shutil.copytree(organization.export, export)
    change_columns(export)
    for path in sorted(path for path in export.rglob("*") if path.is_file()):
        aws.client("s3").upload_file(str(path), BUCKET, f"export/uneven/{path.relative_to(export)}")
    create_tables(aws, bucket=BUCKET, database="uneven", export="export/uneven", folder="uneven")
    session = boto3.Session()
    engine = AthenaEngine(session, "uneven", WORKGROUP, f"s3://{BUCKET}/unloaded/", "uneven")
    files = AthenaTableFiles(session.client("s3"), BUCKET, "uneven")
    listing = list_s3(f"s3://{BUCKET}/export/uneven", mirror=tmp_path / "mirror")
    owners = Owners.load(OWNERS)
    athena_tables = AthenaTables(engine, session.client("glue"), files, CATALOG)
    result = refresh_export(athena_tables, listing, owners=owners, progress=print)
    assert (result.changed, result.failed) == (("2026-05", "2026-06"), {})
    inputs = BillInputs(str(export), tmp_path / "state")
    with open_local_bill(inputs, catalog=CATALOG, owners=owners, progress=print) as bill:
        statement = summed("daily_charges", DAILY_CHARGES)
        here = bill.engine.query(statement, label="here")
        assert len(here) > 100
        assert difference(here, engine.query(statement, label="there")) is None


def summed(name: str, shape: Mapping[str, str]) -> str:
    """Return a statement that sums the measures by all other columns, on a few days of both periods to save time."""
    kinds = {column: type_.partition("(")[0] for column, type_ in shape.items()}
    keys = [column for column, kind in kinds.items() if kind not in ("DOUBLE", "BIGINT", "MAP")]
    sums = [f"sum({column}) AS {column}" for column, kind in kinds.items() if kind == "DOUBLE"]
    counts = [
        f"CAST(sum({column}) AS bigint) AS {column}" for column, kind in kinds.items() if kind == "BIGINT"
    ]
    return f"""
    SELECT {", ".join([*keys, *sums, *counts])}
    FROM {name}
    WHERE charge_date >= DATE '2026-05-27'
    GROUP BY {", ".join(keys)}
    """


@only_in_full
@pytest.mark.parametrize("id", [*CATALOG.detections, *CATALOG.reports])
def test_saved_query_runs_without_changes(id: str, mixed: tuple[Bill, AthenaEngine]) -> None:
    """The Athena console replaces no placeholders and adds no tables."""
    _, there = mixed
    entry = CATALOG.detections.get(id) or CATALOG.reports[id]
    statement = saved_query(entry, catalog=CATALOG, required_tags=["team"])
    there.tables, tables = {}, there.tables
    try:
        there.query(statement, label=id)
    finally:
        there.tables = tables
