"""Token sums of invocation logs over HTTP: what is stored for each day, and what is refused, noted or retried."""

import io
from datetime import UTC, datetime, timedelta

import boto3
import pyarrow.parquet as pq
import pytest
from moto import mock_aws

from focuswatch.collect.collect_daily_tokens_from_invocation_logs import (
    DAYS_A_RUN,
    InvocationLogSettings,
    collect_invocations,
)
from focuswatch.collect.counts_and_refusals_of_collected_account import CollectedAccount
from focuswatch.collect.days_to_collect import Window
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store
from focuswatch.collect.run_invocation_log_queries import InvocationLog
from focuswatch.collect.services_not_offered import ServicesNotOffered
from tests.fakes.local_logs_insights import GROUP, SECRET, invocation, local_invocation_logs

TODAY = datetime(2026, 3, 31, tzinfo=UTC)
DAY = TODAY - timedelta(days=1)
ACCOUNT, REGION = "111122223333", "us-east-1"
HAIKU, AGENT = "anthropic.claude-3-haiku-20240307-v1:0", "arn:aws:sts::111122223333:assumed-role/Agent/s"
SETTINGS = InvocationLogSettings(log_groups=(GROUP,), metadata_keys=("run_id", "customer"))


class MemoryStore:
    """Keep the sums in memory instead of S3."""

    def __init__(self):
        self.days = {}

    def has_invocations(self, account, *, region, day):
        return (account, region, day) in self.days

    def write_invocations(self, account, *, region, day, rows):
        self.days[account, region, day] = rows


@pytest.fixture(scope="module")
def server():
    with local_invocation_logs() as started:
        yield started


@pytest.fixture
def logs(server):
    """Return the server, reset to its initial state."""
    fresh = type(server)(url=server.url)
    server.__dict__.update(fresh.__dict__)
    return server


def run(logs, store=None, *, days=1, settings=SETTINGS):
    """Collect the days before today; return the store and the result."""
    store = store if store is not None else MemoryStore()
    collected = CollectedAccount(ACCOUNT)
    collect_invocations(
        collected,
        session=logs,
        regions=[REGION],
        window=Window(TODAY.date(), recent_days=1, first_days=days),
        settings=settings,
        store=store,
        not_offered=ServicesNotOffered(),
    )
    return store, collected


def stored(store, day=DAY):
    return store.days[ACCOUNT, REGION, day.date()]


def test_tokens_are_summed_by_model_caller_and_configured_metadata(logs):
    """A key that owners.toml does not name is not stored, and neither is a prompt."""
    first = {"run_id": "r1", "customer": "acme", "email": "a@acme.example"}
    logs.records = [
        invocation(DAY, model=HAIKU, tokens=(100, 10, 5, 2), metadata=first),
        invocation(DAY + timedelta(hours=23), model=HAIKU, tokens=(50, 1, 0, 0), metadata=first),
        invocation(DAY, model=HAIKU, tokens=(7, 7, 0, 0), metadata={"run_id": "r2"}),
        invocation(DAY, model="amazon.nova-lite-v1:0", tokens=(3, 3, 0, 0)),
    ]
    store, collected = run(logs)
    rows = {(row["model_id"], row["metadata"].get("run_id")): row for row in stored(store)}
    assert collected.refusals == [] and collected.rows == len(rows) == 3
    assert rows[HAIKU, "r1"] == {
        "usage_date": DAY.date(), "sub_account_id": ACCOUNT, "region_id": REGION, "model_id": HAIKU,
        "iam_principal": AGENT, "metadata": {"run_id": "r1", "customer": "acme"}, "invocations": 2,
        "counted_invocations": 2, "input_tokens": 150, "output_tokens": 11, "cache_read_tokens": 5,
        "cache_write_tokens": 2,
    }  # fmt: skip
    assert rows[HAIKU, "r2"]["metadata"] == {"run_id": "r2"}
    assert rows["amazon.nova-lite-v1:0", None]["metadata"] == {}
    assert SECRET not in str(store.days)


