"""The refresh on AWS and the engine that detections run on there, over HTTP: S3, Glue and an Athena on loopback."""

import io
import json
import secrets
import shutil
import threading
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.cost import SCAN_STATEMENTS
from focuswatch.bill.athena_bill import open_athena_bill
from focuswatch.bill.athena_saved_query import saved_query
from focuswatch.bill.bill_input_files import BillInputs
from focuswatch.bill.ingest.list_and_copy_from_s3 import list_s3
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.bill.refresh import athena_statements, write_athena_period_charges
from focuswatch.bill.refresh.athena_refresh import AthenaTables
from focuswatch.bill.refresh.athena_statements import ai_folder, charges_of_period, portions
from focuswatch.bill.refresh.switch_glue_partitions import Partitions
from focuswatch.bill.refresh.write_and_sweep_athena_files import Files
from focuswatch.bill.refresh.write_athena_period_charges import MOST_SORTED_BYTES, ChargesWriter
from focuswatch.bill.schema.glue_columns import GLUE_TABLES, PARTITION_KEYS, PERIOD_TABLES
from focuswatch.bill.schema.table_columns import STORED_TABLES
from focuswatch.bill.tables_computed_at_query import tables_as_of
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.engines.duckdb_engine import connect
from focuswatch.engines.prepend_tables_as_ctes import with_tables
from focuswatch.errors import QueryError
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file_and_assignment import Owners
from focuswatch.simulate import simulate
from tests.fakes.local_aws_with_cdk import local_aws

BUCKET, DATABASE, WORKGROUP, EXPORT = "data", "focuswatch", "focuswatch", "focus/organisation"
CATALOG = Catalog.load()


@pytest.fixture(scope="module")
def organisation(tmp_path_factory):
    """A small organisation's export, with activity, accounts and owners beside it."""
    return simulate(tmp_path_factory.mktemp("organisation"), days=70, seed=11)


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    """An AWS with what the pipeline stack makes: bucket, Glue tables, workgroup."""
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
        "activity": ("yyyy-MM-dd", "DAYS", "2024-01-01,NOW+1DAY", "tables/activity/activity_date=${activity_date}/"),
    }.get(name)  # fmt: skip
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
    """Put an export into the bucket as Data Exports does: manifests last."""
    files = sorted(
        (path for path in export.rglob("*") if path.is_file()), key=lambda path: "metadata" in path.parts
    )
    for path in files:
        aws.client("s3").upload_file(str(path), BUCKET, f"{EXPORT}/{path.relative_to(export)}")


def warehouse(run_id="a-run"):
    session = boto3.Session()
    engine = AthenaEngine(
        session=session, database=DATABASE, workgroup=WORKGROUP, results=f"s3://{BUCKET}/athena-results/", run_id=run_id
    )  # fmt: skip
    return AthenaTables(engine, session.client("glue"), Files(session.client("s3"), BUCKET, run_id), CATALOG)


def refreshed(tmp_path, owners, *, on=None):
    on = on or warehouse()
    listing = list_s3(f"s3://{BUCKET}/{EXPORT}", mirror=tmp_path / "mirror")
    return on.refresh(listing, owners=owners, progress=lambda text: None)


@pytest.fixture(scope="module")
def owners(organisation):
    return Owners.load(organisation.owners)


@pytest.fixture(scope="module")
def delivered(aws, organisation, owners, tmp_path_factory):
    """The organisation's export, delivered and refreshed once; activity and accounts as the collector has them."""
    deliver(aws, organisation.export)
    activity = pq.read_table(organisation.activity)
    days = activity.column("activity_date").unique().to_pylist()
    for day in days:
        mask = [one == day for one in activity.column("activity_date").to_pylist()]
        _put(
            aws,
            activity.filter(mask).drop_columns("activity_date"),
            f"activity/activity_date={day}/part.parquet",
        )
    _put(aws, pq.read_table(organisation.accounts), "accounts/accounts.parquet")
    return refreshed(tmp_path_factory.mktemp("first"), owners)


def _put(aws, table, key):
    body = io.BytesIO()
    pq.write_table(table, body)
    aws.client("s3").put_object(Bucket=BUCKET, Key=f"tables/{key}", Body=body.getvalue())


