"""AWS recommendations become findings that the ledger tracks and verifies; without their file, none is resolved."""

from datetime import date, datetime, timedelta
from decimal import Decimal

import duckdb
import pytest

from focuswatch.authoring.detection_cases import Case, create_input_tables, read_cases
from focuswatch.bill import load_activity_accounts_and_other_files
from focuswatch.bill.create_owner_and_computed_local_tables import create_views
from focuswatch.bill.schema.columns_of_all_tables import OPTIONAL_COLUMNS, RECOMMENDATIONS
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.cli.output import scan_tables
from focuswatch.cli.output.next_command_with_ledger_options import NextCommand
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.detection_placeholder_values import DetectionInput
from focuswatch.detect.recommendation_freshness import STALE_DAYS
from focuswatch.detect.run_detection_and_check_rows import run_detection
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.errors import ConfigError
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners
from tests.given.deployments import ROOT
from tests.given.statements_of_scan import statements_of_scan

CATALOG = Catalog.load()
DETECTION = CATALOG.detection("aws_recommendation")
FILE = read_cases(ROOT / "tests" / "detections" / "aws_recommendation.toml")
DAY = FILE.as_of
ENDPOINT = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/old"


def engine_of(*, as_of=DAY, refreshed_on=None, charges=({},), **recommendation):
    """Return an engine over a bill with a machine, and one recommendation unless `refreshed_on` is None."""
    days = {"days": [date(2026, 3, 1), as_of]}
    recommendations = []
    if refreshed_on is not None:
        refreshed_at = datetime.combine(refreshed_on, datetime.min.time())
        recommendations = [{"last_refresh_timestamp": refreshed_at, **recommendation}]
    case = Case(
        name="a machine",
        kind="fires",
        charges=[days | one for one in charges],
        recommendations=recommendations,
    )
    connection = connect()
    create_input_tables(connection, case, file=FILE)
    create_views(
        connection,
        CATALOG,
        values=DetectionInput(as_of=as_of, first_new_day=as_of).values,
        statements=statements_of_scan(CATALOG, DETECTION.id),
    )
    return DuckDbEngine(connection)


def scanned(engine, ledger, *, as_of=DAY):
    return scan(
        BillToScan(engine, as_of=as_of, currency="USD"),
        catalog=CATALOG,
        detections=[DETECTION],
        owners=Owners(),
        ledger=ledger,
        progress=lambda _text: None,
    )


@pytest.fixture
def ledger(tmp_path):
    """Return a ledger with the finding of a recommendation."""
    new_ledger = SqliteLedger(tmp_path / "ledger.db")
    (new,) = scanned(engine_of(refreshed_on=DAY), new_ledger).notifications
    assert (new.kind, new.finding.monthly_cost) == ("new", 150)
    return new_ledger


@pytest.mark.parametrize(
    ("refreshed_on", "reason"),
    [
        (None, "no recommendations from AWS Cost Optimization Hub (--recommendations)"),
        (DAY - timedelta(days=4), "AWS last refreshed its recommendations on 2026-03-27"),
    ],
    ids=["no file", "a stale file"],
)
def test_missing_or_stale_recommendations_resolve_nothing_and_are_noted(ledger, refreshed_on, reason):
    later = DAY + timedelta(days=1)
    result = scanned(engine_of(as_of=later, refreshed_on=refreshed_on), ledger, as_of=later)
    assert result.unevaluated == {"aws_recommendation": reason}
    assert f"Not evaluated: aws_recommendation: {reason}." in scan_tables._limits(
        result, next_command=NextCommand()
    )
    assert result.notifications == ()
    assert [entry.state for entry in ledger.entries().values()] == ["open"]
    assert ledger.evaluated_until() == {DETECTION.id: DAY}


