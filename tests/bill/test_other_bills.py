"""A deployment with bills of several providers: the same charges and findings as a local scan of the same files.

Over HTTP: S3 and Glue on loopback, and an Athena that runs on DuckDB, or on a real Trino in `make conformance`.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest

from focuswatch.bill.athena_bill import AthenaBill, open_athena_bill
from focuswatch.bill.bill_inputs_and_digest import BillInputs, OtherBill
from focuswatch.bill.ingest.list_and_copy_from_s3 import list_s3
from focuswatch.bill.joint_bill import JointBill, open_joint_bill
from focuswatch.bill.refresh.athena_refresh import refresh_export
from focuswatch.bill.refresh.other_bills import DeployedBill, OtherBills, OtherBillsRefresh
from focuswatch.bill.refresh.store_other_bills_state_and_export_accounts import OtherBillsState
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables
from focuswatch.bill.refresh.write_read_delete_athena_table_files import AthenaTableFiles
from focuswatch.bill.schema.glue_tables_and_partition_keys import PERIOD_TABLES
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import bill_to_scan
from focuswatch.detect.check_bill_completeness_before_resolving_findings import incomplete_parts
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.errors import NothingDelivered
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners
from tests.conformance.extent import IN_FULL
from tests.fakes.local_athena_tables import create_tables
from tests.fakes.local_athena_trino import over_trino
from tests.fakes.local_aws_with_cdk import LocalAws, local_aws
from tests.given.lambda_context import LambdaContext
from tests.given.moto_ledger_table import ledger_table
from tests.given.provider_bills import SUBSCRIPTION, write_bills

BUCKET, DATABASE, WORKGROUP, EXPORT = "data", "focuswatch", "focuswatch", "focus/organization"
CATALOG = Catalog.load()
RATES = "[exchange_rates]\nEUR = 0.8\nJPY = 150\n"
OTHERS = ("azure", "google", "litellm")
# Detections for all providers and for AWS only. Each takes a second on the local Athena and 15 seconds on Trino.
SOME = ("budget_pace", "cost_anomaly", "new_region", "new_service", "stale_export", "untagged_ai_spend")
DETECTIONS = CATALOG.enabled if IN_FULL else [CATALOG.detection(id) for id in SOME]
BILLS = [DeployedBill(name, f"bills/{name}") for name in OTHERS]
ENVIRONMENT = {
    "FOCUSWATCH_BUCKET": BUCKET,
    "FOCUSWATCH_DATABASE": DATABASE,
    "FOCUSWATCH_EXPORT": EXPORT,
    "FOCUSWATCH_LEDGER": "focuswatch-ledger",
    "FOCUSWATCH_NAME": "focuswatch",
    "FOCUSWATCH_WORKGROUP": WORKGROUP,
    "POWERTOOLS_METRICS_NAMESPACE": "focuswatch",
    "POWERTOOLS_SERVICE_NAME": "tests",
    "POWERTOOLS_TRACE_DISABLED": "true",
}


def discard_progress(_: str) -> None:
    """Ignore a progress message."""


@dataclass(frozen=True)
class Deployment:
    """A local AWS with the bills in its bucket, and the refreshes of the functions `refresh` and `bills`."""

    aws: LocalAws
    owners: Owners
    folder: Path

    @property
    def tables(self) -> AthenaTables:
        session = boto3.Session()
        engine = AthenaEngine(
            session=session,
            database=DATABASE,
            workgroup=WORKGROUP,
            results=f"s3://{BUCKET}/athena-results/",
            run_id="run",
        )
        return AthenaTables(
            engine, session.client("glue"), AthenaTableFiles(session.client("s3"), BUCKET, "run"), CATALOG
        )

    @property
    def state(self) -> OtherBillsState:
        return OtherBillsState(self.aws.client("s3"), BUCKET)

    def put(self, folder: Path, *, prefix: str) -> None:
        for path in folder.glob("*.parquet"):
            self.aws.client("s3").upload_file(str(path), BUCKET, f"{prefix}/{path.name}")

    def refresh_export(self, *, bills: tuple[str, ...] = OTHERS) -> None:
        tables = self.tables
        listing = list_s3(f"s3://{BUCKET}/{EXPORT}", mirror=self.folder / "mirror")
        refresh_export(tables, listing, owners=self.owners, progress=discard_progress, other_bills=bills)
        self.state.store_export_accounts(tables.accounts())

    def refresh_bills(self, bills: list[DeployedBill], *, owners: Owners | None = None) -> OtherBillsRefresh:
        scratch = self.folder / "scratch"
        scratch.mkdir(exist_ok=True)
        reader = OtherBills(
            self.tables,
            self.state,
            owners=owners or self.owners,
            scratch=scratch,
            memory_limit="1GB",
            progress=discard_progress,
        )
        return reader.refresh(bills)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_bills(tmp_path_factory.mktemp("bills"))


@pytest.fixture(scope="module")
def deployment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, files: dict[str, Path]
) -> Iterator[Deployment]:
    """Start a local AWS with the four bills in a bucket, before the first refresh."""
    folder = tmp_path_factory.mktemp("deployment")
    (folder / "owners.toml").write_text(RATES)
    with ExitStack() as opened:
        aws = opened.enter_context(local_aws(folder / "aws"))
        opened.enter_context(aws.used())
        trino = over_trino(aws, request.getfixturevalue("local_trino")) if IN_FULL else nullcontext()
        opened.enter_context(trino)
        aws.client("s3").create_bucket(Bucket=BUCKET)
        results = {"OutputLocation": f"s3://{BUCKET}/athena-results/"}
        aws.client("athena").create_work_group(
            Name=WORKGROUP,
            Configuration={"EnforceWorkGroupConfiguration": True, "ResultConfiguration": results},
        )
        create_tables(aws, bucket=BUCKET, database=DATABASE, export=EXPORT)
        deployment = Deployment(aws, Owners.load(folder / "owners.toml"), folder)
        _deliver_export(deployment, files["aws"])
        for name in ("azure", "litellm"):
            deployment.put(files[name], prefix=f"bills/{name}")
        _deliver_google(deployment, files["google"])
        yield deployment


def _deliver_export(deployment: Deployment, folder: Path) -> None:
    """Deliver the AWS bill as Data Exports does: a folder for each billing period."""
    numbers = ("BilledCost", "EffectiveCost", "ConsumedQuantity")
    typed = ", ".join(
        [f"CAST({name} AS DOUBLE) AS {name}" for name in numbers]
        + ["CAST(CAST(Tags AS JSON) AS MAP(VARCHAR, VARCHAR)) AS Tags"]
    )
    for month, file in _by_month(
        f"SELECT * REPLACE ({typed}) FROM '{folder}/focus.parquet'", deployment.folder
    ):
        key = f"{EXPORT}/data/billing_period={month}/focus-00001.snappy.parquet"
        deployment.aws.client("s3").upload_file(str(file), BUCKET, key)


def _by_month(charges: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield a file for each month of the charges that a SELECT returns."""
    month = "strftime(BillingPeriodStart, '%Y-%m')"
    for (name,) in duckdb.execute(f"SELECT DISTINCT {month} FROM ({charges})").fetchall():
        file = folder / f"{name}.parquet"
        duckdb.execute(f"COPY (FROM ({charges}) WHERE {month} = '{name}') TO '{file}' (FORMAT parquet)")
        yield name, file