@pytest.fixture(scope="module")
def bill(organisation, owners, tmp_path_factory):
    """Return the local bill of the same export."""
    inputs = BillInputs(
        str(organisation.export),
        tmp_path_factory.mktemp("state"),
        organisation.activity,
        organisation.accounts,
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
    """Charges, accounts and cost of each billing period, in each table that detections read."""
    statement = SUMS.format(table=table)
    there = warehouse().engine.query(statement, label="there")
    here = bill.engine.query(statement, label="here")
    assert sorted(there, key=str) == sorted(here, key=str)


def test_charges_of_ai_services_are_stored_once(delivered):
    """`ai_charges` is a folder of `daily_charges`, which no further statement writes."""
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
    """The rows of a resource lie together, so that files are smaller."""
    for location in Partitions(aws.client("glue"), DATABASE, "daily_charges").locations().values():
        for services in services_of(aws, location):
            assert len(services) > len(set(services)) and services == sorted(services)


@pytest.mark.parametrize(
    "message", ["Query exhausted resources at this scale factor", "EXCEEDED_LOCAL_MEMORY_LIMIT: x"]
)
def test_charges_are_stored_unsorted_if_athena_lacks_memory_to_sort_them(aws, delivered, message):
    """In another folder, since Athena does not remove what the failed statement wrote."""
    engine, files = UnsortingEngine(warehouse().engine, message), Files(aws.client("s3"), BUCKET, "unsorted")
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
    """The sorted statement is stopped, so that the refresh ends within the time limit of Lambda."""
    run, is_over = aws.athena.runner.run, threading.Event()

    def never_sort(statement, **options):
        if "ORDER BY ServiceName" in statement:
            is_over.wait(60)
        return run(statement, **options)

    monkeypatch.setattr(aws.athena.runner, "run", never_sort)
    monkeypatch.setattr(write_athena_period_charges, "MOST_SORTING_SECONDS", 0.2)
    files, period = Files(aws.client("s3"), BUCKET, "slow"), delivered.changed[-1]
    engine = warehouse().engine
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


def test_other_errors_of_a_sorted_statement_are_raised_at_once(aws, delivered):
    engine = UnsortingEngine(warehouse().engine, "PERMISSION_DENIED: Access Denied")
    files = Files(aws.client("s3"), BUCKET, "refused")
    with pytest.raises(QueryError, match="PERMISSION_DENIED"):
        ChargesWriter(engine, files, CATALOG).write(period="2026-05", paths=[], delivered_bytes=1)
    assert len(engine.targets) == 1


def test_a_large_period_is_not_sorted(aws, delivered):
    """The sort could exceed the time limit of Lambda."""
    engine = UnsortingEngine(warehouse().engine, "not sorted")
    files = Files(aws.client("s3"), BUCKET, "large")
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
    """The same detections, rows and owners on another engine."""
    engine = warehouse().engine
    engine.tables.update(tables_as_of(CATALOG, as_of=delivered.as_of))
    result = [
        scan(
            one, as_of=delivered.as_of, currency=delivered.currency, catalog=CATALOG, detections=CATALOG.live,
            owners=owners, ledger=SqliteLedger(tmp_path / f"{one.name}.db"), progress=lambda text: None,
        )
        for one in (engine, bill.engine)
    ]  # fmt: skip
    assert [(failure.detection.id, failure.error) for one in result for failure in one.failures] == []
    others = len(engine.executed) - sum(not one.services_not_on_bill for one in result[0].outcomes)
    assert 0 < others <= SCAN_STATEMENTS  # Athena bills at least 10 MB for each: see docs/cost.md
    there, here = ({finding.fingerprint: told(finding) for finding in one.findings} for one in result)
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
    """One statement finds the services of the bill; each detection that it spares would scan at least 10 MB."""
    engine = warehouse().engine
    of_bedrock = "SELECT * FROM daily_charges WHERE ai_family = 'bedrock'"
    engine.tables.update(tables_as_of(CATALOG, as_of=delivered.as_of) | {"ai_charges": of_bedrock})
    ids = ["gpu_burst", "idle_ai_seat", "idle_sagemaker_endpoint", "uncached_prompts", "new_region"]
    result = scan(
        engine, as_of=delivered.as_of, currency=delivered.currency, catalog=CATALOG,
        detections=[CATALOG.detection(id) for id in ids], owners=owners,
        ledger=SqliteLedger(tmp_path / "ledger.db"), progress=lambda text: None,
    )  # fmt: skip
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


def told(finding):
    """Return the fields that a person reads; evidence has six digits, because sums of doubles differ beyond."""
    document = finding.model_dump_json(by_alias=True)
    parsed = json.loads(document, parse_float=lambda text: f"{float(text):.6g}")
    return {key: value for key, value in parsed.items() if key != "evidence"} | parsed["evidence"]


def test_refresh_without_a_new_delivery_runs_no_statement(delivered, owners, tmp_path):
    """The schedule can be frequent."""
    again = warehouse()
    assert refreshed(tmp_path, owners, on=again).changed == ()
    assert again.engine.executed == []


def test_redelivered_period_is_replaced_in_one_step(aws, organisation, delivered, owners, tmp_path):
    before = warehouse().periods()
    export = tmp_path / "export"
    shutil.copytree(organisation.export, export)
    (data,) = sorted((export / "data").iterdir())[-1].glob("*.parquet")
    table = pq.read_table(data)
    pq.write_table(table.slice(0, len(table) - 10), data)
    deliver(aws, export)
    again = warehouse(run_id="another-run")
    result = refreshed(tmp_path, owners, on=again)
    after = again.periods()
    (period,) = result.changed
    assert period == max(before)
    assert {name for name in after if after[name] != before[name]} == {period}
    assert after[period].charges == before[period].charges - 10
    assert after[period].location != before[period].location
    bucket = aws.client("s3").list_objects_v2(
        Bucket=BUCKET, Prefix=before[period].location.partition(f"{BUCKET}/")[2]
    )
    assert bucket["KeyCount"]  # whoever reads it may finish
    labels = [one.label for one in again.engine.executed]
    assert labels == [
        f"refresh of {period}",
        f"facts of {period}",
        *(f"refresh of {name} {period}" for name in PERIOD_TABLES[1:] if name != "ai_charges"),
    ]
    (deliveries,) = again.engine.query(
        f"SELECT count(*) AS rows FROM deliveries WHERE billing_period = DATE '{period}-01'",
        label="deliveries",
    )
    assert deliveries["rows"] == 2


def test_replaced_folder_is_deleted_when_no_statement_reads_it(aws):
    """All folders are kept while a statement may read them; then only the current one. Other periods are unchanged."""
    s3 = aws.client("s3")
    files = Files(s3, BUCKET, "sweeping")
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
    aws, organisation, delivered, owners, tmp_path, monkeypatch
):
    export = tmp_path / "export"
    shutil.copytree(organisation.export, export)
    (data,) = sorted((export / "data").iterdir())[-1].glob("*.parquet")
    pq.write_table(pq.read_table(data).slice(10), data)
    deliver(aws, export)
    point = Partitions.point

    def ends_before(self, period, **told):
        if self.table == "daily_services":
            raise OSError("the time is over")
        point(self, period, **told)

    with monkeypatch.context() as patch:
        patch.setattr(Partitions, "point", ends_before)
        with pytest.raises(OSError, match="the time is over"):
            refreshed(tmp_path, owners)
    assert len(refreshed(tmp_path, owners).changed) == 1
    deliver(aws, organisation.export)
    refreshed(tmp_path, owners)


