"""The Trino engine on a real Trino: the same findings as DuckDB, a refresh in one step, cancelable queries."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Thread

import pytest

from focuswatch.bill.bill_input_files import BillInputs
from focuswatch.bill.refresh.trino_refresh import SHAPES, TrinoTables
from focuswatch.bill.refresh.trino_statements import create_parts
from focuswatch.bill.schema.focus_column_expressions import KINDS, SQL_TYPES
from focuswatch.bill.schema.table_columns import ACTIVITY, DAILY_CHARGES
from focuswatch.bill.trino_bill import open_trino_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_engine import connect
from focuswatch.engines.local_rows_as_trino_sql import (
    create_statement,
    insert_statements,
    select_rows,
    trino_type,
)
from focuswatch.engines.trino_address_and_sign_in import Server, SignIn
from focuswatch.errors import ConfigError, ExportError, QueryError
from focuswatch.owners.owners_file_and_assignment import Owners
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
# They read the activity of what they look at, and are planned in little time.
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
}  # fmt: skip


def charge(day: date, **more: object) -> dict[str, object]:
    """A charge of one day."""
    start = f"{day} 00:00:00"
    return {
        **CHARGE, "ChargePeriodStart": start, "ChargePeriodEnd": start,
        "BillingPeriodStart": f"{day.replace(day=1)} 00:00:00", **more,
    }  # fmt: skip


@pytest.fixture
def raw(local_trino, request):
    """A schema of its own, and what replaces the export in it."""
    schema = f"trino_{abs(hash(request.node.name))}"
    engine = local_trino.engine()
    engine.execute(f"CREATE SCHEMA {schema}", label="given")

    def deliver(rows: list[dict[str, object]]) -> str:
        name = f"memory.{schema}.focus_export"
        engine.execute(f"DROP TABLE IF EXISTS {name}", label="given")
        engine.execute(create_statement(name, SHAPE), label="given")
        for statement in insert_statements(
            name, SHAPE, [[row.get(column) for column in SHAPE] for row in rows]
        ):
            engine.execute(statement, label="given")
        return name

    return schema, deliver


def lake_of(local_trino: LocalTrino, raw) -> TrinoTables:
    """The tables over the export of a schema."""
    schema, _ = raw
    return TrinoTables(local_trino.engine(schema=schema), f"memory.{schema}.focus_export", CATALOG)


def focuswatch(*arguments: object, code: int = 0) -> str:
    """Return the output of the command."""
    program = "from focuswatch.cli import main; main()"
    called = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(called, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == code, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Both:
    """The command over an organisation's bill: as a table of a Trino, and as files on this machine."""

    table: str
    files: Path
    organisation: Simulated
    on_trino: list[object]
    on_duckdb: list[object]

    def there(self, verb: str, *words: object) -> str:
        """Return its output with Trino."""
        return focuswatch(verb, *words, self.table, *self._beside(), *self.on_trino)

    def here(self, verb: str, *words: object) -> str:
        """Return its output with the files."""
        return focuswatch(verb, *words, self.files, *self._beside(), *self.on_duckdb)

    def _beside(self) -> list[object]:
        one = self.organisation
        return ["--activity", one.activity, "--accounts", one.accounts, "--owners", one.owners]


@pytest.fixture(scope="module")
def both(local_trino, tmp_path_factory) -> Both:
    """The bill of fourteen accounts of a simulated organisation, those with the fewest charges."""
    folder = tmp_path_factory.mktemp("organisation")
    organisation = simulate(folder / "bill", days=60)
    raw = f"read_parquet('{organisation.export}/data/**/*.parquet', hive_partitioning = false)"
    some = f"SELECT SubAccountId FROM {raw} GROUP BY 1 ORDER BY count(*) LIMIT 14"
    (folder / "files").mkdir()
    bill = folder / "files" / "bill.parquet"
    connection = connect()
    connection.execute(
        f"COPY (SELECT * FROM {raw} WHERE SubAccountId IN ({some})) TO '{bill}' (FORMAT parquet)"
    )
    rows = connection.execute(f"SELECT {', '.join(SHAPE)} FROM '{bill}'").fetchall()
    engine, table = local_trino.engine(), "memory.whole_scan.focus_export"
    engine.execute("CREATE SCHEMA whole_scan", label="given")
    engine.execute(create_statement(table, SHAPE), label="given")
    for statement in insert_statements(table, SHAPE, rows):
        engine.execute(statement, label="given")
    address = f"http://tests@127.0.0.1:{local_trino.port}/memory/whole_scan"
    on_trino = ["--engine", "trino", "--trino", address, "--state", folder / "there"]
    return Both(table, bill.parent, organisation, on_trino, ["--state", folder / "here"])


@pytest.fixture(scope="module")
def scanned(both):
    """Return the output of both for the same bill; each has a ledger afterwards."""
    return tuple(json.loads(scan("scan", "--format", "json")) for scan in (both.there, both.here))


