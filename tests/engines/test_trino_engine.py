"""The Trino engine on a real Trino: it returns the findings of DuckDB, refreshes in one step and cancels queries."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from threading import Thread

import pytest

from focuswatch.bill.aws_only_views_and_other_provider_warning import PROVIDER_OF_ACCOUNT
from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast
from focuswatch.bill.refresh import trino_refresh
from focuswatch.bill.refresh.trino_refresh import SHAPES, TrinoTables
from focuswatch.bill.refresh.trino_refresh_statements import create_parts
from focuswatch.bill.schema.columns_of_all_tables import ACTIVITY, DAILY_CHARGES
from focuswatch.bill.schema.focus_columns_and_their_names_in_files import KINDS, SQL_TYPES
from focuswatch.bill.trino_bill import open_trino_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.assess_detections_and_reports_on_bill import assess
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.parse_trino_address_and_connect import Server, SignIn
from focuswatch.engines.trino_create_and_insert_sql import (
    create_statement,
    insert_statements,
    select_rows,
    trino_type,
)
from focuswatch.errors import ConfigError, ExportError, QueryError
from focuswatch.owners.owners_file import Owners
from focuswatch.simulate import Simulated, simulate
from tests.conformance.extent import only_in_full
from tests.fakes.local_trino import LocalTrino
from tests.fakes.waiting import patience

CATALOG = Catalog.load()
SHAPE = {name: SQL_TYPES[kind] for name, kind in KINDS.items()}
NUMBERS = "UNNEST(sequence(1, 10000))"
ENDLESS = f"""
SELECT count(*) AS none
FROM {NUMBERS} AS a(x) CROSS JOIN {NUMBERS} AS b(y) CROSS JOIN {NUMBERS} AS c(z)
WHERE x + y + z < 0
"""
# Detections that read activity and that Trino plans quickly.
IDLE = "idle_bedrock_provisioned_throughput,idle_custom_model,idle_floor_service,idle_sagemaker_endpoint"
IDLE += ",orphaned_opensearch_collection"
CHARGE = {
    "ProviderName": "AWS",
    "BillingCurrency": "USD",
    "SubAccountId": "111122223333",
    "ServiceName": "Amazon Simple Storage Service",
    "ChargeCategory": "Usage",
    "Tags": {},
    **dict.fromkeys(("BilledCost", "EffectiveCost", "ConsumedQuantity"), 1.0),
}


def charge(day: date, **more: object) -> dict[str, object]:
    """Return a charge of one day."""
    start = f"{day} 00:00:00"
    return {
        **CHARGE,
        "ChargePeriodStart": start,
        "ChargePeriodEnd": start,
        "BillingPeriodStart": f"{day.replace(day=1)} 00:00:00",
        **more,
    }


@pytest.fixture
def raw(local_trino, request):
    """Create a schema for the test; return its name, and a function that replaces the export in it."""
    schema = f"trino_{abs(hash(request.node.name))}"
    engine = local_trino.engine()
    engine.execute(f"CREATE SCHEMA {schema}", label="test input")

    def deliver(rows: list[dict[str, object]]) -> str:
        name = f"memory.{schema}.focus_export"
        engine.execute(f"DROP TABLE IF EXISTS {name}", label="test input")
        engine.execute(create_statement(name, SHAPE), label="test input")
        for statement in insert_statements(
            name, SHAPE, [[row.get(column) for column in SHAPE] for row in rows]
        ):
            engine.execute(statement, label="test input")
        return name

    return schema, deliver


def trino_tables(local_trino: LocalTrino, raw) -> TrinoTables:
    """Return the tables over the export in the test's schema."""
    schema, _ = raw
    return TrinoTables(local_trino.engine(schema=schema), f"memory.{schema}.focus_export", CATALOG)