def mixed_currencies(table):
    """One charge in EUR among those in USD."""
    place = table.schema.get_field_index("BillingCurrency")
    mixed = ["EUR", *table.column("BillingCurrency").to_pylist()[1:]]
    return table.set_column(place, table.schema.field(place), [mixed])


def another_currency(table):
    """All charges in EUR, where other periods are in USD."""
    place = table.schema.get_field_index("BillingCurrency")
    return table.set_column(place, table.schema.field(place), [["EUR"] * len(table)])


def without_charges(table):
    """As a month that has just begun may be delivered."""
    return table.slice(0, 0)


def without_days(table):
    """A charge that names no day."""
    place = table.schema.get_field_index("ChargePeriodStart")
    field = table.schema.field(place)
    days = [None, *table.column("ChargePeriodStart").to_pylist()[1:]]
    return table.set_column(place, field, pa.array(days, field.type))


def no_parquet(data):
    """A file that broke on its way."""
    data.write_bytes(b"broken")


@pytest.mark.parametrize(
    ("spoil", "why"),
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
    aws, organisation, delivered, owners, tmp_path, spoil, why
):
    export = tmp_path / "export"
    shutil.copytree(organisation.export, export)
    months = sorted((export / "data").iterdir())
    (spoilt,), (changed,) = (list(month.glob("*.parquet")) for month in (months[-2], months[-1]))
    pq.write_table(spoil(pq.read_table(spoilt)), spoilt)
    pq.write_table(pq.read_table(changed).slice(5), changed)
    before = warehouse().periods()
    deliver(aws, export)
    result = refreshed(tmp_path, owners)
    after = warehouse().periods()
    second, last = sorted(before)[-2:]
    assert result.changed == (last,) and not result.athena_failed
    assert list(result.failed) == [second] and why in result.failed[second]
    assert after[second] == before[second] and after[last].charges == before[last].charges - 5
    deliver(aws, organisation.export)
    mended = refreshed(tmp_path, owners)
    assert (mended.changed, mended.failed) == ((last,), {})  # the other is as it was


