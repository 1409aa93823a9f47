"""The refresh and the scan of a deployment, over HTTP: S3, Glue and Athena run on loopback."""

import io
import json
import secrets
import shutil
import threading
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.cost import SCAN_STATEMENTS
from focuswatch.bill.athena_bill import open_athena_bill
from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.detection_or_report_as_saved_query import saved_query
from focuswatch.bill.ingest.list_and_copy_from_s3 import list_s3
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.bill.refresh import (
    athena_refresh,
    athena_refresh_queries,
    switch_athena_table_periods_and_locate_export,
    write_athena_period_charges_to_new_folder,
)
from focuswatch.bill.refresh.athena_refresh import refresh_export
from focuswatch.bill.refresh.athena_refresh_queries import ai_folder, charges_of_period, portions_of_paths
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables
from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import Partitions
from focuswatch.bill.refresh.write_athena_period_charges_to_new_folder import MOST_SORTED_BYTES, ChargesWriter
from focuswatch.bill.refresh.write_read_delete_athena_table_files import AthenaTableFiles
from focuswatch.bill.render_tables_not_stored_on_athena_and_trino import tables_as_of
from focuswatch.bill.schema.columns_of_all_tables import STORED_TABLES
from focuswatch.bill.schema.glue_tables_and_partition_keys import GLUE_TABLES, PARTITION_KEYS, PERIOD_TABLES
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.errors import ExportError, QueryError
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners
from focuswatch.simulate import simulate
from tests.fakes.local_aws_with_cdk import local_aws

BUCKET, DATABASE, WORKGROUP, EXPORT = "data", "focuswatch", "focuswatch", "focus/organization"
CATALOG = Catalog.load()


@pytest.fixture(scope="module")
def organization(tmp_path_factory):
    """Simulate the export of a small organization, with its activity, accounts and owners."""
    return simulate(tmp_path_factory.mktemp("organization"), days=70, seed=11)


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """Start a local AWS with the resources of the pipeline stack: bucket, Glue tables, workgroup."""
    with local_aws(tmp_path_factory.mktemp("aws")) as aws, aws.used():
        aws.client("s3").create_bucket(Bucket=BUCKET)
        aws.client("glue").create_database(DatabaseInput={"Name": DATABASE})
        aws.client("athena").create_work_group(
            Name=WORKGROUP,
            Configuration={
                "EnforceWorkGroupConfiguration": True,
                "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/athena-results/"},
            },
        )
        for name in GLUE_TABLES:
            _create_table(aws, name)
        yield aws


def _create_table(aws, name):
    key = PARTITION_KEYS.get(name)
    projected = {
        "activity": (
            "yyyy-MM-dd",
            "DAYS",
            "2024-01-01,NOW+1DAY",
            "tables/activity/activity_date=${activity_date}/",
        ),
    }.get(name)
    parameters = {"classification": "parquet"}
    if projected:
        pattern, unit, span, template = projected
        parameters |= {
            "projection.enabled": "true",
            f"projection.{key[0]}.type": "date",
            f"projection.{key[0]}.format": pattern,
            f"projection.{key[0]}.range": span,
            f"projection.{key[0]}.interval": "1",
            f"projection.{key[0]}.interval.unit": unit,
            "storage.location.template": f"s3://{BUCKET}/{template}",
        }
    aws.client("glue").create_table(
        DatabaseName=DATABASE,
        TableInput={
            "Name": name,
            "Parameters": parameters,
            "PartitionKeys": [{"Name": key[0], "Type": key[1]}] if key else [],
            "StorageDescriptor": {
                "Location": f"s3://{BUCKET}/tables/{name}/",
                "Columns": [{"Name": column, "Type": type_} for column, type_ in GLUE_TABLES[name]],
            },
        },
    )


def deliver(aws, export: Path):
    """Upload an export as Data Exports does: manifests last."""
    files = sorted(
        (path for path in export.rglob("*") if path.is_file()), key=lambda path: "metadata" in path.parts
    )
    for path in files:
        aws.client("s3").upload_file(str(path), BUCKET, f"{EXPORT}/{path.relative_to(export)}")


def deployed_tables(run_id="a-run"):
    session = boto3.Session()
    engine = AthenaEngine(
        session=session,
        database=DATABASE,
        workgroup=WORKGROUP,
        results=f"s3://{BUCKET}/athena-results/",
        run_id=run_id,
    )
    return AthenaTables(
        engine, session.client("glue"), AthenaTableFiles(session.client("s3"), BUCKET, run_id), CATALOG
    )


def refreshed(tmp_path, owners, *, tables=None):
    tables = tables or deployed_tables()
    listing = list_s3(f"s3://{BUCKET}/{EXPORT}", mirror=tmp_path / "mirror")
    return refresh_export(tables, listing, owners=owners, progress=lambda text: None)