def _deliver_google(deployment: Deployment, folder: Path) -> None:
    """Deliver a file for each month, where other bills have one file."""
    for _, file in _by_month(f"SELECT * FROM '{folder}/focus.parquet'", deployment.folder):
        deployment.aws.client("s3").upload_file(str(file), BUCKET, f"bills/google/{file.name}")


@pytest.fixture(scope="module")
def refreshed(deployment: Deployment) -> OtherBillsRefresh:
    """Refresh the export, then the other bills; return the result for the other bills."""
    with pytest.raises(NothingDelivered, match="are refreshed after the AWS export"):
        deployment.refresh_bills(BILLS)
    deployment.refresh_export()
    return deployment.refresh_bills(BILLS)


@pytest.fixture(scope="module")
def here(deployment: Deployment, files: dict[str, Path]) -> Iterator[JointBill]:
    """Open the bills together on this machine."""
    state = deployment.folder / "state"
    others = tuple(OtherBill(str(files[name]), state / name) for name in OTHERS)
    inputs = BillInputs(str(files["aws"]), state=state / "aws", others=others)
    with open_joint_bill(
        inputs, catalog=CATALOG, owners=deployment.owners, progress=discard_progress
    ) as bill:
        yield bill


@pytest.fixture(scope="module")
def there(deployment: Deployment, refreshed: OtherBillsRefresh) -> Iterator[AthenaBill]:
    """Open the bills together on Athena."""
    with open_athena_bill(deployment.tables, owners=deployment.owners) as bill:
        yield bill