def test_manifest_with_a_missing_file_skips_only_its_period(aws, organisation, delivered, owners, tmp_path):
    key = f"{EXPORT}/metadata/billing_period=2030-01/focus-Manifest.json"
    lost = {"dataFiles": [f"s3://{BUCKET}/{EXPORT}/data/billing_period=2030-01/lost.parquet"]}
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(lost).encode())
    result = refreshed(tmp_path, owners)
    assert (
        list(result.failed) == ["2030-01"]
        and "lost.parquet, which does not exist" in result.failed["2030-01"]
    )
    assert result.as_of == delivered.as_of
    aws.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b'{"dataFiles": []}')
    result = refreshed(tmp_path, owners)
    assert (result.failed, result.changed) == ({}, ())  # a month that has not begun is nobody's fault
    assert result.warnings == (
        "billing period 2030-01: the manifest lists no files. focuswatch keeps the stored charges for this period",
    )
    aws.client("s3").delete_object(Bucket=BUCKET, Key=key)


def test_refresh_fails_if_each_changed_period_fails(aws, organisation, delivered, owners, tmp_path):
    export = tmp_path / "export"
    shutil.copytree(organisation.export, export)
    (data,) = sorted((export / "data").iterdir())[-1].glob("*.parquet")
    no_parquet(data)
    deliver(aws, export)
    result = refreshed(tmp_path, owners)
    assert result.athena_failed and list(result.failed) == [max(warehouse().periods())]
    deliver(aws, organisation.export)
    assert not refreshed(tmp_path, owners).athena_failed


@pytest.mark.parametrize("written", ["BILLING_PERIOD", "Billing_Period"])
def test_partition_folder_is_read_in_either_case(aws, organisation, delivered, owners, tmp_path, written):
    """AWS documentation and real exports differ, and an export can change; the manifest lists the files."""
    export = tmp_path / "export"
    shutil.copytree(organisation.export, export)
    before = warehouse().periods()
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
    assert warehouse().periods()[period].charges == before[period].charges - 7
    located = Partitions(boto3.client("glue"), DATABASE, "focus_export").locations()
    assert located[period] == f"s3://{BUCKET}/{EXPORT}/data/{written}={period}/"
    for area in ("data", "metadata"):
        listed = aws.client("s3").list_objects_v2(
            Bucket=BUCKET, Prefix=f"{EXPORT}/{area}/{written}={period}/"
        )
        for one in listed["Contents"]:
            aws.client("s3").delete_object(Bucket=BUCKET, Key=one["Key"])
    deliver(aws, organisation.export)
    assert refreshed(tmp_path, owners).changed == (period,)
    assert warehouse().periods()[period].charges == before[period].charges