@pytest.fixture(scope="module")
def owners(organization):
    return Owners.load(organization.owners)


@pytest.fixture(scope="module")
def delivered(aws, organization, owners, tmp_path_factory):
    """Deliver and refresh the export once, with activity and accounts as the collector stores them."""
    deliver(aws, organization.export)
    activity = pq.read_table(organization.activity)
    days = activity.column("activity_date").unique().to_pylist()
    for day in days:
        mask = [one == day for one in activity.column("activity_date").to_pylist()]
        _put(
            aws,
            activity.filter(mask).drop_columns("activity_date"),
            f"activity/activity_date={day}/part.parquet",
        )
    _put(aws, pq.read_table(organization.accounts), "accounts/accounts.parquet")
    return refreshed(tmp_path_factory.mktemp("first"), owners)


def _put(aws, table, key):
    body = io.BytesIO()
    pq.write_table(table, body)
    aws.client("s3").put_object(Bucket=BUCKET, Key=f"tables/{key}", Body=body.getvalue())


@pytest.fixture(scope="module")
def bill(organization, owners, tmp_path_factory):
    """Open the local bill of the same export."""
    inputs = BillInputs(
        str(organization.export),
        tmp_path_factory.mktemp("state"),
        organization.activity,
        organization.accounts,
    )
    with open_local_bill(inputs, catalog=CATALOG, owners=owners, progress=lambda text: None) as bill:
        yield bill


SUMS = """
SELECT billing_period, count(DISTINCT SubAccountId) AS accounts, sum(charges) AS charges,
    round(sum(EffectiveCost), 4) AS effective_cost, round(sum(BilledCost), 4) AS billed_cost
FROM {table}
GROUP BY billing_period
"""


@pytest.mark.parametrize("table", PERIOD_TABLES)
def test_athena_tables_equal_the_local_tables(delivered, bill, table):
    """Compare charges, accounts and costs by billing period, in each table that detections read."""
    statement = SUMS.format(table=table)
    there = deployed_tables().engine.query(statement, label="there")
    here = bill.engine.query(statement, label="here")
    assert sorted(there, key=str) == sorted(here, key=str)


def test_charges_of_ai_services_are_stored_once(delivered):
    """`ai_charges` is a subfolder of `daily_charges`, so no further statement writes it."""
    glue = boto3.Session().client("glue")
    charges, ai = (Partitions(glue, DATABASE, table).locations() for table in ("daily_charges", "ai_charges"))
    assert ai == {period: ai_folder(location) for period, location in charges.items()}


def services_of(aws, folder):
    """Return the service of each row in the files of a folder of `daily_charges`, file by file."""
    prefix = folder.removeprefix(f"s3://{BUCKET}/")
    keys = [one["Key"] for one in aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]]
    bodies = (aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys)
    return [pq.read_table(io.BytesIO(body))["servicename"].to_pylist() for body in bodies]


def test_stored_charges_are_sorted_by_service(aws, delivered):
    """Rows of the same resource are then adjacent, which makes the files smaller."""
    for location in Partitions(aws.client("glue"), DATABASE, "daily_charges").locations().values():
        for services in services_of(aws, location):
            assert len(services) > len(set(services)) and services == sorted(services)


@pytest.mark.parametrize(
    "message", ["Query exhausted resources at this scale factor", "EXCEEDED_LOCAL_MEMORY_LIMIT: x"]
)
def test_charges_are_stored_unsorted_if_athena_lacks_memory_to_sort_them(aws, delivered, message):
    """They are written to another folder, because Athena does not remove the files of a failed statement."""
    engine, files = (
        UnsortingEngine(deployed_tables().engine, message),
        AthenaTableFiles(aws.client("s3"), BUCKET, "unsorted"),
    )
    folder = ChargesWriter(engine, files, CATALOG).write(
        period=delivered.changed[-1], paths=[], delivered_bytes=1
    )
    expected = Partitions(aws.client("glue"), DATABASE, "daily_charges").locations()[delivered.changed[-1]]
    stored, sorted_before = services_of(aws, folder), services_of(aws, expected)
    assert sorted(map(sorted, stored)) == sorted(map(sorted, sorted_before))
    assert engine.targets[1:] == [folder] and engine.targets[0] != folder
    left = aws.client("s3").list_objects_v2(
        Bucket=BUCKET, Prefix=engine.targets[0].removeprefix(f"s3://{BUCKET}/")
    )
    assert left["KeyCount"] == 0
    files.discard(folder)