def test_withdrawn_recommendation_is_resolved_and_its_saving_verified(ledger):
    """The machine became smaller, and its cost decreased by the saving that the recommendation estimated."""
    other = {"recommendation_id": "other", "resource_arn": "arn:aws:ec2:us-east-1:111122223333:instance/i-2"}
    notified = []
    for days in (1, 6):
        as_of = DAY + timedelta(days=days)
        charges = (
            {"days": [date(2026, 3, 1), DAY - timedelta(days=3)]},
            {"days": [DAY - timedelta(days=3), as_of], "EffectiveCost": 5.0},
        )
        engine = engine_of(as_of=as_of, refreshed_on=as_of, charges=charges, **other)
        notified += scanned(engine, ledger, as_of=as_of).notifications
    resolved, verified = notified
    assert (resolved.kind, verified.kind) == ("resolved", "saving_verified")
    assert verified.finding.verified_saving.daily_saving == Decimal(5)
    assert verified.finding.verified_saving.is_full


def test_recommendation_has_the_identity_of_the_idle_finding_about_the_resource():
    """By account, region, service and resource, a dollar that two findings report is counted once."""
    endpoint = {
        "ResourceId": ENDPOINT,
        "ServiceName": "Amazon SageMaker",
        "x_ServiceCode": "AmazonSageMaker",
        "SkuMeter": "USE1-Host:ml.g5.2xlarge",
        "x_Operation": "RunInstance",
    }
    engine = engine_of(
        refreshed_on=DAY,
        charges=(endpoint,),
        resource_arn=ENDPOINT,
        action_type="Delete",
        estimated_monthly_savings_after_discount=300.0,
    )
    days = [DAY - timedelta(days=back) for back in range(1, 20)]
    engine.connection.executemany(
        "INSERT INTO activity VALUES (?, '111122223333', 'us-east-1', 'AWS/SageMaker', ?, 'Invocations', 0)",
        [(day, ENDPOINT) for day in days],
    )
    inputs = DetectionInput(as_of=DAY, first_new_day=DAY)
    rows = [
        run_detection(CATALOG.detection(id), engine=engine, catalog=CATALOG, inputs=inputs).rows
        for id in (DETECTION.id, "idle_sagemaker_endpoint")
    ]
    keys = ("sub_account_id", "region_id", "service_name", "resource_id")
    (recommended,), (idle,) = ([tuple(row[key] for key in keys) for row in some] for some in rows)
    assert recommended == idle


def test_recommendations_count_as_stale_when_the_detection_no_longer_reads_them():
    """The detection's parameter and the constant must be equal."""
    assert DETECTION.header.parameters["fresh_days"] == STALE_DAYS


def write_recommendation(folder, columns, *, ending):
    """Write one recommendation with these columns to a file; the time has AWS's format."""
    row = {**FILE.recommendation, "last_refresh_timestamp": "2026-03-30T04:00:00.000Z"}
    text = folder / "rows.csv"
    text.write_text(f"{','.join(columns)}\n{','.join(str(row[name]) for name in columns)}\n")
    if ending == ".csv":
        return text
    path = folder / f"rows{ending}"
    duckdb.sql(f"COPY (FROM read_csv('{text}')) TO '{path}' (FORMAT parquet)")
    return path


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
@pytest.mark.parametrize("without", [set(), OPTIONAL_COLUMNS], ids=["all columns", "the required columns"])
def test_recommendations_are_read_from_csv_and_parquet(tmp_path, ending, without):
    """Columns that only add evidence may be missing."""
    columns = [name for name in RECOMMENDATIONS if name not in without]
    connection = connect()
    path = write_recommendation(tmp_path, columns, ending=ending)
    load_activity_accounts_and_other_files.load_file(connection, "recommendations", RECOMMENDATIONS, path)
    read = connection.execute(
        "SELECT account_id, estimated_monthly_savings_after_discount, last_refresh_timestamp FROM recommendations"
    ).fetchall()
    assert read == [("111122223333", 150.0, datetime(2026, 3, 30, 4))]


def test_file_without_savings_is_refused(tmp_path):
    """The error names the file and the missing column."""
    columns = [name for name in RECOMMENDATIONS if name != "estimated_monthly_savings_after_discount"]
    path = write_recommendation(tmp_path, columns, ending=".csv")
    with pytest.raises(ConfigError, match=r"rows\.csv lacks estimated_monthly_savings_after_discount"):
        load_activity_accounts_and_other_files.load_file(connect(), "recommendations", RECOMMENDATIONS, path)