def test_a_call_belongs_to_the_day_on_which_it_was_made(logs):
    """StartQuery includes both ends of its time range, so a call at midnight could count in two days."""
    call_times = [DAY, DAY + timedelta(hours=23, minutes=59, seconds=59, milliseconds=900), TODAY]
    logs.records = [invocation(moment, model=HAIKU, tokens=(1, 0, 0, 0)) for moment in call_times]
    logs.records.append(invocation(DAY - timedelta(days=1), model=HAIKU, tokens=(10, 0, 0, 0)))
    store, _ = run(logs, days=2)
    assert stored(store)[0]["input_tokens"] == 2
    assert stored(store, DAY - timedelta(days=1))[0]["input_tokens"] == 10


def test_each_day_is_read_once_and_the_newest_days_first(logs):
    """CloudWatch Logs charges for the data that a query scans, so one run reads at most DAYS_A_RUN days."""
    store, _ = run(logs, days=DAYS_A_RUN + 2)
    assert sorted(day for *_, day in store.days)[0] == (TODAY - timedelta(days=DAYS_A_RUN)).date()
    run(logs, store, days=DAYS_A_RUN + 2)
    run(logs, store, days=DAYS_A_RUN + 2)
    assert len(logs.queries) == len(store.days) == DAYS_A_RUN + 2


def test_day_with_more_groups_than_one_result_can_hold_is_read_by_the_hour(logs, monkeypatch):
    """An hour with too many groups is read by the minute. Sums of a group in several results are added up."""
    monkeypatch.setattr("focuswatch.collect.run_invocation_log_queries.MOST_ROWS", 3)
    logs.polls = 0
    logs.records = [
        invocation(
            DAY + timedelta(hours=hour, minutes=minute),
            model=HAIKU,
            tokens=(1, 0, 0, 0),
            metadata={"run_id": run_id},
        )
        for hour, minute, run_id in (
            (0, 0, "a"),
            (0, 1, "b"),
            (0, 2, "c"),
            (0, 3, "a"),
            (5, 0, "d"),
            (6, 0, "a"),
        )
    ]
    store, _ = run(logs)
    tokens = {row["metadata"]["run_id"]: row["input_tokens"] for row in stored(store)}
    assert tokens == {"a": 3, "b": 1, "c": 1, "d": 1}
    assert len(logs.queries) == 1 + 24 + 60


def test_minute_with_more_groups_than_one_result_can_hold_is_refused_and_not_stored(logs, monkeypatch):
    """Its sums would lack the groups that the result does not contain. The other days are read."""
    monkeypatch.setattr("focuswatch.collect.run_invocation_log_queries.MOST_ROWS", 3)
    logs.records = [
        invocation(DAY + timedelta(hours=4), model=HAIKU, tokens=(1, 0, 0, 0), metadata={"run_id": run_id})
        for run_id in "abcd"
    ]
    store, collected = run(logs, days=3)
    (refusal,) = collected.refusals
    assert {day for _, _, day in store.days} == {(DAY - timedelta(days=ago)).date() for ago in (1, 2)}
    assert "the query for 2026-03-30 04:00 returned 3 or more rows" in refusal.reason
    assert refusal.reason.endswith("remove metadata_keys that differ in every call from owners.toml")


def test_calls_without_token_counts_are_counted(logs):
    """A failed call has no token counts, and CloudWatch Logs does not find them in records of more than 200 fields."""
    logs.records = [
        invocation(DAY, model=HAIKU, tokens=(5, 5, 0, 0)),
        invocation(DAY, model=HAIKU, tokens=None),
        invocation(DAY, model=HAIKU, tokens=(5, 5, 0, 0), messages=150),
    ]
    store, _ = run(logs)
    (row,) = stored(store)
    assert (row["invocations"], row["counted_invocations"], row["input_tokens"]) == (3, 1, 5)


def test_a_day_without_calls_is_stored_without_rows(logs):
    """The stored day shows that it has been read, so no later run reads it again."""
    store, collected = run(logs)
    assert (stored(store), collected.refusals) == ([], [])