def rows_of(bill: Any, statement: str, *, aws_only: bool = False) -> list[dict[str, Any]]:
    engine = bill.aws_engine if aws_only else bill.engine
    rows = engine.query(statement, label="t")
    return sorted(
        (
            {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}
            for row in rows
        ),
        key=str,
    )


SUMS = """
SELECT billing_period, ProviderName AS provider, BillingCurrency AS currency, SubAccountId AS account,
    CAST(sum(charges) AS bigint) AS charges,
    sum(BilledCost) AS billed_cost, sum(EffectiveCost) AS effective_cost
FROM {table}
GROUP BY 1, 2, 3, 4
"""
COMPLETENESS = """
SELECT sub_account_id, charge_date, first_charge_date, last_charge_date, bill_began, is_settled, settled_recency,
    last_settled_day, settled_days, incomplete_from
FROM completeness
"""


@pytest.mark.parametrize("aws_only", [False, True])
def test_tables_of_a_deployment_equal_those_of_a_local_scan(
    here: JointBill, there: AthenaBill, aws_only: bool
) -> None:
    """Charges in one currency, accounts and the complete days of each bill are the same."""
    for table in PERIOD_TABLES:
        statement = SUMS.format(table=table)
        assert rows_of(there, statement, aws_only=aws_only) == rows_of(here, statement, aws_only=aws_only), (
            table
        )
    days = rows_of(here, COMPLETENESS, aws_only=aws_only)
    assert rows_of(there, COMPLETENESS, aws_only=aws_only) == days
    (period,) = rows_of(here, "SELECT * FROM complete_30_days", aws_only=aws_only)
    assert rows_of(there, "SELECT * FROM complete_30_days", aws_only=aws_only) == [period]
    assert period["end_day"] == date(2026, 5, 30 if aws_only else 28)
    last_settled = {row["sub_account_id"]: row["last_settled_day"] for row in days}
    others = {} if aws_only else {SUBSCRIPTION: date(2026, 5, 27), "shop-prod": date(2026, 5, 28)}
    assert last_settled.items() >= {"111122223333": date(2026, 5, 29), **others}.items()


def test_scan_of_a_deployment_reports_the_findings_of_a_local_scan(
    here: JointBill, there: AthenaBill, deployment: Deployment, tmp_path: Path
) -> None:
    """Findings and amounts are the same, and findings of the same accounts may be resolved."""
    assert there.as_of == here.as_of
    assert there.summary.conversions == here.summary.conversions != ()
    parts = (here.summary.parts, there.bill_parts())
    assert [{(part.accounts, part.days) for part in one} for one in parts][0] == {
        (part.accounts, part.days) for part in parts[1]
    }
    results = []
    for bill, bill_parts_of_scan in zip((here, there), parts, strict=True):
        scanned = scan(
            replace(bill_to_scan(bill, owners=deployment.owners), names=(), parts=bill_parts_of_scan),
            catalog=CATALOG,
            detections=DETECTIONS,
            owners=deployment.owners,
            ledger=SqliteLedger(tmp_path / f"{bill.engine.name}.db"),
            progress=discard_progress,
        )
        assert not scanned.failures
        results.append({finding.fingerprint: comparable_text(finding) for finding in scanned.findings})
    assert results[0] == results[1]
    assert {json.loads(one)["provider"] for one in results[0].values()} == {
        "AWS",
        "Microsoft",
        "Google Cloud",
    }