@only_in_full
def test_scan_on_trino_reports_the_findings_of_duckdb(scanned, local_trino):
    """All findings of a simulated organization, with their evidence; no table is left behind."""
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
    """Row by row and in order; `savings` reads the ledger of the previous scan."""
    actual, expected = (
        run_command("report", name, "--format", "json") for run_command in (both.there, both.here)
    )
    rows, others = (json.loads(text)["rows"] for text in (actual, expected))
    assert [rounded(row) for row in rows] == [rounded(row) for row in others]
    assert rows or name == "savings"


@only_in_full
def test_weekly_digest_and_page_work_on_trino(both, scanned, tmp_path):
    """The digest has the same ten lines, and the page the same number of findings."""
    assert both.there("weekly").replace("/there", "/here") == both.here("weekly")
    both.there("page", "-o", tmp_path / "there.html")
    assert "<script" in (tmp_path / "there.html").read_text()


@only_in_full
def test_second_scan_on_trino_reports_no_new_findings(both, scanned):
    """Findings that were already notified are open."""
    assert {one["status"] for one in json.loads(both.there("scan", "--format", "json"))} == {"open"}


def test_trino_requires_a_table_name():
    """Only files have a most recently scanned export."""
    program = "from focuswatch.cli import main; main()"
    command = ["report", "ai_spend", "--engine", "trino", "--trino", "http://ana@127.0.0.1/memory/any"]
    done = subprocess.run(
        [sys.executable, "-c", program, *command], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "CATALOG.SCHEMA.TABLE" in " ".join(done.stderr.split())


def rounded(value: object) -> object:
    """A finding whose numbers differ from another's by no more than the order of adding them."""
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
    bill = lake_of(local_trino, raw)
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


def opened(local_trino: LocalTrino, raw, tmp_path: Path):
    """The bill over the export of a schema."""
    schema, _ = raw
    return open_trino_bill(
        BillInputs(f"memory.{schema}.focus_export", tmp_path / "state"),
        engine=local_trino.engine(schema=schema), catalog=CATALOG, owners=Owners(), progress=print,
    )  # fmt: skip


def test_charges_of_other_providers_are_counted_and_not_evaluated(local_trino, raw, tmp_path):
    """Every table that detections read has AWS charges only, as on DuckDB; reports read all; nothing is left behind."""
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
            seen = [
                [row["account"] for row in engine.query(statement, label=table)]
                for engine in (bill.engine, bill.aws_engine)
            ]
            assert seen == [["1", "2", "3", "4"], ["1", "2", "3"]], table
        bill.engine.cancel()
        with pytest.raises(QueryError, match="USER_CANCELED"):
            bill.aws_engine.query("SELECT 1", label="cancelled together")
        bill.engine.resume()
    left = local_trino.engine(schema=schema).query("SHOW TABLES", label="tables")
    assert not [row["Table"] for row in left if row["Table"].startswith(("aws_", "completeness"))]


def test_a_bill_of_another_provider_settles_a_day_later_than_its_aws_charges(local_trino, raw, tmp_path):
    """After 3 days, as on DuckDB and Athena; detections of AWS resources read AWS charges, which settle after 2."""
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


def test_an_export_of_aws_alone_has_one_engine(local_trino, raw, tmp_path):
    """No filter, and no table is made for it."""
    _, deliver = raw
    deliver([charge(date(2026, 4, 9))])
    with opened(local_trino, raw, tmp_path) as bill:
        assert bill.aws_engine is bill.engine and bill.summary.other_providers is None


def test_the_bills_own_exchange_rate_is_read_if_the_export_prices_in_dollars(local_trino, raw, tmp_path):
    """That of the newest period that has one; charges priced in another currency do not count."""
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
    engine.execute(priced, label="given")
    tables = TrinoTables(engine, f"{name}_priced", CATALOG)
    assert [period.per_usd for period in tables.refresh(progress=print)] == [80.0, 84.0]


def test_refresh_without_changes_creates_nothing(local_trino, raw):
    """The tables are the same, and no delivery is recorded twice."""
    _, deliver = raw
    deliver([charge(date(2026, 3, 9))])
    bill = lake_of(local_trino, raw)
    first, there = bill.refresh(progress=print), bill.tables()
    assert bill.refresh(progress=print) == first
    assert bill.tables() == there


def test_reader_sees_the_old_or_the_new_period(local_trino, raw):
    """While April is refreshed repeatedly, a sum never contains a mixture or nothing."""
    _, deliver = raw
    deliver([charge(date(2026, 4, 9), BilledCost=1.0)] * 3)
    bill = lake_of(local_trino, raw)
    bill.refresh(progress=print)
    seen, over = set(), []

    def read() -> None:
        while not over:
            (row,) = bill.engine.query("SELECT sum(BilledCost) AS billed FROM daily_charges", label="reader")
            seen.add(row["billed"])

    reader = Thread(target=read)
    reader.start()
    for cost in (10.0, 100.0, 1000.0):
        deliver([charge(date(2026, 4, 9), BilledCost=cost)] * 3)
        bill.refresh(progress=print)
    over.append(True)
    reader.join()
    assert seen <= {3.0, 30.0, 300.0, 3000.0}
    assert len(seen) > 1


def test_failed_refresh_keeps_the_previous_tables(local_trino, raw):
    """Two currencies are refused before a table is created."""
    _, deliver = raw
    deliver([charge(date(2026, 4, 9))])
    bill = lake_of(local_trino, raw)
    bill.refresh(progress=print)
    there = bill.tables()
    deliver([charge(date(2026, 4, 9)), charge(date(2026, 4, 9), BillingCurrency="EUR")])
    with pytest.raises(ExportError, match="2 billing currencies"):
        bill.refresh(progress=print)
    assert bill.tables() == there
    assert bill.engine.query("SELECT BillingCurrency AS currency FROM daily_charges", label="read") == [
        {"currency": "USD"}
    ]


def test_connector_without_add_column_is_an_error_with_a_remedy(local_trino, raw):
    """The memory connector of Trino 435 is an example."""
    _, deliver = raw
    deliver([charge(date(2026, 4, 9))])
    bill = lake_of(local_trino, raw)
    earlier = {column: type_ for column, type_ in DAILY_CHARGES.items() if column != "is_edge"}
    bill.engine.execute(create_parts("daily_charges", earlier, connector="memory"), label="given")
    with pytest.raises(ConfigError, match="lacks the column is_edge, .*DROP TABLE daily_charges_parts"):
        bill.refresh(progress=print)
    bill.engine.execute("DROP TABLE daily_charges_parts", label="given")
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

    def ask() -> None:
        try:
            engine.query(ENDLESS, label="endless")
        except QueryError as error:
            failed.append(str(error))

    asking = Thread(target=ask)
    asking.start()
    ours = "query LIKE '/* focuswatch run to-be-ended:%'"
    assert local_trino.states(ours, until=lambda states: states == ["RUNNING"]) == ["RUNNING"]
    engine.cancel()
    asking.join(timeout=patience(30))
    assert "USER_CANCELED" in failed[0]
    assert local_trino.states(ours, until=lambda states: states == ["FAILED"]) == ["FAILED"]


def test_no_query_starts_after_cancel_until_resume(local_trino):
    """Otherwise a thread would start its next query."""
    engine = local_trino.engine()
    engine.cancel()
    with pytest.raises(QueryError, match="one: USER_CANCELED"):
        engine.query("SELECT 1 AS one", label="one")
    engine.resume()
    assert engine.query("SELECT 1 AS one", label="one") == [{"one": 1}]


@pytest.mark.parametrize(("endless_table", "at_once"), [("focus_export_endless", 1), ("activity", 4)])
def test_ctrl_c_cancels_the_queries_of_a_scan(endless_table, at_once, local_trino, raw, tmp_path):
    """During the refresh, and during detections; temporary tables are dropped."""
    schema, deliver = raw
    services = ("Amazon Bedrock", "Amazon SageMaker")  # without them, the detections would not run
    charges = [charge(date(2026, 4, 9), ServiceName=name) for name in services]
    table, engine = deliver(charges), local_trino.engine(schema=schema)
    shape = ACTIVITY if endless_table == "activity" else SHAPE
    engine.execute(f"CREATE VIEW {endless_table} AS {endless(shape)}", label="given")
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
    """A SELECT of a table's columns that finds nothing, and takes for ever to."""
    nulls = ", ".join(f"CAST(NULL AS {trino_type(type_)}) AS {name}" for name, type_ in shape.items())
    return f"SELECT {nulls} {ENDLESS.partition('AS none')[2]}"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("trino.example.com", "expected https://USER@HOST:PORT/CATALOG/SCHEMA"),
        ("https://ana@trino.example.com/lake", "expected https://USER@HOST:PORT/CATALOG/SCHEMA"),
        ("https://ana:secret@trino.example.com/hive/focus", "TRINO_PASSWORD"),
        ("https://ana@trino.example.com:many/lake/focus", "expected https"),
    ],
)
def test_invalid_address_is_refused(address, said):
    """The error states the expected form and hides the password."""
    with pytest.raises(ConfigError, match=said) as raised:
        Server.at(address)
    assert "secret" not in str(raised.value)


def test_secrets_require_https():
    """Over HTTP, a password would be visible."""
    server = Server.at("http://ana@trino.example.com/hive/focus")
    with pytest.raises(ConfigError, match="Use https"):
        server.connection(SignIn.PASSWORD, secrets={"TRINO_PASSWORD": "x"}, run_id="r")


def test_missing_secret_is_one_error():
    """The error states the environment variable."""
    server = Server.at("https://ana@trino.example.com/hive/focus")
    with pytest.raises(ConfigError, match="requires the environment variables .*TRINO_CERTIFICATE_KEY"):
        server.connection(SignIn.CERTIFICATE, secrets={"TRINO_CERTIFICATE": "x"}, run_id="r")


def test_inline_rows_reach_trino_unchanged(local_trino, raw):
    """Quotes, emoji, nulls, empty maps, and the last digit of a double."""
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