def test_days_before_the_log_group_was_created_have_no_calls(logs):
    logs.kept_since = DAY
    store, collected = run(logs, days=3)
    assert len(store.days) == 3 and collected.refusals == []


@pytest.mark.parametrize("config", [None, {"textDataDeliveryEnabled": True}])
def test_nothing_is_read_if_logging_is_off(logs, config):
    logs.config = config
    store, collected = run(logs)
    assert (store.days, collected.refusals, collected.notes, logs.queries) == ({}, [], [], [])


def test_logs_in_s3_only_are_noted_and_not_read(logs):
    logs.config = {"s3Config": {"bucketName": "logs"}}
    store, collected = run(logs)
    assert (store.days, collected.refusals, logs.queries) == ({}, [], [])
    assert collected.notes == [
        "us-east-1: invocation logs are delivered to S3 only, but focuswatch reads only CloudWatch Logs"
    ]


def test_a_log_group_that_is_not_configured_is_refused_without_a_query(logs):
    logs.config = {"cloudWatchConfig": {"logGroupName": "/prompts", "roleArn": "r"}}
    store, collected = run(logs)
    (refusal,) = collected.refusals
    assert refusal.service == "invocation logs" and "/prompts" in refusal.reason and GROUP in refusal.reason
    assert (store.days, logs.queries) == ({}, [])


def test_day_of_a_refused_or_failed_query_is_read_by_the_next_run(logs):
    logs.refusal = "AccessDeniedException"
    store, collected = run(logs)
    assert store.days == {} and collected.refusals[0].reason.startswith("AccessDeniedException")
    logs.refusal, logs.statuses = None, ["Timeout"]
    _, collected = run(logs, store)
    assert store.days == {} and "ended with the status Timeout" in collected.refusals[0].reason
    logs.records = [invocation(DAY, model=HAIKU, tokens=(5, 5, 0, 0))]
    assert stored(run(logs, store)[0])[0]["input_tokens"] == 5


def test_partial_results_of_a_running_query_are_not_stored(logs):
    logs.polls = 3
    logs.records = [
        invocation(DAY, model=HAIKU, tokens=(1, 0, 0, 0), metadata={"run_id": run_id}) for run_id in "abc"
    ]
    assert len(stored(run(logs)[0])) == 3


def test_query_that_does_not_complete_in_time_is_an_error(logs):
    logs.polls = 1_000
    seconds = iter(range(0, 100_000, 30))
    client = logs.client("logs")
    log = InvocationLog(client, GROUP, (), sleep=lambda _: None, clock=lambda: float(next(seconds)))
    with pytest.raises(Exception, match="did not complete within 120 seconds"):
        log.sums(DAY.date())


def test_sums_of_an_account_region_and_day_are_stored_in_one_file(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    row = {
        "usage_date": DAY.date(), "sub_account_id": ACCOUNT, "region_id": REGION, "model_id": HAIKU,
        "iam_principal": None, "metadata": {"run_id": "r1"}, "invocations": 1, "counted_invocations": 1,
        "input_tokens": 2, "output_tokens": 3, "cache_read_tokens": 0, "cache_write_tokens": 0,
    }  # fmt: skip
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        s3.create_bucket(Bucket="focuswatch-data")
        Store(s3, "focuswatch-data").write_invocations(ACCOUNT, region=REGION, day=DAY.date(), rows=[row])
        reopened = Store(s3, "focuswatch-data")
        reopened.load_invocation_days([DAY.date()])
        assert reopened.has_invocations(ACCOUNT, region=REGION, day=DAY.date())
        assert not reopened.has_invocations(ACCOUNT, region="eu-west-1", day=DAY.date())
        key = f"tables/invocation_tokens/usage_date=2026-03-30/{ACCOUNT}.{REGION}.parquet"
        body = s3.get_object(Bucket="focuswatch-data", Key=key)["Body"].read()
        assert pq.read_table(io.BytesIO(body)).to_pylist() == [row | {"metadata": [("run_id", "r1")]}]