def test_only_the_newest_execution_of_a_period_is_read(aws, organisation, delivered, owners, tmp_path):
    before = warehouse().periods()
    period = max(before)
    (data,) = (organisation.export / "data" / f"billing_period={period}").glob("*.parquet")
    (manifest,) = (organisation.export / "metadata" / f"billing_period={period}").glob("*-Manifest.json")
    folder, execution = f"{EXPORT}/data/billing_period={period}", "2030-01-02T03:04:05.678Z-0a1b"
    s3, keys = aws.client("s3"), [f"{folder}/{execution}/{data.name}"]
    s3.upload_file(str(data), BUCKET, keys[0])
    keys.append(f"{EXPORT}/metadata/billing_period={period}/{execution}/{manifest.name}")
    listed = json.dumps({"dataFiles": [f"s3://{BUCKET}/{keys[0]}"]})
    s3.put_object(Bucket=BUCKET, Key=keys[1], Body=listed.encode())
    result = refreshed(tmp_path, owners)
    assert result.changed == (period,)
    assert warehouse().periods()[period].charges == before[period].charges
    for key in keys:
        s3.delete_object(Bucket=BUCKET, Key=key)
    refreshed(tmp_path, owners)


def test_files_whose_paths_exceed_one_statement_are_folded_in_portions(
    aws, organisation, delivered, owners, tmp_path, monkeypatch
):
    """Each portion into a folder below the partition's; a file that the manifest does not list is not read."""
    before = warehouse().periods()
    period = max(before)
    export = tmp_path / "export"
    shutil.copytree(organisation.export, export)
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
    monkeypatch.setattr(athena_statements, "MOST_PATH_BYTES", 10)
    again = warehouse()
    told = refreshed(tmp_path, owners, on=again)
    assert (told.changed, told.failed) == ((period,), {})
    assert [one.label for one in again.engine.executed].count(f"refresh of {period}") == 3
    assert warehouse().periods()[period].charges == before[period].charges
    assert warehouse().periods()[period].billed_cost == pytest.approx(before[period].billed_cost)
    for part in parts:
        aws.client("s3").delete_object(Bucket=BUCKET, Key=f"{folder}/{part.name}")
    deliver(aws, organisation.export)
    refreshed(tmp_path, owners)


def test_portions_of_paths_fit_into_a_statement_and_lose_none():
    """Thousands of long paths, in the bytes that Athena counts."""
    paths = [f"s3://{BUCKET}/{'organisation/' * 10}ä{number:05}.snappy.parquet" for number in range(5000)]
    found = list(portions(paths))
    assert [path for portion in found for path in portion] == paths
    statements = [charges_of_period(CATALOG, period="2026-05", paths=portion) for portion in found]
    assert len(found) > 3 and max(len(statement.encode()) for statement in statements) < 262_144 - 10_000
    assert list(portions([])) == [[]]


def test_charges_of_other_providers_are_evaluated_by_detections_of_all_providers_only(
    aws, organisation, delivered, owners, tmp_path
):
    """Detections find what they find on the laptop, reports count all, and a warning names the provider."""

    def is_other(account):
        return account is not None and int(account) % 2 == 0

    export = tmp_path / "export"
    shutil.copytree(organisation.export, export)
    for data in (export / "data").rglob("*.parquet"):
        table = pq.read_table(data)
        accounts = table.column("SubAccountId").to_pylist()
        place = table.schema.get_field_index("ProviderName")
        named = ["Microsoft" if is_other(account) else "AWS" for account in accounts]
        pq.write_table(table.set_column(place, table.schema.field(place), [named]), data)
    deliver(aws, export)
    told = refreshed(tmp_path, owners)
    inputs = BillInputs(str(export), tmp_path / "state", organisation.activity, organisation.accounts)
    with (
        open_local_bill(inputs, catalog=CATALOG, owners=owners, progress=lambda text: None) as here,
        open_athena_bill(warehouse(), owners=owners) as there,
    ):
        assert there.summary.other_providers == here.summary.other_providers
        assert "charges are Microsoft's. Anomaly detection, budgets" in told.warnings[-1]
        total = "SELECT CAST(sum(charges) AS bigint) AS charges FROM daily_services"
        counted = [
            engine.query(total, label="charges")[0]["charges"]
            for engine in (there.engine, there.aws_engine, here.engine, here.aws_engine)
        ]
        assert counted[:2] == counted[2:] and counted[0] > counted[1]
        some = [CATALOG.detections[id] for id in ("cost_anomaly", "new_region", "abandoned_volume")]
        found = [
            scan(
                bill.engine, aws_engine=bill.aws_engine, as_of=delivered.as_of, currency="USD", catalog=CATALOG,
                detections=some, owners=owners, ledger=SqliteLedger(tmp_path / f"{bill.engine.name}.db"),
                progress=lambda text: None,
            )
            for bill in (there, here)
        ]  # fmt: skip
    assert [failure.error for one in found for failure in one.failures] == []
    assert {one.fingerprint for one in found[0].findings} == {one.fingerprint for one in found[1].findings}
    of_others = {one.detection for one in found[0].findings if is_other(one.sub_account_id)}
    assert found[0].findings and of_others <= {"cost_anomaly"}
    deliver(aws, organisation.export)
    refreshed(tmp_path, owners)
    with open_athena_bill(warehouse(), owners=owners) as bill:
        assert bill.summary.other_providers is None and bill.aws_engine is bill.engine