def test_charges_are_stored_unsorted_if_the_sort_takes_too_long(aws, delivered, monkeypatch):
    """The sorting statement is stopped, so that the refresh ends within the time limit of Lambda."""
    run, is_over = aws.athena.runner.run, threading.Event()

    def never_sort(statement, **options):
        if "ORDER BY ServiceName" in statement:
            is_over.wait(60)
        return run(statement, **options)

    monkeypatch.setattr(aws.athena.runner, "run", never_sort)
    monkeypatch.setattr(write_athena_period_charges_to_new_folder, "MOST_SORTING_SECONDS", 0.2)
    files, period = AthenaTableFiles(aws.client("s3"), BUCKET, "slow"), delivered.changed[-1]
    engine = deployed_tables().engine
    writer = ChargesWriter(engine, files, CATALOG)
    folders = [writer.write(period=period, paths=[], delivered_bytes=1) for _ in range(2)]
    is_over.set()
    stopped, stored, next_period = aws.athena.executions[-3:]
    assert [one.state for one in (stopped, stored, next_period)] == ["CANCELLED", "SUCCEEDED", "SUCCEEDED"]
    assert "ORDER BY ServiceName" in stopped.statement
    for folder, one in zip(folders, (stored, next_period), strict=True):
        assert folder in one.statement and "ORDER BY ServiceName" not in one.statement
        files.discard(folder)
    assert [one.execution_id for one in engine.executed] == [stopped.id, stored.id, next_period.id]


def test_refresh_sorts_no_period_after_one_that_athena_cannot_sort(
    aws, delivered, owners, tmp_path, monkeypatch
):
    """A failed sort can take a third of the function's time, so it is tried once and not for each period."""
    run, sorts = aws.athena.runner.run, []

    def fail_to_sort(statement, **options):
        if "ORDER BY ServiceName" in statement:
            sorts.append(statement)
            raise RuntimeError("Query exhausted resources at this scale factor")
        return run(statement, **options)

    with monkeypatch.context() as patched:
        patched.setattr(athena_refresh, "FOLDING_VERSION", "of this test")
        patched.setattr(aws.athena.runner, "run", fail_to_sort)
        folded = refreshed(tmp_path, owners)
    assert (len(sorts), folded.failed) == (1, {}) and len(folded.changed) > 1
    assert refreshed(tmp_path, owners).changed == folded.changed  # sorted again, as other tests expect


def test_other_errors_of_a_sorted_statement_are_raised_at_once(aws, delivered):
    engine = UnsortingEngine(deployed_tables().engine, "PERMISSION_DENIED: Access Denied")
    files = AthenaTableFiles(aws.client("s3"), BUCKET, "refused")
    with pytest.raises(QueryError, match="PERMISSION_DENIED"):
        ChargesWriter(engine, files, CATALOG).write(period="2026-05", paths=[], delivered_bytes=1)
    assert len(engine.targets) == 1


def test_a_large_period_is_not_sorted(aws, delivered):
    """The sort could exceed the time limit of Lambda."""
    engine = UnsortingEngine(deployed_tables().engine, "not sorted")
    files = AthenaTableFiles(aws.client("s3"), BUCKET, "large")
    size = MOST_SORTED_BYTES + 1
    period = delivered.changed[-1]
    folder = ChargesWriter(engine, files, CATALOG).write(period=period, paths=[], delivered_bytes=size)
    assert engine.targets == [folder]
    files.discard(folder)


@dataclass
class UnsortingEngine:
    """An engine whose Athena writes one file of a sorted statement, and then fails with a message."""

    engine: AthenaEngine
    message: str
    targets: list[str] = field(default_factory=list)

    def unload(self, statement, *, to, label, partitioned_by=None, most_seconds=None):
        self.targets.append(to)
        if "ORDER BY ServiceName" in statement:
            key = f"{to.removeprefix(f's3://{BUCKET}/')}services=other/part"
            self.engine.session.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b"")
            raise QueryError(self.message)
        return self.engine.unload(
            statement, to=to, label=label, partitioned_by=partitioned_by, most_seconds=most_seconds
        )


def test_scan_on_athena_reports_the_findings_of_a_local_scan(delivered, bill, owners, tmp_path):
    """Both scans have the same detections, charges and owners."""
    engine = deployed_tables().engine
    engine.tables.update(tables_as_of(CATALOG, as_of=delivered.as_of))
    results = [
        scan(
            BillToScan(one, as_of=delivered.as_of, currency=delivered.currency),
            catalog=CATALOG,
            detections=CATALOG.enabled,
            owners=owners,
            ledger=SqliteLedger(tmp_path / f"{one.name}.db"),
            progress=lambda text: None,
        )
        for one in (engine, bill.engine)
    ]
    assert [(failure.detection.id, failure.error) for one in results for failure in one.failures] == []
    # Athena bills at least 10 MB for each statement: see docs/cost.md
    further_statements = len(engine.executed) - sum(
        not one.services_not_on_bill for one in results[0].outcomes
    )
    assert 0 < further_statements <= SCAN_STATEMENTS
    there, here = (
        {finding.fingerprint: comparable_fields(finding) for finding in one.findings} for one in results
    )
    assert there.keys() == here.keys()
    differing = [
        (key, name, there[key][name], here[key][name])
        for key in here
        for name in here[key]
        if there[key][name] != here[key][name]
    ]
    assert differing == []
    assert len(here) > 30