def comparable_text(finding: Any) -> str:
    """Return the finding as JSON with six digits, because sums depend on the order of addition."""
    document = json.loads(
        finding.model_dump_json(by_alias=True), parse_float=lambda text: f"{float(text):.6g}"
    )
    return json.dumps(document, sort_keys=True)


def locations(deployment: Deployment, bill: str) -> dict[str, str]:
    """Return the folder of each billing period of a bill."""
    return {name: one.location for name, one in deployment.tables.bills().get(bill, {}).items()}


def test_unchanged_bill_is_not_written_again(deployment: Deployment, refreshed: OtherBillsRefresh) -> None:
    before = locations(deployment, "azure")
    assert len(before) == 3 and set(before) <= set(refreshed.changed)
    assert deployment.refresh_bills(BILLS).changed == ()
    assert locations(deployment, "azure") == before


def test_only_the_changed_period_of_a_changed_bill_is_written(
    deployment: Deployment, files: dict[str, Path], refreshed: OtherBillsRefresh, tmp_path: Path
) -> None:
    """If a period lost charges, findings of that bill are not resolved; findings of other bills are."""
    later = "ChargePeriodStart >= DATE '2026-05-06'"
    charges = f"SELECT * FROM '{files['google']}/focus.parquet' WHERE {later}"
    list(_by_month(charges, tmp_path))
    deployment.put(tmp_path, prefix="bills/google")
    assert deployment.refresh_bills(BILLS).changed == ("2026-05.google",)
    with open_athena_bill(deployment.tables, owners=deployment.owners) as bill:
        incomplete = incomplete_parts(bill.bill_parts(), as_of=bill.as_of)
    assert incomplete.accounts == {"shop-prod"}
    assert incomplete.notes == (
        "focuswatch did not resolve any findings in google in this scan, because billing period 2026-05 now has 32 "
        "charges, but previously had 37",
    )
    _deliver_google(deployment, files["google"])
    assert deployment.refresh_bills(BILLS).changed == ("2026-05.google",)


def test_another_exchange_rate_converts_all_periods_again(
    deployment: Deployment, refreshed: OtherBillsRefresh, tmp_path: Path
) -> None:
    """A bill has one rate, which also applies to months whose files did not change."""
    (tmp_path / "owners.toml").write_text(RATES.replace("0.8", "0.5"))
    before = deployment.tables.bills()["azure"]
    result = deployment.refresh_bills(BILLS, owners=Owners.load(tmp_path / "owners.toml"))
    assert result.changed == tuple(sorted(before))
    after = deployment.tables.bills()["azure"]
    assert all(
        one.billed_cost == pytest.approx(before[name].billed_cost * 0.8 / 0.5) for name, one in after.items()
    )
    assert "1 EUR is 2 USD (owners.toml)" in after["2026-05.azure"].note
    assert deployment.refresh_bills(BILLS).changed == tuple(sorted(before))


def test_bill_that_cannot_be_read_keeps_its_tables_and_stops_no_other(
    deployment: Deployment, files: dict[str, Path], refreshed: OtherBillsRefresh
) -> None:
    before = locations(deployment, "azure")
    s3 = deployment.aws.client("s3")
    s3.put_object(Bucket=BUCKET, Key="bills/azure/focus.parquet", Body=b"broken")
    missing = DeployedBill("oracle", "bills/oracle")
    result = deployment.refresh_bills([*BILLS, missing])
    assert set(result.failed) == {"azure", "oracle"}
    assert "s3://data/bills/azure/focus.parquet" in result.failed["azure"]
    assert "no objects found" in result.failed["oracle"]
    assert locations(deployment, "azure") == before
    deployment.put(files["azure"], prefix="bills/azure")
    assert deployment.refresh_bills(BILLS).failed == {}


def test_bill_with_charges_that_another_bill_has_is_withdrawn(
    deployment: Deployment, files: dict[str, Path], refreshed: OtherBillsRefresh
) -> None:
    """Otherwise these charges would be counted twice."""
    deployment.put(files["aws"], prefix="bills/payer")
    payer = DeployedBill("payer", "bills/payer")
    result = deployment.refresh_bills([*BILLS, payer])
    assert "both contain AWS charges for account 111122223333" in result.failed["payer"]
    assert locations(deployment, "payer") == {}