def focuswatch(*arguments: object, code: int = 0) -> str:
    """Run the command, and return its output."""
    program = "from focuswatch.cli import main; main()"
    called = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(called, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == code, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Both:
    """Runs a command over the same bill as a Trino table and as local files."""

    table: str
    files: Path
    organization: Simulated
    on_trino: list[object]
    on_duckdb: list[object]

    def there(self, verb: str, *words: object) -> str:
        """Return the output of the command with Trino."""
        return focuswatch(verb, *words, self.table, *self._input_options(), *self.on_trino)

    def here(self, verb: str, *words: object) -> str:
        """Return the output of the command with the files."""
        return focuswatch(verb, *words, self.files, *self._input_options(), *self.on_duckdb)

    def _input_options(self) -> list[object]:
        files = self.organization
        return ["--activity", files.activity, "--accounts", files.accounts, "--owners", files.owners]


@pytest.fixture(scope="module")
def both(local_trino, tmp_path_factory) -> Both:
    """Create the bill of the fourteen accounts with the fewest charges of a simulated organization."""
    folder = tmp_path_factory.mktemp("organization")
    organization = simulate(folder / "bill", days=60)
    raw = f"read_parquet('{organization.export}/data/**/*.parquet', hive_partitioning = false)"
    some = f"SELECT SubAccountId FROM {raw} GROUP BY 1 ORDER BY count(*) LIMIT 14"
    (folder / "files").mkdir()
    bill = folder / "files" / "bill.parquet"
    connection = connect()
    connection.execute(
        f"COPY (SELECT * FROM {raw} WHERE SubAccountId IN ({some})) TO '{bill}' (FORMAT parquet)"
    )
    rows = connection.execute(f"SELECT {', '.join(SHAPE)} FROM '{bill}'").fetchall()
    engine, table = local_trino.engine(), "memory.whole_scan.focus_export"
    engine.execute("CREATE SCHEMA whole_scan", label="test input")
    engine.execute(create_statement(table, SHAPE), label="test input")
    for statement in insert_statements(table, SHAPE, rows):
        engine.execute(statement, label="test input")
    address = f"http://tests@127.0.0.1:{local_trino.port}/memory/whole_scan"
    on_trino = ["--engine", "trino", "--trino", address, "--state", folder / "there"]
    return Both(table, bill.parent, organization, on_trino, ["--state", folder / "here"])


@pytest.fixture(scope="module")
def scanned(both):
    """Scan the bill with Trino and with DuckDB, and return both lists of findings; each scan writes its own ledger."""
    return tuple(json.loads(scan("scan", "--format", "json")) for scan in (both.there, both.here))


@only_in_full
def test_scan_on_trino_reports_the_findings_of_duckdb(scanned, local_trino):
    """Findings and their evidence are the same; no temporary table is left over."""
    actual, expected = scanned
    assert len({one["detection"] for one in actual}) > 5
    assert [one["fingerprint"] for one in actual] == [one["fingerprint"] for one in expected]
    assert {one["fingerprint"]: rounded(one) for one in actual} == {
        one["fingerprint"]: rounded(one) for one in expected
    }
    left = local_trino.engine(schema="whole_scan").query("SHOW TABLES", label="tables")
    assert not [row for row in left if row["Table"].startswith(("activity", "accounts", "completeness"))]


@only_in_full
@pytest.mark.parametrize("name", ["ai_spend_by_layer", "spend_by_team", "savings"])
def test_report_on_trino_equals_the_report_on_duckdb(name, both, scanned):
    """Rows and their order are the same; `savings` reads the ledger of the previous scan."""
    actual, expected = (
        run_command("report", name, "--format", "json") for run_command in (both.there, both.here)
    )
    rows, others = (json.loads(text)["rows"] for text in (actual, expected))
    assert [rounded(row) for row in rows] == [rounded(row) for row in others]
    assert rows or name == "savings"


@only_in_full
def test_weekly_digest_and_page_work_on_trino(both, scanned, tmp_path):
    """The digest equals that of DuckDB."""
    assert both.there("weekly").replace("/there", "/here") == both.here("weekly")
    both.there("page", "-o", tmp_path / "there.html")
    assert "<script" in (tmp_path / "there.html").read_text()


@only_in_full
def test_second_scan_on_trino_reports_no_new_findings(both, scanned):
    """Findings of the first scan have the status open."""
    assert {one["status"] for one in json.loads(both.there("scan", "--format", "json"))} == {"open"}


def test_trino_requires_a_table_name():
    """Only a command over files can read the most recently scanned export."""
    program = "from focuswatch.cli import main; main()"
    command = ["report", "ai_spend", "--engine", "trino", "--trino", "http://ana@127.0.0.1/memory/any"]
    done = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "CATALOG.SCHEMA.TABLE" in " ".join(done.stderr.split())


def rounded(value: object) -> object:
    """Round all numbers to eight digits, because sums depend on the order of addition."""
    match value:
        case float():
            return float(f"{value:.8g}")
        case dict():
            return {key: rounded(one) for key, one in value.items()}
        case list():
            return [rounded(one) for one in value]
    return value


def test_only_the_changed_billing_period_is_refreshed(local_trino, raw):
    """March keeps its table; April gets a new one, and the view reads both."""
    _, deliver = raw
    march, april = [charge(date(2026, 3, 9))], [charge(date(2026, 4, 9))]
    deliver(march + april)
    bill = trino_tables(local_trino, raw)
    before = bill.refresh(progress=print)
    deliver(march + april + april)
    after = bill.refresh(progress=print)
    assert after[0] == before[0]
    assert after[1].run_before == before[1].run
    rows = bill.engine.query(
        "SELECT charge_date, sum(charges) AS charges FROM daily_charges GROUP BY 1 ORDER BY 1", label="read"
    )
    assert [(row["charge_date"], row["charges"]) for row in rows] == [
        (date(2026, 3, 9), 1),
        (date(2026, 4, 9), 2),
    ]
    result = bill.engine.query(
        "SELECT billing_period, charges FROM deliveries ORDER BY refreshed_at, 1", label="read"
    )
    assert [row["charges"] for row in result] == [1, 1, 2]


def deliveries(bill: TrinoTables) -> list[tuple[date, int]]:
    """Return the billing periods and charges of the delivery history."""
    rows = bill.engine.query(
        "SELECT billing_period, charges FROM deliveries ORDER BY refreshed_at, 1", label="read"
    )
    return [(row["billing_period"], row["charges"]) for row in rows]


def test_refolding_after_an_upgrade_is_not_recorded_as_a_delivery(local_trino, raw, monkeypatch):
    """Otherwise, the upgrade would hide a late export."""
    _, deliver = raw
    deliver([charge(date(2026, 3, 9)), charge(date(2026, 4, 9), BilledCost=0.1)])
    bill = trino_tables(local_trino, raw)
    before = bill.refresh(progress=print)
    recorded = deliveries(bill)
    monkeypatch.setattr(trino_refresh, "FOLDING_VERSION", "of a later version")
    after = bill.refresh(progress=print)
    assert [period.run for period in after] != [period.run for period in before]
    assert deliveries(bill) == recorded == [(date(2026, 3, 1), 1), (date(2026, 4, 1), 1)]


def test_billing_period_of_an_eastern_provider_starts_on_the_last_day_of_the_month_before(
    local_trino, raw, tmp_path
):
    """Midnight in Shanghai is 16:00 UTC on the day before; DuckDB reads files in the same way."""
    _, deliver = raw
    deliver([
        charge(date(2026, 5, 1), BillingPeriodStart="2026-04-30 16:00:00", BilledCost=5.0),
        charge(date(2026, 4, 9), BillingPeriodStart="2026-03-31 10:00:00", BilledCost=4.0),
        charge(date(2026, 3, 9), BilledCost=3.0),
    ])  # fmt: skip
    by_period = "SELECT billing_period AS month, sum(BilledCost) AS billed FROM {} GROUP BY 1 ORDER BY 1"
    with opened(local_trino, raw, tmp_path) as bill:
        for table in ("daily_charges", "daily_services"):
            rows = bill.engine.query(by_period.format(table), label="read")
            assert [(row["month"].month, row["billed"]) for row in rows] == [(3, 3.0), (4, 4.0), (5, 5.0)], (
                table
            )
        delivered = bill.engine.query(bill.delivered_charges(date(2026, 5, 1)), label="delivered")
        assert [row["BilledCost"] for row in delivered] == [5.0]
        assert [row["BillingPeriodStart"].date() for row in delivered] == [date(2026, 5, 1)]


def test_forecasts_that_are_added_again_keep_their_first_values(local_trino, raw, tmp_path):
    """Files and Athena do the same. A day that was stored only in part is completed."""
    _, deliver = raw
    deliver([charge(date(2026, 4, 9))])
    april = date(2026, 4, 1)
    whole = KeptForecast(date(2026, 4, 10), april, "all", "", april, 1.0, 2.0, 3.0, 4.0)
    team = replace(whole, plan_of="team", plan="search's")
    with opened(local_trino, raw, tmp_path) as bill:
        bill.keep_forecasts([whole])
        bill.keep_forecasts([replace(whole, forecast=9.0), team])
        bill.keep_forecasts([replace(team, forecast=9.0)])
        assert sorted(bill.kept_forecasts(april), key=lambda row: row.plan_of) == [whole, team]


def opened(local_trino: LocalTrino, raw, tmp_path: Path):
    """Open the bill over the export in the test's schema."""
    schema, _ = raw
    return open_trino_bill(
        BillInputs(f"memory.{schema}.focus_export", tmp_path / "state"),
        engine=local_trino.engine(schema=schema),
        catalog=CATALOG,
        owners=Owners(),
        progress=print,
    )


def test_charges_of_other_providers_are_counted_and_not_evaluated(local_trino, raw, tmp_path):
    """As on DuckDB, detections of AWS resources read AWS charges only, and reports read all. No table is left over."""
    schema, deliver = raw
    model = {
        "SkuMeter": "USE1-NovaPro-output-tokens",
        "x_ServiceCode": "AmazonBedrock",
        "ServiceCategory": "AI and Machine Learning",
    }
    volume = {"SkuMeter": "EBS:VolumeUsage.gp3", "ServiceCategory": "Storage"}
    deliver([
        charge(day, SubAccountId=account, ProviderName=provider, **meter)
        for day in (date(2026, 3, 9), date(2026, 4, 9))
        for meter in (model, volume)
        for account, provider in (("1", "AWS"), ("2", None), ("3", "Amazon Web Services"), ("4", "Microsoft"))
    ])  # fmt: skip
    with opened(local_trino, raw, tmp_path) as bill:
        assert bill.summary.other_providers.startswith(
            "4 of 16 charges are Microsoft's. Anomaly detection, budgets, new-service"
        )
        for table, account in {
            **dict.fromkeys(SHAPES, "SubAccountId"),
            "completeness": "sub_account_id",
        }.items():
            statement = f"SELECT DISTINCT {account} AS account FROM {table} ORDER BY 1"
            accounts = [
                [row["account"] for row in engine.query(statement, label=table)]
                for engine in (bill.engine, bill.aws_engine)
            ]
            assert accounts == [["1", "2", "3", "4"], ["1", "2", "3"]], table
        accounts = bill.engine.query(PROVIDER_OF_ACCOUNT.format(table="daily_services"), label="accounts")
        assert {row["account"]: row["provider"] for row in accounts} == {
            "1": "AWS",
            "2": "AWS",
            "3": "Amazon Web Services",
            "4": "Microsoft",
        }
        bill.engine.cancel()
        with pytest.raises(QueryError, match="USER_CANCELED"):
            bill.aws_engine.query("SELECT 1", label="cancelled together")
        bill.engine.resume()
    left = local_trino.engine(schema=schema).query("SHOW TABLES", label="tables")
    assert not [row["Table"] for row in left if row["Table"].startswith(("aws_", "completeness"))]


def test_a_bill_of_another_provider_settles_a_day_later_than_its_aws_charges(local_trino, raw, tmp_path):
    """It settles after 3 days, its AWS charges after 2, as on DuckDB and Athena. AWS detections read the latter."""
    _, deliver = raw
    providers = ("AWS", "Microsoft", "Microsoft")
    deliver([
        charge(date(2026, 4, day), SubAccountId="1", ProviderName=provider)
        for day in range(1, 11) for provider in providers
    ])  # fmt: skip
    statement = "SELECT max(last_settled_day) AS day FROM completeness"
    with opened(local_trino, raw, tmp_path) as bill:
        days = [engine.query(statement, label="t")[0]["day"] for engine in (bill.engine, bill.aws_engine)]
    assert days == [date(2026, 4, 7), date(2026, 4, 8)]


def test_bill_with_two_engines_is_assessed(local_trino, raw, tmp_path):
    """Facts of the bill are read once for each engine."""
    _, deliver = raw
    deliver([
        charge(date(2026, 4, day), SubAccountId=provider, ProviderName=provider)
        for day in (8, 9) for provider in ("AWS", "Microsoft")
    ])  # fmt: skip
    with opened(local_trino, raw, tmp_path) as bill:
        assert bill.aws_engine is not bill.engine
        states = {one.id: one.state for one in assess(bill, catalog=CATALOG, owners=Owners())}
    assert states.keys() == {entry.id for entry in CATALOG.enabled} | CATALOG.reports.keys()
    assert (states["cost_anomaly"], states["gpu_burst"]) == ("not evaluated", "no charges")


def test_label_cannot_end_the_comment_of_its_statement(local_trino):
    """A group of a report is a name from the bill."""
    (row,) = local_trino.engine().query("SELECT 1 AS one", label="team */ it's; SELECT 2 /*")
    assert row == {"one": 1}


def test_an_export_of_aws_alone_has_one_engine(local_trino, raw, tmp_path):
    """It needs neither a filter nor further tables."""
    _, deliver = raw
    deliver([charge(date(2026, 4, 9))])
    with opened(local_trino, raw, tmp_path) as bill:
        assert bill.aws_engine is bill.engine and bill.summary.other_providers is None


def test_the_bills_own_exchange_rate_is_read_if_the_export_prices_in_dollars(local_trino, raw, tmp_path):
    """Each billing period has its own rate. Charges priced in another currency do not count."""
    schema, deliver = raw
    name = deliver([
        charge(day, BillingCurrency="INR", EffectiveCost=cost)
        for day, cost in ((date(2026, 3, 9), 80.0), (date(2026, 4, 9), 84.0), (date(2026, 4, 10), 999.0))
    ])  # fmt: skip
    with opened(local_trino, raw, tmp_path) as bill:
        assert bill.summary.per_usd is None
    engine = local_trino.engine(schema=schema)
    priced = f"""
        CREATE TABLE {name}_priced AS
        SELECT *, CASE EffectiveCost WHEN 999 THEN 'EUR' ELSE 'USD' END AS PricingCurrency,
            CAST(1 AS decimal(10, 2)) AS PricingCurrencyEffectiveCost
        FROM {name}
    """
    engine.execute(priced, label="test input")
    tables = TrinoTables(engine, f"{name}_priced", CATALOG)
    assert [period.per_usd for period in tables.refresh(progress=print)] == [80.0, 84.0]


def test_refresh_without_changes_creates_nothing(local_trino, raw):
    """The tables are the same, and no delivery is recorded twice."""
    _, deliver = raw
    deliver([charge(date(2026, 3, 9))])
    bill = trino_tables(local_trino, raw)
    first, tables = bill.refresh(progress=print), bill.tables()
    assert bill.refresh(progress=print) == first
    assert bill.tables() == tables


def test_reader_sees_the_old_or_the_new_period(local_trino, raw):
    """While April is refreshed repeatedly, a sum is always that of one complete version."""
    _, deliver = raw
    deliver([charge(date(2026, 4, 9), BilledCost=1.0)] * 3)
    bill = trino_tables(local_trino, raw)
    bill.refresh(progress=print)
    sums, is_over = set(), []

    def read() -> None:
        while not is_over:
            (row,) = bill.engine.query("SELECT sum(BilledCost) AS billed FROM daily_charges", label="reader")
            sums.add(row["billed"])

    reader = Thread(target=read)
    reader.start()
    for cost in (10.0, 100.0, 1000.0):
        deliver([charge(date(2026, 4, 9), BilledCost=cost)] * 3)
        bill.refresh(progress=print)
    is_over.append(True)
    reader.join()
    assert sums <= {3.0, 30.0, 300.0, 3000.0}
    assert len(sums) > 1


def test_failed_refresh_keeps_the_previous_tables(local_trino, raw):
    """Two currencies are refused before a table is created."""
    _, deliver = raw
    deliver([charge(date(2026, 4, 9))])
    bill = trino_tables(local_trino, raw)
    bill.refresh(progress=print)
    tables = bill.tables()
    deliver([charge(date(2026, 4, 9)), charge(date(2026, 4, 9), BillingCurrency="EUR")])
    with pytest.raises(ExportError, match="2 billing currencies"):
        bill.refresh(progress=print)
    assert bill.tables() == tables
    assert bill.engine.query("SELECT BillingCurrency AS currency FROM daily_charges", label="read") == [
        {"currency": "USD"}
    ]


def test_connector_without_add_column_is_an_error_with_a_remedy(local_trino, raw):
    """The memory connector of Trino 435 is an example of such a connector."""
    _, deliver = raw
    deliver([charge(date(2026, 4, 9))])
    bill = trino_tables(local_trino, raw)
    earlier = {column: type_ for column, type_ in DAILY_CHARGES.items() if column != "is_edge"}
    bill.engine.execute(create_parts("daily_charges", earlier, connector="memory"), label="test input")
    with pytest.raises(ConfigError, match="lacks the column is_edge, .*DROP TABLE daily_charges_parts"):
        bill.refresh(progress=print)
    bill.engine.execute("DROP TABLE daily_charges_parts", label="test input")
    bill.refresh(progress=print)
    assert bill.engine.query("SELECT is_edge FROM daily_charges", label="read") == [{"is_edge": False}]


def test_error_contains_the_query_id_and_statement_its_label(local_trino):
    """The operator of the cluster finds the query by ID; the comment shows its origin."""
    engine = local_trino.engine(run_id="run-7")
    with pytest.raises(
        QueryError, match=r"new_region: .*\(query (\d{8}_\d{6}_\w+)\): TABLE_NOT_FOUND"
    ) as raised:
        engine.query("SELECT * FROM nowhere", label="new_region")
    id = str(raised.value).partition("(query ")[2].partition(")")[0]
    (row,) = engine.query(f"SELECT query FROM system.runtime.queries WHERE query_id = '{id}'", label="look")
    assert row["query"].startswith("/* focuswatch run run-7: new_region */")


def test_cancel_stops_the_query_on_trino(local_trino):
    """The waiting thread gets an error."""
    engine = local_trino.engine(run_id="to-be-ended")
    failed = []

    def run_endless_query() -> None:
        try:
            engine.query(ENDLESS, label="endless")
        except QueryError as error:
            failed.append(str(error))

    thread = Thread(target=run_endless_query)
    thread.start()
    this_query = "query LIKE '/* focuswatch run to-be-ended:%'"
    assert local_trino.states(this_query, until=lambda states: states == ["RUNNING"]) == ["RUNNING"]
    engine.cancel()
    thread.join(timeout=patience(30))
    assert "USER_CANCELED" in failed[0]
    assert local_trino.states(this_query, until=lambda states: states == ["FAILED"]) == ["FAILED"]


def test_no_query_starts_after_cancel_until_resume(local_trino):
    """Otherwise a thread of the canceled run would start its next query."""
    engine = local_trino.engine()
    engine.cancel()
    with pytest.raises(QueryError, match="one: USER_CANCELED"):
        engine.query("SELECT 1 AS one", label="one")
    engine.resume()
    assert engine.query("SELECT 1 AS one", label="one") == [{"one": 1}]


@pytest.mark.parametrize(("endless_table", "at_once"), [("focus_export_endless", 1), ("activity", 4)])
def test_ctrl_c_cancels_the_queries_of_a_scan(endless_table, at_once, local_trino, raw, tmp_path):
    """This holds during the refresh and during detections. Temporary tables are dropped."""
    schema, deliver = raw
    services = ("Amazon Bedrock", "Amazon SageMaker")  # without them, the detections would not run
    charges = [charge(date(2026, 4, 9), ServiceName=name) for name in services]
    table, engine = deliver(charges), local_trino.engine(schema=schema)
    shape = ACTIVITY if endless_table == "activity" else SHAPE
    engine.execute(f"CREATE VIEW {endless_table} AS {endless(shape)}", label="test input")
    source = table if endless_table == "activity" else f"memory.{schema}.{endless_table}"
    address = f"http://{schema}@127.0.0.1:{local_trino.port}/memory/{schema}"
    program = "from focuswatch.cli import main; main()"
    called = ["scan", source, "--engine", "trino", "--trino", address, "--state", tmp_path, "--only", IDLE]
    live = f"\"user\" = '{schema}' AND state NOT IN ('FINISHED', 'FAILED')"
    with subprocess.Popen(
        [sys.executable, "-c", program, *map(str, called)], stderr=subprocess.PIPE, text=True
    ) as scan:
        try:
            reads = f"{live} AND query LIKE '%{endless_table}%'"
            states = local_trino.states(reads, until=lambda states: len(states) == at_once)
            assert len(states) == at_once
            scan.send_signal(signal.SIGINT)
            _, output = scan.communicate(timeout=patience(90))
        finally:
            scan.kill()
    assert (scan.returncode, "interrupted" in output) == (130, True), output
    assert local_trino.states(live, until=lambda states: not states) == []
    left = engine.query("SHOW TABLES", label="tables")
    assert not [row["Table"] for row in left if "__" in row["Table"]]


def endless(shape: Mapping[str, str]) -> str:
    """Return a SELECT of a table's columns that never ends and returns no row."""
    nulls = ", ".join(f"CAST(NULL AS {trino_type(type_)}) AS {name}" for name, type_ in shape.items())
    return f"SELECT {nulls} {ENDLESS.partition('AS none')[2]}"


@pytest.mark.parametrize(
    ("address", "expected_message"),
    [
        ("trino.example.com", "expected https://USER@HOST:PORT/CATALOG/SCHEMA"),
        ("https://ana@trino.example.com/lake", "expected https://USER@HOST:PORT/CATALOG/SCHEMA"),
        ("https://ana:secret@trino.example.com/hive/focus", "TRINO_PASSWORD"),
        ("https://ana@trino.example.com:many/lake/focus", "expected https"),
    ],
)
def test_invalid_address_is_refused(address, expected_message):
    """The error states the expected form and hides the password."""
    with pytest.raises(ConfigError, match=expected_message) as raised:
        Server.at(address)
    assert "secret" not in str(raised.value)


def test_secrets_require_https():
    """Over HTTP, a password would be visible."""
    server = Server.at("http://ana@trino.example.com/hive/focus")
    with pytest.raises(ConfigError, match="Use https"):
        server.connection(SignIn.PASSWORD, secrets={"TRINO_PASSWORD": "x"}, run_id="r")


def test_error_for_a_missing_secret_names_the_environment_variable():
    server = Server.at("https://ana@trino.example.com/hive/focus")
    with pytest.raises(ConfigError, match="requires the environment variables .*TRINO_CERTIFICATE_KEY"):
        server.connection(SignIn.CERTIFICATE, secrets={"TRINO_CERTIFICATE": "x"}, run_id="r")


def test_inline_rows_reach_trino_unchanged(local_trino, raw):
    """This includes quotes, emoji, nulls, empty maps, and the last digit of a double."""
    schema, deliver = raw
    rows = [
        charge(date(2024, 2, 29), ServiceName='it\'s "ours" 🚀\\n', Tags={"a'b": "ü"}, BilledCost=0.1 + 0.2),
        charge(date(2024, 2, 29), ServiceName=None, Tags=None, BilledCost=-1e-9),
    ]
    name = deliver(rows)
    result = local_trino.engine(schema=schema).query(
        f"SELECT ServiceName AS s, Tags AS t, BilledCost AS b FROM {name} ORDER BY b", label="read"
    )
    assert [(row["s"], row["t"], row["b"]) for row in result] == [
        (None, None, -1e-9),
        ('it\'s "ours" 🚀\\n', {"a'b": "ü"}, 0.1 + 0.2),
    ]


def test_few_rows_are_inlined_as_a_select(local_trino):
    """Values of owners.toml are a common table expression of each statement that reads them."""
    shape = {"rule": "VARCHAR", "place": "INTEGER", "starts_on": "DATE"}
    rows = [("tag", 1, date(2024, 2, 29)), (None, None, None)]
    engine = local_trino.engine(tables={"owner_rules": select_rows(shape, rows)})
    result = engine.query(
        "SELECT rules.starts_on, rule, place FROM owner_rules AS rules ORDER BY place", label="read"
    )
    assert [(row["rule"], row["place"], row["starts_on"]) for row in result] == rows