def test_failed_statement_states_label_and_execution(delivered):
    """The execution ID identifies the query in the Athena history."""
    with pytest.raises(QueryError, match=r"broken: Athena could not run .* \(execution [0-9a-f-]{36}\): "):
        warehouse().engine.query("SELECT nonsense FROM daily_services", label="broken")


def test_scan_limit_is_reported_with_its_setting(aws, delivered):
    """It is not reported as an error of the statement."""
    aws.client("athena").create_work_group(
        Name="narrow",
        Configuration={
            "EnforceWorkGroupConfiguration": True,
            "ResultConfiguration": {"OutputLocation": f"s3://{BUCKET}/athena-results/"},
            "BytesScannedCutoffPerQuery": 10_000_000,  # the least that Athena takes
        },
    )
    names = pa.table({"name": [secrets.token_hex(500) for _ in range(20_000)]})
    _put(aws, names, "accounts/large.parquet")
    engine = replace(warehouse().engine, workgroup="narrow")
    with pytest.raises(QueryError, match="limit for scanned bytes .* increase scan_limit_gib"):
        engine.query("SELECT max(name) AS name FROM accounts", label="too much")
    aws.client("s3").delete_object(Bucket=BUCKET, Key="tables/accounts/large.parquet")


def test_scanned_bytes_are_counted_by_statement(delivered):
    """By label, with the execution ID."""
    engine = warehouse().engine
    engine.query("SELECT count(*) AS charges FROM daily_services", label="a count")
    (executed,) = engine.executed
    assert executed.label == "a count"
    assert executed.scanned_bytes > 0


def test_throttled_statement_is_retried(aws, delivered):
    """A busy Athena fails no run."""
    aws.athena.throttle("StartQueryExecution", times=2)
    (row,) = warehouse().engine.query("SELECT 1 AS one", label="busy")
    assert row["one"] == 1


@pytest.mark.parametrize("kind", ["detections", "reports"])
def test_each_saved_query_runs_without_changes(delivered, kind):
    """The Athena console fills in no date."""
    engine = warehouse().engine
    for entry in getattr(CATALOG, kind).values():
        engine.query(saved_query(entry, catalog=CATALOG, required_tags=["team"]), label=entry.id)


def test_glue_and_duckdb_have_the_same_columns(bill):
    """A column that a table's SQL gains must be added to its Glue table."""
    for name, shape in STORED_TABLES.items():
        described = bill.engine.query(f"SELECT column_name, column_type FROM (DESCRIBE {name})", label=name)
        assert {row["column_name"]: row["column_type"] for row in described} == shape


def test_common_table_expressions_contain_only_the_tables_that_are_read():
    """Names in strings and comments do not count; tables that a table reads come first."""
    tables = {"first": "SELECT 1 AS one", "second": "SELECT * FROM first"}
    assert with_tables("SELECT 'second' -- second", tables) == "SELECT 'second' -- second"
    statements = with_tables("WITH own AS (SELECT * FROM second) SELECT * FROM own", tables)
    assert statements.index("first AS") < statements.index("second AS") < statements.index("own AS")
    assert connect().execute(statements).fetchall() == [(1,)]


def test_as_of_is_the_day_after_the_last_charge(delivered, organisation):
    """As in a local scan."""
    assert delivered.as_of == organisation.as_of
    assert delivered.as_of - timedelta(days=1) in {
        period.last_charge_date for period in warehouse().periods().values()
    }