def test_scan_on_athena_runs_no_statement_for_services_that_are_not_on_the_bill(delivered, owners, tmp_path):
    """One statement finds the services on the bill; each detection that is skipped would scan at least 10 MB."""
    engine = deployed_tables().engine
    of_bedrock = "SELECT * FROM daily_charges WHERE ai_family = 'bedrock'"
    engine.tables.update(tables_as_of(CATALOG, as_of=delivered.as_of) | {"ai_charges": of_bedrock})
    ids = ["gpu_burst", "idle_ai_seat", "idle_sagemaker_endpoint", "uncached_prompts", "new_region"]
    result = scan(
        BillToScan(engine, as_of=delivered.as_of, currency=delivered.currency),
        catalog=CATALOG,
        detections=[CATALOG.detection(id) for id in ids],
        owners=owners,
        ledger=SqliteLedger(tmp_path / "ledger.db"),
        progress=lambda text: None,
    )
    labels = [one.label for one in engine.executed]
    assert labels.count("services on the bill") == 1
    assert [id for id in ids if id in labels] == ["uncached_prompts", "new_region"]
    absent = {one.detection.id: one.services_not_on_bill for one in result.outcomes}
    assert absent == {
        "gpu_burst": ("GPU instances",),
        "idle_ai_seat": ("Kiro",),
        "idle_sagemaker_endpoint": ("Amazon SageMaker AI",),
        "uncached_prompts": (),
        "new_region": (),
    }


def comparable_fields(finding):
    """Return the fields of a finding; numbers have six digits, because sums depend on the order of addition."""
    document = finding.model_dump_json(by_alias=True)
    parsed = json.loads(document, parse_float=lambda text: f"{float(text):.6g}")
    return {key: value for key, value in parsed.items() if key != "evidence"} | parsed["evidence"]


def test_refresh_without_a_new_delivery_runs_no_statement(delivered, owners, tmp_path):
    """A frequent schedule therefore costs nothing in Athena."""
    tables = deployed_tables()
    assert refreshed(tmp_path, owners, tables=tables).changed == ()
    assert tables.engine.executed == []


def test_redelivered_period_is_replaced_in_one_step(aws, organization, delivered, owners, tmp_path):
    before = deployed_tables().periods()
    export = tmp_path / "export"
    shutil.copytree(organization.export, export)
    (data,) = sorted((export / "data").iterdir())[-1].glob("*.parquet")
    table = pq.read_table(data)
    pq.write_table(table.slice(0, len(table) - 10), data)
    deliver(aws, export)
    tables = deployed_tables(run_id="another-run")
    result = refreshed(tmp_path, owners, tables=tables)
    after = tables.periods()
    (period,) = result.changed
    assert period == max(before)
    assert {name for name in after if after[name] != before[name]} == {period}
    assert after[period].charges == before[period].charges - 10
    assert after[period].location != before[period].location
    bucket = aws.client("s3").list_objects_v2(
        Bucket=BUCKET, Prefix=before[period].location.partition(f"{BUCKET}/")[2]
    )
    assert bucket["KeyCount"]  # running statements may still read it
    labels = [one.label for one in tables.engine.executed]
    assert labels == [
        f"refresh of {period}",
        f"facts of {period}",
        *(f"refresh of {name} {period}" for name in PERIOD_TABLES[1:] if name != "ai_charges"),
    ]
    (deliveries,) = tables.engine.query(
        f"SELECT count(*) AS rows FROM deliveries WHERE billing_period = DATE '{period}-01'",
        label="deliveries",
    )
    assert deliveries["rows"] == 2


def test_replaced_folder_is_deleted_when_no_statement_reads_it(aws):
    """All folders are kept while a statement may read them, then only the current one; other periods do not change."""
    s3 = aws.client("s3")
    files = AthenaTableFiles(s3, BUCKET, "sweeping")
    for key in (
        "period=2026-01/old/a",
        "period=2026-01/used/a",
        "period=2026-01/failed/a",
        "period=2026-02/old/a",
    ):
        s3.put_object(Bucket=BUCKET, Key=f"tables/swept/{key}", Body=b"")

    def left() -> list[str]:
        objects = s3.list_objects_v2(Bucket=BUCKET, Prefix="tables/swept/").get("Contents", [])
        return [one["Key"].removeprefix("tables/swept/period=") for one in objects]

    everything, used = left(), f"s3://{BUCKET}/tables/swept/period=2026-01/used/"
    files.sweep_unread("swept", "2026-01", in_use=used)
    assert left() == everything
    files.sweep_unread(
        "swept", "2026-01", in_use=used.replace("used", "gone"), read_for=timedelta(seconds=-5)
    )
    assert left() == everything
    files.sweep_unread("swept", "2026-01", in_use=used, read_for=timedelta(seconds=-5))
    assert left() == ["2026-01/used/a", "2026-02/old/a"]
    elsewhere = f"s3://{BUCKET}/tables/daily_charges/period=2026-01/used/services=ai/"
    files.sweep_unread("swept", "2026-01", in_use=elsewhere, read_for=timedelta(seconds=-5))
    assert left() == ["2026-02/old/a"]


