"""The lease of a function allows one run at a time and loses no event. DynamoDB is emulated over HTTP."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest

from focuswatch.operations.function_lease import LEASE_SECONDS, Lease, LeaseLost
from focuswatch.operations.lambda_function_groups_and_modules import ONE_AT_A_TIME
from lambdas.lambda_run_lease_event_bus_and_heartbeat import AGAIN, LambdaRun
from tests.fakes.dynamodb_in_memory import MemoryTable
from tests.fakes.local_aws_with_cdk import local_aws
from tests.fakes.waiting import patience
from tests.given.lambda_context import LambdaContext
from tests.given.moto_ledger_table import ledger_table

TABLE = "leases"
AT_ONCE = 8


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Yield a table over HTTP, for conditional writes of parallel clients."""
    with local_aws(tmp_path_factory.mktemp("aws")) as aws, aws.used():
        ledger_table(TABLE)
        yield boto3.resource("dynamodb").Table(TABLE)


class Logged:
    """A logger that records its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, line: str) -> None:
        self.lines.append(line)

    warning = info


@pytest.fixture
def announced(table: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Return the list of events that runs send."""
    events: list[tuple[str, str]] = []
    monkeypatch.setenv("FOCUSWATCH_LEDGER", TABLE)
    monkeypatch.setattr(LambdaRun, "announce", lambda _self, what, detail: events.append((what, detail)))
    return events


def test_parallel_invocations_run_one_at_a_time_and_process_all_events(
    table: Any, announced: list[tuple[str, str]]
) -> None:
    """If a run is turned away, a later run processes its event."""
    waiting, done, running, most = set(range(40)), set[int](), 0, 0
    arrived: set[int] = set()
    lock = threading.Lock()

    def work(_lease: Lease) -> dict[str, Any]:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            seen = set(arrived)
        time.sleep(0.02)
        with lock:
            done.update(seen)
            running -= 1
        return {}

    def call(number: int) -> None:
        with lock:
            arrived.add(number)
        run_with_repeats({})

    def run_with_repeats(event: dict[str, Any]) -> None:
        mine: list[tuple[str, str]] = []
        run = LambdaRun("refresh")
        object.__setattr__(run, "announce", lambda what, detail: mine.append((what, detail)))
        run.alone(work, event=event, logger=Logged())
        for what, _ in mine:  # EventBridge invokes the function
            run_with_repeats({"detail-type": what})

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(call, sorted(waiting)))
    assert most == 1
    assert done == waiting


@pytest.mark.parametrize("kind", ONE_AT_A_TIME)
def test_functions_have_separate_leases(kind: str, table: Any) -> None:
    """For example, `refresh` and `publish` may run in parallel."""
    held = [Lease(table, f"{kind} of one"), Lease(table, f"{kind} of another")]
    assert all(lease.take() for lease in held)
    assert [lease.give_back() for lease in held] == [False, False]


def test_run_that_is_turned_away_is_repeated_after_the_running_one(
    table: Any, announced: list[tuple[str, str]]
) -> None:
    """It is repeated once, also if several runs were turned away."""
    turned_away: list[dict[str, Any]] = []
    log = Logged()

    def work(_lease: Lease) -> dict[str, Any]:
        for _ in range(3):
            turned_away.append(LambdaRun("detect").alone(lambda _: {"ran": True}, event={}, logger=log))
        return {"ran": "once"}

    assert LambdaRun("detect").alone(work, event={}, logger=log) == {"ran": "once"}
    assert [one["turned_away"] for one in turned_away] == [True] * 3
    assert announced == [(AGAIN, '{"function": "detect"}')]
    assert LambdaRun("detect").alone(lambda _: {"ran": "again"}, event={}, logger=log) == {"ran": "again"}
    assert len(announced) == 1


@pytest.mark.parametrize(("event", "expected_repeats"), [({}, 1), ({"detail-type": AGAIN}, 0)])
def test_failed_run_releases_the_lease_and_is_repeated_once(
    table: Any, announced: list[tuple[str, str]], event: dict[str, Any], expected_repeats: int
) -> None:
    """If a run that was itself a repetition fails, it is not repeated again; Lambda retries its event."""

    def work(_lease: Lease) -> dict[str, Any]:
        LambdaRun("page").alone(lambda _: {}, event={}, logger=Logged())
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        LambdaRun("page").alone(work, event=event, logger=Logged())
    assert len(announced) == expected_repeats
    assert LambdaRun("page").alone(lambda _: {"ran": True}, event={}, logger=Logged()) == {"ran": True}


def test_lease_is_renewed_during_a_run_and_expires_after_a_kill(table: Any) -> None:
    """It expires before Lambda retries the event after one minute."""
    now = [1000.0]
    working = Lease(table, "renewed", clock=lambda: now[0], renewed_seconds=0.05)
    assert working.take()
    other = Lease(table, "renewed", clock=lambda: now[0])
    for _ in range(3):
        now[0] += LEASE_SECONDS - 1
        until = time.monotonic() + patience(20)
        while _until(table, "renewed") < now[0] + LEASE_SECONDS:
            assert time.monotonic() < until
            time.sleep(0.02)
        assert not other.take()
    working._over.set()  # a killed process no longer renews its lease
    assert LEASE_SECONDS < 60
    now[0] += LEASE_SECONDS + 1
    assert other.take()
    assert not other.give_back()


def _until(table: Any, name: str) -> float:
    return float(
        table.get_item(Key={"kind": "lease", "id": name}, ConsistentRead=True)["Item"]["lease_until"]
    )


def test_run_that_lost_its_lease_does_not_release_it() -> None:
    """The lease belongs to the other run, which keeps it."""
    now, table = [1000.0], MemoryTable()
    first = Lease(table, "lost", clock=lambda: now[0], renewed_seconds=3600)  # type: ignore[arg-type]
    assert first.take()
    now[0] += LEASE_SECONDS + 1
    second = Lease(table, "lost", clock=lambda: now[0])  # type: ignore[arg-type]
    assert second.take()
    first.renewed_seconds = 0.0
    first._renew()
    assert not first.is_held and second.is_held
    with pytest.raises(LeaseLost):
        first.give_back()
    assert not second.give_back()


def test_lost_response_of_dynamodb_loses_no_event() -> None:
    """botocore retries the release. The retry cannot see whether a run was turned away, so it reports that one was."""
    table = MemoryTable()
    lease = Lease(table, "answered")  # type: ignore[arg-type]
    assert lease.take()
    assert not Lease(table, "answered").take()  # type: ignore[arg-type]
    assert lease.give_back()
    assert lease.give_back()


def test_publish_is_repeated_for_notifications_during_its_run(
    table: Any, announced: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The handler of a parallel run returns `turned_away`."""
    for name in ("TRACE_DISABLED", "SERVICE_NAME"):
        monkeypatch.setenv(f"POWERTOOLS_{name}", "true")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "focuswatch")
    monkeypatch.setenv("FOCUSWATCH_FINDINGS_TOPIC", "arn:aws:sns:us-east-1:111122223333:findings")
    monkeypatch.setenv(
        "FOCUSWATCH_DETECTION_TOPICS", '{"new-region": "arn:aws:sns:us-east-1:111122223333:new-region"}'
    )
    from lambdas import publish_pending_notifications_to_sns

    lease = Lease(table, "publish")
    assert lease.take()
    assert publish_pending_notifications_to_sns.handler({}, LambdaContext())["turned_away"]
    assert lease.give_back()
    assert publish_pending_notifications_to_sns.handler({}, LambdaContext())["notified"] == 0