def test_charges_of_one_bill_in_two_currencies_have_the_rates_of_owners(
    deployment: Deployment, files: dict[str, Path], refreshed: OtherBillsRefresh, tmp_path: Path
) -> None:
    """A local scan does the same. Another rate converts all periods again, although no file changed."""
    file = tmp_path / "mixed.parquet"
    currency = "CASE WHEN day(ChargePeriodStart) % 2 = 0 THEN 'USD' ELSE 'EUR' END"
    duckdb.execute(
        f"COPY (SELECT * REPLACE ({currency} AS BillingCurrency, 'mixed' AS SubAccountId) "
        f"FROM '{files['azure']}/focus.parquet') TO '{file}' (FORMAT parquet)"
    )
    deployment.aws.client("s3").upload_file(str(file), BUCKET, "bills/mixed/focus.parquet")
    bills = [*BILLS, DeployedBill("mixed", "bills/mixed")]
    sums = dict(
        duckdb.execute(f"SELECT BillingCurrency, sum(BilledCost)::DOUBLE FROM '{file}' GROUP BY 1").fetchall()
    )
    for rate in (0.8, 0.5):
        (tmp_path / "owners.toml").write_text(RATES.replace("0.8", str(rate)))
        owners = Owners.load(tmp_path / "owners.toml")
        result = deployment.refresh_bills(bills, owners=owners)
        periods = deployment.tables.bills()["mixed"]
        assert set(periods) <= set(result.changed)
        billed = sum(one.billed_cost for one in periods.values())
        assert billed == pytest.approx(sums["USD"] + sums["EUR"] / rate)
        deployment.refresh_bills(bills, owners=owners)
        assert deployment.refresh_bills(bills, owners=owners).changed == ()
    deployment.refresh_export()
    deployment.refresh_bills(BILLS)
    assert "mixed" not in deployment.tables.bills()


def test_bill_that_is_no_longer_configured_is_removed_by_the_next_refresh(
    deployment: Deployment, refreshed: OtherBillsRefresh
) -> None:
    """It is removed from the tables and the bucket, and can be configured again."""
    (folder,) = {one.rpartition("/period=")[0] for one in locations(deployment, "litellm").values()}
    deployment.refresh_export(bills=("azure", "google"))
    assert locations(deployment, "litellm") == {}
    prefix = f"{folder.removeprefix(f's3://{BUCKET}/')}/period=2026-05.litellm/"
    listed = deployment.aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
    assert listed["KeyCount"] == 0
    assert len(deployment.refresh_bills(BILLS).changed) == 2


def test_functions_refresh_and_bills_add_a_configured_bill_and_remove_one_that_is_not(
    deployment: Deployment, refreshed: OtherBillsRefresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handlers of both Lambda functions run. A bill that cannot be read is named in the heartbeat."""
    listed = [
        {"name": "azure", "prefix": "bills/azure"},
        {"name": "gateway", "prefix": "bills/litellm"},
        {"name": "oracle", "prefix": "bills/oracle"},
    ]
    ledger_table(ENVIRONMENT["FOCUSWATCH_LEDGER"])
    for name, value in {**ENVIRONMENT, "FOCUSWATCH_BILLS": json.dumps(listed)}.items():
        monkeypatch.setenv(name, value)
    from lambdas import bills_refresh_other_providers, refresh_tables_from_export

    refreshed_export = refresh_tables_from_export.handler({}, LambdaContext())
    assert (refreshed_export["ran"], refreshed_export["failed"]) == ([], {})
    assert locations(deployment, "litellm") == {}
    heartbeat = bills_refresh_other_providers.handler({}, LambdaContext())
    assert heartbeat["ran"][-2:] == ["2026-04.gateway", "2026-05.gateway"]
    assert list(heartbeat["failed"]) == ["oracle"]
    assert "no objects found" in heartbeat["failed"]["oracle"]