def test_refresh_that_failed_between_tables_is_repeated(
    aws, organization, delivered, owners, tmp_path, monkeypatch
):
    export = tmp_path / "export"
    shutil.copytree(organization.export, export)
    (data,) = sorted((export / "data").iterdir())[-1].glob("*.parquet")
    pq.write_table(pq.read_table(data).slice(10), data)
    deliver(aws, export)
    point = Partitions.point

    def fail_before_daily_services(self, period, **options):
        if self.table == "daily_services":
            raise OSError("the time is over")
        point(self, period, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Partitions, "point", fail_before_daily_services)
        with pytest.raises(OSError, match="the time is over"):
            refreshed(tmp_path, owners)
    assert len(refreshed(tmp_path, owners).changed) == 1
    deliver(aws, organization.export)
    refreshed(tmp_path, owners)


def mixed_currencies(table):
    """Change one of the charges from USD to EUR."""
    place = table.schema.get_field_index("BillingCurrency")
    mixed = ["EUR", *table.column("BillingCurrency").to_pylist()[1:]]
    return table.set_column(place, table.schema.field(place), [mixed])


def another_currency(table):
    """Change all charges to EUR, while other billing periods are in USD."""
    place = table.schema.get_field_index("BillingCurrency")
    return table.set_column(place, table.schema.field(place), [["EUR"] * len(table)])


def without_charges(table):
    """Remove all charges, as in the delivery of a month that has just started."""
    return table.slice(0, 0)


def without_days(table):
    """Remove the day of one charge."""
    place = table.schema.get_field_index("ChargePeriodStart")
    field = table.schema.field(place)
    days = [None, *table.column("ChargePeriodStart").to_pylist()[1:]]
    return table.set_column(place, field, pa.array(days, field.type))


def damage(data):
    """Overwrite a file with bytes that are not Parquet."""
    data.write_bytes(b"broken")


@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        (mixed_currencies, "found 2 billing currencies; expected one currency"),
        (another_currency, "the charges are in EUR, but the charges for other periods are in USD"),
        (
            without_charges,
            "the delivery contains no charges. focuswatch keeps the stored charges for this period",
        ),
        (without_days, "some charges have no ChargePeriodStart"),
    ],
)
def test_invalid_period_is_skipped_and_keeps_its_previous_version(
    aws, organization, delivered, owners, tmp_path, corrupt, message
):
    export = tmp_path / "export"
    shutil.copytree(organization.export, export)
    months = sorted((export / "data").iterdir())
    (corrupted,), (changed,) = (list(month.glob("*.parquet")) for month in (months[-2], months[-1]))
    pq.write_table(corrupt(pq.read_table(corrupted)), corrupted)
    pq.write_table(pq.read_table(changed).slice(5), changed)
    before = deployed_tables().periods()
    deliver(aws, export)
    result = refreshed(tmp_path, owners)
    after = deployed_tables().periods()
    second, last = sorted(before)[-2:]
    assert result.changed == (last,) and not result.athena_failed
    assert list(result.failed) == [second] and message in result.failed[second]
    assert after[second] == before[second] and after[last].charges == before[last].charges - 5
    deliver(aws, organization.export)
    repaired = refreshed(tmp_path, owners)
    assert (repaired.changed, repaired.failed) == ((last,), {})  # the other period did not change


def test_manifest_with_a_missing_file_skips_only_its_period(aws, organization, delivered, owners, tmp_path):
    key = f"{EXPORT}/metadata/billing_period=2030-01/focus-Manifest.json"
    lost = {"dataFiles": [f"s3://{BUCKET}/{EXPORT}/data/billing_period=2030-01/lost.parquet"]}
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(lost).encode())
    result = refreshed(tmp_path, owners)
    assert list(result.failed) == ["2030-01"]
    assert "lost.parquet, which does not exist" in result.failed["2030-01"]
    assert result.as_of == delivered.as_of
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b'{"dataFiles": []}')
    result = refreshed(tmp_path, owners)
    # A month that has not started yet may have a manifest without files.
    assert (result.failed, result.changed) == ({}, ())
    assert result.warnings == (
        "billing period 2030-01: the manifest lists no files. focuswatch keeps the stored charges for this period",
    )
    aws.client("s3").delete_object(Bucket=BUCKET, Key=key)


