"""Tokens are stored by hour; an hour that could not be read is read later and never stored as an hour without calls."""

import io
import json
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from focuswatch.authoring.detection_cases import CASES_FOLDER, Case, create_input_tables, read_cases
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.collect.collect_and_store_token_hours import collect_token_hours
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import rate_of
from tests.collect.test_collect_handler import ENVIRONMENT
from tests.given.cloud import Cloud, RefusedError, resolver_failure, unknown_host
from tests.given.lambda_context import LambdaContext
from tests.given.moto_ledger_table import ledger_table

ACCOUNT, OTHER = "111122223333", "444455556666"
SONNET, NOVA = "global.anthropic.claude-sonnet-4-20250514-v1:0", "amazon.nova-micro-v1:0"
NOW = datetime(2026, 6, 8, 14, 20, tzinfo=UTC)
BUCKET = "focuswatch-data"


@pytest.fixture
def store(monkeypatch):
    """An empty bucket."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield Store(boto3.client("s3"), BUCKET)


def add_tokens(cloud, hours, *, model=SONNET, metric="InputTokenCount", more_dimensions=None, **place):
    """Add token counts to CloudWatch; `hours` maps a number of hours before NOW to tokens."""
    days = {NOW.replace(minute=0) - timedelta(hours=back): tokens for back, tokens in hours.items()}
    cloud.measure("AWS/Bedrock", metric, by={"ModelId": model} | (more_dimensions or {}), days=days, **place)


def run(cloud, store, *, now=NOW, accounts=(ACCOUNT,), regions=("us-east-1",), refusing=(), **options):
    cloud.now = now
    return collect_token_hours(
        accounts,
        session_for=cloud.sessions(refusing=refusing),
        store=store,
        regions=regions,
        now=now,
        **options,
    )


TODAY = NOW.date()


def stored(store, *, day=TODAY, model=SONNET, account=ACCOUNT):
    """Return the tokens of a model by hour and kind."""
    return {
        (hour, kind): tokens
        for (_, hour, owner, _, called, kind), tokens in store.token_hours(day).items()
        if (owner, called) == (account, model)
    }


def test_complete_hours_with_calls_are_stored_by_kind_of_token(store):
    """The current hour, provisioned capacity and series with further dimensions are left out."""
    cloud = Cloud()
    add_tokens(cloud, {0: 99.0, 1: 7.0, 2: 0.0})
    add_tokens(cloud, {1: 5.0}, metric="OutputTokenCount")
    add_tokens(cloud, {1: 3.0, 24 * 28: 4.0}, metric="CacheReadInputTokenCount")
    add_tokens(cloud, {1: 2.0}, metric="CacheWriteInputTokenCount")
    add_tokens(cloud, {1: 1.0}, metric="Invocations")
    add_tokens(cloud, {1: 6.0}, more_dimensions={"ContextWindow": "1m"})
    add_tokens(cloud, {1: 8.0}, model=f"arn:aws:bedrock:us-east-1:{ACCOUNT}:provisioned-model/p1")
    summary = run(cloud, store)
    assert stored(store) == {
        (13, "input"): 7.0,
        (13, "output"): 5.0,
        (13, "cache read"): 3.0,
        (13, "cache write"): 2.0,
    }
    assert stored(store, day=date(2026, 5, 11)) == {(14, "cache read"): 4.0}
    assert len(store.token_hours(NOW.date())) == 4
    assert (summary.accounts, summary.changed, summary.refused, summary.postponed) == ((ACCOUNT,), 5, (), ())


def test_an_hour_later_only_active_models_are_read_and_late_datapoints_count(store):
    """GetMetricData is billed per series, so an hourly run reads only models with recent calls."""
    cloud = Cloud()
    add_tokens(cloud, {1: 7.0, 5: 1.0})
    add_tokens(cloud, {40: 9.0}, model=NOVA)
    run(cloud, store)
    assert {model for _, model in cloud.requested_series} == {SONNET, NOVA}
    cloud.requested_series.clear()
    add_tokens(cloud, {0: 8.0, 1: 7.5, 5: 2.0, 9: 30.0})
    summary = run(cloud, store, now=NOW + timedelta(hours=1))
    assert {model for _, model in cloud.requested_series} == {SONNET}
    # The value of nine hours ago is missing, because that hour is too old to be read again.
    assert stored(store) == {(14, "input"): 8.0, (13, "input"): 7.5, (9, "input"): 2.0}
    assert stored(store, day=date(2026, 6, 6), model=NOVA) == {(22, "input"): 9.0}
    assert summary.changed == 3


def test_region_that_refused_is_read_later_from_where_it_stopped(store):
    """Otherwise its missed hours would count as hours without calls. The other region is read as usual."""
    cloud, regions = Cloud(), ("us-east-1", "eu-west-1")
    add_tokens(cloud, {1: 7.0})
    run(cloud, store, regions=regions)
    day_later = NOW + timedelta(days=1)
    add_tokens(cloud, {-1: 5.0, -23: 6.0})
    add_tokens(cloud, {-23: 4.0}, region="eu-west-1")
    cloud.refusing = lambda account, region, service: RefusedError() if region == "us-east-1" else None
    summary = run(cloud, store, regions=regions, now=day_later)
    assert list(summary.refusals) == [f"{ACCOUNT} us-east-1"]
    assert stored(store, day=day_later.date()) == {(13, "input"): 4.0}
    cloud.refusing = lambda account, region, service: None
    run(cloud, store, regions=regions, now=day_later + timedelta(hours=1))
    assert stored(store)[15, "input"] == 5.0
    assert sorted(store.token_hours(day_later.date()).values()) == [4.0, 6.0]


@pytest.mark.parametrize("error", [unknown_host(), resolver_failure()])
def test_an_unreachable_cloudwatch_is_a_refusal_and_its_hours_are_read_later(store, error):
    """This holds for every account of the run. Otherwise the history of a new account would be stored without calls."""
    cloud = Cloud(unreachable=lambda region, service: error)
    for account in (ACCOUNT, OTHER):
        add_tokens(cloud, {1: 7.0, 24 * 20: 5.0}, account=account)
    summary = run(cloud, store, accounts=(ACCOUNT, OTHER))
    assert sorted(summary.refusals) == [f"{ACCOUNT} us-east-1", f"{OTHER} us-east-1"]
    assert store.token_hours_read_until() == {}
    cloud.unreachable = lambda region, service: None
    run(cloud, store, accounts=(ACCOUNT, OTHER), now=NOW + timedelta(hours=1))
    assert stored(store, account=OTHER)[13, "input"] == 7.0
    assert stored(store, day=date(2026, 5, 19), account=OTHER) == {(14, "input"): 5.0}


def test_incomplete_data_are_read_again(store):
    cloud = Cloud()
    add_tokens(cloud, {1: 7.0})
    series = ("AWS/Bedrock", "OutputTokenCount", frozenset({("ModelId", SONNET)}), "Sum")
    cloud.metrics[ACCOUNT, "us-east-1"][series] = "InternalError"
    summary = run(cloud, store)
    assert "incomplete data for the metric OutputTokenCount" in summary.refusals[f"{ACCOUNT} us-east-1"]
    assert (stored(store), summary.accounts) == ({(13, "input"): 7.0}, ())
    assert store.token_hours_read_until() == {}


def test_accounts_that_refuse_or_are_postponed_do_not_fail_the_run(store):
    """One run reads the whole history of at most `most_first_reads` accounts; the others are postponed."""
    cloud = Cloud()
    for account in (ACCOUNT, OTHER):
        add_tokens(cloud, {1: 7.0}, account=account)
    accounts = (ACCOUNT, OTHER, "777788889999")
    summary = run(cloud, store, accounts=accounts, refusing=[ACCOUNT], most_first_reads=2)
    assert summary.refusals[ACCOUNT].startswith("AccessDenied") and len(summary.postponed) == 1
    for _ in range(2):
        summary = run(cloud, store, accounts=accounts, most_first_reads=2)
    assert (summary.postponed, summary.refusals) == ((), {})
    assert stored(store) == stored(store, account=OTHER) == {(13, "input"): 7.0}


@contextmanager
def bill_over_the_bucket(today):
    """Open a DuckDB bill that ends yesterday, with the hourly tokens that are in the bucket."""
    connection, catalog = connect(), Catalog.load()
    file = read_cases(CASES_FOLDER / "live_burn.toml")
    days = [today - timedelta(days=18), today]
    create_input_tables(
        connection, Case(name="a model on the bill", kind="fires", charges=[{"days": days}]), file=file
    )
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="tables/token_hours/")["Contents"]
    files = [boto3.client("s3").get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read() for one in listed]
    token_hours = pa.concat_tables([pq.read_table(io.BytesIO(body)) for body in files])
    connection.register("collected", token_hours)
    connection.execute(f"INSERT INTO token_hours SELECT {', '.join(token_hours.schema.names)} FROM collected")
    create_owner_and_computed_local_tables.create_views(
        connection, catalog, values={"as_of": today, "names_resources": False}
    )
    summary = SimpleNamespace(rate=lambda owners: rate_of("USD", rates=owners.exchange_rates))
    yield SimpleNamespace(aws_engine=DuckDbEngine(connection), as_of=today, summary=summary)


def test_the_function_notifies_a_spike_once(store, monkeypatch):
    """Run everything from CloudWatch to the pending notification; a second run of the same hour changes nothing."""
    from focuswatch.ledger.dynamodb_ledger import DynamoLedger
    from lambdas import hourly_estimate_and_detect_token_spend, lambda_run_lease_event_bus_and_heartbeat

    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    cloud, table = Cloud(now=now), ledger_table(ENVIRONMENT["FOCUSWATCH_LEDGER"])
    baseline = {now - timedelta(hours=back): 1e6 for back in range(2, 24 * 28)}
    datapoints = baseline | {now - timedelta(hours=1): 2e7}
    cloud.measure("AWS/Bedrock", "InputTokenCount", by={"ModelId": SONNET}, days=datapoints)
    store.write_accounts(
        [
            {"sub_account_id": id, "name": "a", "email": None, "ou_path": "/", "tags": {}, "joined_on": None,
             "closed_on": closed}
            for id, closed in ((ACCOUNT, None), (OTHER, now.date()))
        ]
    )  # fmt: skip
    announced = []
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "hourly")
    monkeypatch.setenv("FOCUSWATCH_NAME", "focuswatch")
    monkeypatch.setattr(
        hourly_estimate_and_detect_token_spend,
        "member_sessions",
        lambda sts, role, external_id: cloud.sessions(),
    )
    monkeypatch.setattr(
        hourly_estimate_and_detect_token_spend,
        "open_athena_bill",
        lambda *_, **__: bill_over_the_bucket(now.date()),
    )
    monkeypatch.setattr(lambda_run_lease_event_bus_and_heartbeat.LambdaRun, "tables", None)
    monkeypatch.setattr(lambda_run_lease_event_bus_and_heartbeat.LambdaRun, "scanned_bytes", 0)
    monkeypatch.setattr(
        lambda_run_lease_event_bus_and_heartbeat.LambdaRun,
        "announce",
        lambda self, what, detail: announced.append((what, json.loads(detail))),
    )
    heartbeats = [hourly_estimate_and_detect_token_spend.handler({}, LambdaContext()) for _ in range(2)]
    assert [(beat["ran"], beat["failed"]) for beat in heartbeats] == [([ACCOUNT], {})] * 2
    assert [(what, detail["news"]) for what, detail in announced] == [("Detected", 1)]
    (pending,) = DynamoLedger(table).pending_notifications()
    finding = pending.notification.finding
    assert (pending.notification.kind, finding.detection) == ("new", "live_burn")
    assert "cost an estimated 60.00 USD in the hour" in finding.reason
    assert (finding.monthly_cost, finding.monthly_cost_if_continues) == (57, 41_040)
    assert OTHER not in {account for account, _, _ in cloud.calls}