def test_refresh_fails_if_each_changed_period_fails(aws, organization, delivered, owners, tmp_path):
    export = tmp_path / "export"
    shutil.copytree(organization.export, export)
    (data,) = sorted((export / "data").iterdir())[-1].glob("*.parquet")
    damage(data)
    deliver(aws, export)
    result = refreshed(tmp_path, owners)
    assert result.athena_failed and list(result.failed) == [max(deployed_tables().periods())]
    deliver(aws, organization.export)
    assert not refreshed(tmp_path, owners).athena_failed


@pytest.mark.parametrize("written", ["BILLING_PERIOD", "Billing_Period"])
def test_partition_folder_is_read_in_either_case(aws, organization, delivered, owners, tmp_path, written):
    """AWS documentation and real exports differ, and an export can change; the manifest lists the files."""
    export = tmp_path / "export"
    shutil.copytree(organization.export, export)
    before = deployed_tables().periods()
    period = max(before)
    for area in ("data", "metadata"):
        (export / area / f"billing_period={period}").rename(export / area / f"{written}={period}")
    (manifest,) = (export / "metadata" / f"{written}={period}").glob("*-Manifest.json")
    manifest.write_text(manifest.read_text().replace("billing_period=", f"{written}="))
    (data,) = (export / "data" / f"{written}={period}").glob("*.parquet")
    pq.write_table(pq.read_table(data).slice(7), data)
    deliver(aws, export)
    result = refreshed(tmp_path, owners)
    assert (result.changed, result.failed) == ((period,), {})
    assert deployed_tables().periods()[period].charges == before[period].charges - 7
    located = Partitions(boto3.client("glue"), DATABASE, "focus_export").locations()
    assert located[period] == f"s3://{BUCKET}/{EXPORT}/data/{written}={period}/"
    for area in ("data", "metadata"):
        listed = aws.client("s3").list_objects_v2(
            Bucket=BUCKET, Prefix=f"{EXPORT}/{area}/{written}={period}/"
        )
        for one in listed["Contents"]:
            aws.client("s3").delete_object(Bucket=BUCKET, Key=one["Key"])
    deliver(aws, organization.export)
    assert refreshed(tmp_path, owners).changed == (period,)
    assert deployed_tables().periods()[period].charges == before[period].charges


def test_only_the_newest_execution_of_a_period_is_read(aws, organization, delivered, owners, tmp_path):
    before = deployed_tables().periods()
    period = max(before)
    (data,) = (organization.export / "data" / f"billing_period={period}").glob("*.parquet")
    (manifest,) = (organization.export / "metadata" / f"billing_period={period}").glob("*-Manifest.json")
    folder, execution = f"{EXPORT}/data/billing_period={period}", "2030-01-02T03:04:05.678Z-0a1b"
    s3, keys = aws.client("s3"), [f"{folder}/{execution}/{data.name}"]
    s3.upload_file(str(data), BUCKET, keys[0])
    keys.append(f"{EXPORT}/metadata/billing_period={period}/{execution}/{manifest.name}")
    listed = json.dumps({"dataFiles": [f"s3://{BUCKET}/{keys[0]}"]})
    s3.put_object(Bucket=BUCKET, Key=keys[1], Body=listed.encode())
    result = refreshed(tmp_path, owners)
    assert result.changed == (period,)
    assert deployed_tables().periods()[period].charges == before[period].charges
    for key in keys:
        s3.delete_object(Bucket=BUCKET, Key=key)
    refreshed(tmp_path, owners)


def test_files_whose_paths_exceed_one_statement_are_folded_in_portions(
    aws, organization, delivered, owners, tmp_path, monkeypatch
):
    """Each portion has its own folder below the partition's. A file that the manifest does not list is not read."""
    before = deployed_tables().periods()
    period = max(before)
    export = tmp_path / "export"
    shutil.copytree(organization.export, export)
    (data,) = (export / "data" / f"billing_period={period}").glob("*.parquet")
    (manifest,) = (export / "metadata" / f"billing_period={period}").glob("*-Manifest.json")
    table, parts = pq.read_table(data), [data.with_name(f"part-{number}.parquet") for number in range(3)]
    size = -(-len(table) // 3)
    for number, part in enumerate(parts):
        pq.write_table(table.slice(number * size, size), part)
    folder = f"{EXPORT}/data/billing_period={period}"
    listed = [f"s3://{BUCKET}/{folder}/{part.name}" for part in parts]
    manifest.write_text(json.dumps({"dataFiles": listed}))
    deliver(aws, export)
    monkeypatch.setattr(athena_refresh_queries, "MOST_PATH_BYTES", 10)
    tables = deployed_tables()
    result = refreshed(tmp_path, owners, tables=tables)
    assert (result.changed, result.failed) == ((period,), {})
    assert [one.label for one in tables.engine.executed].count(f"refresh of {period}") == 3
    assert deployed_tables().periods()[period].charges == before[period].charges
    assert deployed_tables().periods()[period].billed_cost == pytest.approx(before[period].billed_cost)
    for part in parts:
        aws.client("s3").delete_object(Bucket=BUCKET, Key=f"{folder}/{part.name}")
    deliver(aws, organization.export)
    refreshed(tmp_path, owners)


def test_portions_of_paths_fit_into_a_statement_and_lose_none():
    """Athena limits the bytes of a statement; the paths here are long and not only ASCII."""
    paths = [f"s3://{BUCKET}/{'organization/' * 10}ä{number:05}.snappy.parquet" for number in range(5000)]
    portions = list(portions_of_paths(paths))
    assert [path for portion in portions for path in portion] == paths
    statements = [charges_of_period(CATALOG, period="2026-05", paths=portion) for portion in portions]
    assert len(portions) > 3 and max(len(statement.encode()) for statement in statements) < 262_144 - 10_000
    assert list(portions_of_paths([])) == [[]]


def test_charges_of_other_providers_are_evaluated_by_detections_of_all_providers_only(
    aws, organization, delivered, owners, tmp_path
):
    """Detections find the same as a local scan, reports count all charges, and a warning names the provider."""

    def is_other(account):
        return account is not None and int(account) % 2 == 0

    export = tmp_path / "export"
    shutil.copytree(organization.export, export)
    for data in (export / "data").rglob("*.parquet"):
        table = pq.read_table(data)
        accounts = table.column("SubAccountId").to_pylist()
        place = table.schema.get_field_index("ProviderName")
        providers = ["Microsoft" if is_other(account) else "AWS" for account in accounts]
        pq.write_table(table.set_column(place, table.schema.field(place), [providers]), data)
    deliver(aws, export)
    result = refreshed(tmp_path, owners)
    inputs = BillInputs(str(export), tmp_path / "state", organization.activity, organization.accounts)
    with (
        open_local_bill(inputs, catalog=CATALOG, owners=owners, progress=lambda text: None) as here,
        open_athena_bill(deployed_tables(), owners=owners) as there,
    ):
        assert there.summary.other_providers == here.summary.other_providers
        assert "charges are Microsoft's. Anomaly detection, budgets" in result.warnings[-1]
        total = "SELECT CAST(sum(charges) AS bigint) AS charges FROM daily_services"
        counted = [
            engine.query(total, label="charges")[0]["charges"]
            for engine in (there.engine, there.aws_engine, here.engine, here.aws_engine)
        ]
        assert counted[:2] == counted[2:] and counted[0] > counted[1]
        some = [CATALOG.detections[id] for id in ("cost_anomaly", "new_region", "abandoned_volume")]
        scans = [
            scan(
                BillToScan(bill.engine, aws_engine=bill.aws_engine, as_of=delivered.as_of, currency="USD"),
                catalog=CATALOG,
                detections=some,
                owners=owners,
                ledger=SqliteLedger(tmp_path / f"{bill.engine.name}.db"),
                progress=lambda text: None,
            )
            for bill in (there, here)
        ]
    assert [failure.error for one in scans for failure in one.failures] == []
    assert {one.fingerprint for one in scans[0].findings} == {one.fingerprint for one in scans[1].findings}
    of_others = {one.detection for one in scans[0].findings if is_other(one.sub_account_id)}
    assert scans[0].findings and of_others <= {"cost_anomaly"}
    deliver(aws, organization.export)
    refreshed(tmp_path, owners)
    with open_athena_bill(deployed_tables(), owners=owners) as bill:
        assert bill.summary.other_providers is None and bill.aws_engine is bill.engine


def test_failed_statement_states_label_and_execution(delivered):
    """The execution ID identifies the query in the Athena history."""
    with pytest.raises(QueryError, match=r"broken: Athena could not run .* \(execution [0-9a-f-]{36}\): "):
        deployed_tables().engine.query("SELECT nonsense FROM daily_services", label="broken")


def test_scan_limit_is_reported_with_its_setting(aws, delivered):
    """An exceeded limit is not reported as an error of the statement."""
    aws.client("athena").create_work_group(
        Name="narrow",
        Configuration={
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/athena-results/"},
            "BytesScannedCutoffPerQuery": 10_000_000,  # the smallest limit that Athena accepts
        },
    )
    names = pa.table({"name": [secrets.token_hex(500) for _ in range(20_000)]})
    _put(aws, names, "accounts/large.parquet")
    engine = replace(deployed_tables().engine, workgroup="narrow")
    with pytest.raises(QueryError, match="limit for scanned bytes .* increase scan_limit_gib"):
        engine.query("SELECT max(name) AS name FROM accounts", label="too much")
    aws.client("s3").delete_object(Bucket=BUCKET, Key="tables/accounts/large.parquet")


def test_scanned_bytes_are_counted_by_statement(delivered):
    """The record of a statement has its label and scanned bytes."""
    engine = deployed_tables().engine
    engine.query("SELECT count(*) AS charges FROM daily_services", label="a count")
    (executed,) = engine.executed
    assert executed.label == "a count"
    assert executed.scanned_bytes > 0


def test_throttled_statement_is_retried(aws, delivered):
    """A busy Athena does not fail a run."""
    aws.athena.throttle("StartQueryExecution", times=2)
    (row,) = deployed_tables().engine.query("SELECT 1 AS one", label="busy")
    assert row["one"] == 1


@pytest.mark.parametrize("kind", ["detections", "reports"])
def test_each_saved_query_runs_without_changes(delivered, kind):
    """The Athena console replaces no placeholders."""
    engine = deployed_tables().engine
    for entry in getattr(CATALOG, kind).values():
        engine.query(saved_query(entry, catalog=CATALOG, required_tags=["team"]), label=entry.id)


def test_glue_and_duckdb_have_the_same_columns(bill):
    """A column that a table's SQL gains must be added to its Glue table."""
    for name, shape in STORED_TABLES.items():
        described = bill.engine.query(f"SELECT column_name, column_type FROM (DESCRIBE {name})", label=name)
        assert {row["column_name"]: row["column_type"] for row in described} == shape


def test_common_table_expressions_contain_only_the_tables_that_are_read():
    """Names in strings and comments do not count. A table comes after the tables that it reads."""
    tables = {"first": "SELECT 1 AS one", "second": "SELECT * FROM first"}
    assert with_tables("SELECT 'second' -- second", tables) == "SELECT 'second' -- second"
    statements = with_tables("WITH own AS (SELECT * FROM second) SELECT * FROM own", tables)
    assert statements.index("first AS") < statements.index("second AS") < statements.index("own AS")
    assert connect().execute(statements).fetchall() == [(1,)]


def test_as_of_is_the_day_after_the_last_charge(delivered, organization):
    """A local scan has the same default."""
    assert delivered.as_of == organization.as_of
    assert delivered.as_of - timedelta(days=1) in {
        period.last_charge_date for period in deployed_tables().periods().values()
    }


def test_report_by_invoice_reads_only_the_files_of_the_newest_delivery(
    aws, organization, delivered, owners, tmp_path
):
    """Other files in its folder, such as an older execution in a subfolder, contain charges of earlier deliveries."""
    period = max(deployed_tables().periods())
    charges = deployed_tables().periods()[period].charges
    (data,) = (organization.export / "data" / f"billing_period={period}").glob("*.parquet")
    folder = f"{EXPORT}/data/billing_period={period}"
    for key in (f"{folder}/stray.parquet", f"{folder}/20200101T000000Z-0a1b/{data.name}"):
        aws.client("s3").upload_file(str(data), BUCKET, key)
        deliver(aws, organization.export)
        refreshed(tmp_path, owners)
        assert deployed_tables().periods()[period].charges == charges
        with open_athena_bill(deployed_tables(), owners=owners) as bill:
            statement = bill.delivered_charges(date.fromisoformat(f"{period}-01"))
            (row,) = bill.engine.query(f"SELECT count(*) AS charges FROM ({statement})", label="delivered")
        assert row["charges"] == charges
        aws.client("s3").delete_object(Bucket=BUCKET, Key=key)
    refreshed(tmp_path, owners)
    assert deployed_tables().delivered_paths(period) == []


def test_report_by_invoice_fails_if_its_files_do_not_fit_into_a_statement(
    aws, organization, delivered, owners, tmp_path, monkeypatch
):
    period = max(deployed_tables().periods())
    key = f"{EXPORT}/data/billing_period={period}/stray.parquet"
    (data,) = (organization.export / "data" / f"billing_period={period}").glob("*.parquet")
    aws.client("s3").upload_file(str(data), BUCKET, key)
    monkeypatch.setattr(
        switch_athena_table_periods_and_locate_export, "portions_of_paths", lambda paths: iter([paths, paths])
    )
    refreshed(tmp_path, owners)
    with pytest.raises(ExportError, match="Delete the files that its manifest does not list"):
        deployed_tables().delivered_paths(period)
    aws.client("s3").delete_object(Bucket=BUCKET, Key=key)
    refreshed(tmp_path, owners)
