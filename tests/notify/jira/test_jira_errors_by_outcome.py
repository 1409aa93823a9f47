"""Exactly one issue and no lost notification after kills, lost responses, rate limits, races and lost state."""

import dataclasses
import time
from decimal import Decimal
from email.utils import formatdate

import pytest

from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS
from focuswatch.notify.jira.find_or_create_issue import INDEX_LAG_SECONDS
from focuswatch.notify.jira.issue_text_and_comments import comment_mark
from focuswatch.notify.jira.labels_that_identify_incident_of_issue import label_of
from tests.fakes.local_jira import serving
from tests.given.jira_world import FINGERPRINT, jira_world, notification

CLIENT_STEPS = (
    "get",
    "keys_with_label",
    "create",
    "edit",
    "comment",
    "has_comment_with",
    "transitions",
    "transition_issue",
)
TABLE_STEPS = ("update_item", "put_item")
STORY = (
    {"number": 0, "kind": "new"},
    {"number": 1, "kind": "changed", "monthly_cost": Decimal(4000)},
    {"number": 2, "kind": "resolved"},
    {"number": 3, "kind": "new", "monthly_cost": Decimal(1500)},
    {"number": 4, "kind": "resolved"},
)


class Killed(BaseException):
    """The process was killed."""


class Watched:
    """A client or table that calls `before` and `after` around each call of `steps`, which must be methods of it."""

    def __init__(self, real, steps, before, after):
        missing = [name for name in steps if not hasattr(real, name)]
        assert not missing, f"{type(real).__name__} has no {', '.join(missing)}"
        self._real, self._steps, self._before, self._after = real, steps, before, after

    def __getattr__(self, name):
        attribute = getattr(self._real, name)
        if name not in self._steps:
            return attribute

        def step(*args, **kwargs):
            self._before(name)
            result = attribute(*args, **kwargs)
            self._after(name)
            return result

        return step


class KilledOnce:
    """Kill the process once, at step number `at`, before or after the step takes effect."""

    def __init__(self, at, *, after):
        self.at, self.after, self.count, self.dead = at, after, 0, False

    def before_step(self, _):
        self.count += 1
        if self.count == self.at and not self.after:
            self.dead = True
            raise Killed

    def after_step(self, _):
        if self.count == self.at and self.after and not self.dead:
            self.dead = True
            raise Killed


@pytest.fixture
def aws(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


@pytest.fixture(params=["cloud", "data center"])
def world(request, aws):
    with jira_world(cloud=request.param == "cloud", lag_seconds=120) as world:
        yield world


def deliver_with_kill(world, killer, story, *, client, fingerprint):
    """Deliver notifications in order. After a kill, a new process repeats the delivery once the lease has expired."""
    channel = world.with_parts(
        client=Watched(client, CLIENT_STEPS, killer.before_step, killer.after_step),
        table=Watched(world.table, TABLE_STEPS, killer.before_step, killer.after_step),
    )
    for one in story:
        try:
            world.deliver(notification(fingerprint=fingerprint, **one), channel=channel)
        except Killed:
            world.jira.now += LEASE_SECONDS + 1
            world.deliver(notification(fingerprint=fingerprint, **one), channel=channel)


def count_steps(world, story, *, client):
    """Return the number of steps of a delivery without a kill."""
    counter = KilledOnce(0, after=False)
    deliver_with_kill(world, counter, story, client=client, fingerprint="dry")
    return counter.count


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_one_issue_and_each_comment_once_after_a_kill_at_any_step(world, after):
    client = world.client
    steps = count_steps(world, STORY, client=client)
    assert steps > 30
    for at in range(1, steps + 1):
        fingerprint = f"killed{at}"
        killer = KilledOnce(at, after=after)
        deliver_with_kill(world, killer, STORY, client=client, fingerprint=fingerprint)
        assert killer.dead
        (issue,) = world.jira.with_label(label_of(fingerprint))
        marks = [
            sum(comment_mark(fingerprint, number) in body for body in issue.bodies) for number in range(5)
        ]
        assert (at, issue.done, marks) == (at, True, [0, 1, 1, 1, 1])
        assert world.claims.state_of(fingerprint).last_number == 4


@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_closed_issue_adds_one_exclusion_after_a_kill_at_any_step(world, after):
    client, story = world.client, ({"number": 1, "kind": "changed"},)
    for at in range(1, 12):
        fingerprint = f"closed{at}"
        world.deliver(notification(fingerprint=fingerprint), channel=world.with_parts(client=client))
        (issue,) = world.jira.with_label(label_of(fingerprint))
        world.jira.move(issue.key, "Done" if world.jira.cloud else "Closed")
        killer = KilledOnce(at, after=after)
        deliver_with_kill(world, killer, story, client=client, fingerprint=fingerprint)
        assert [one.value for one in world.ledger.suppressions()].count(fingerprint) == 1
        assert issue.done and issue.bodies == []
        if not killer.dead:
            return
    raise AssertionError("the delivery has more steps than this test kills at")


def test_two_concurrent_runs_create_one_issue(world):
    """SQS can deliver a message to two function runs at once."""
    client = world.client
    steps = count_steps(world, STORY, client=client)
    for at in range(1, steps + 1):
        fingerprint, count = f"raced{at}", 0

        def run_concurrently(_, at=at, fingerprint=fingerprint):
            nonlocal count
            count += 1
            if count == at:
                for one in STORY:
                    with pytest.raises(TryLater):
                        world.with_parts(client=client).deliver(
                            notification(fingerprint=fingerprint, **one)
                        ) or nothing_left()

        def nothing_left():
            raise TryLater("nothing was left to do", seconds=1)

        channel = world.with_parts(client=Watched(client, CLIENT_STEPS, run_concurrently, lambda _: None))
        for one in STORY:
            world.deliver(notification(fingerprint=fingerprint, **one), channel=channel)
        (issue,) = world.jira.with_label(label_of(fingerprint))
        assert len(issue.bodies) == 4 and issue.done


def test_duplicate_after_an_expired_lease_is_closed_by_the_sweep(world):
    """A run that pauses between its last check and its request, for longer than a lease, creates a duplicate."""
    other = world.channel

    def pause_before_create(name):
        if name == "create":
            world.jira.now += INDEX_LAG_SECONDS + LEASE_SECONDS
            world.deliver(notification(), channel=other)

    paused_channel = world.with_parts(
        client=Watched(world.client, CLIENT_STEPS, pause_before_create, lambda _: None)
    )
    with pytest.raises(TryLater):
        paused_channel.deliver(notification())
    assert len(world.issues) == 2
    world.jira.now += 300
    assert world.channel.sweep().duplicates == ["SRCH-2"]
    first, second = world.jira.issues
    assert not first.done and second.done and "SRCH-1" in second.bodies[0]
    assert world.state.key == "SRCH-1"


@pytest.mark.parametrize("fault", ["lost", "slow", "after 500"])
@pytest.mark.parametrize("path", ["issue$", "comment", "transitions", r"issue/[^/]+$"])
def test_lost_response_creates_no_duplicate(world, fault, path):
    """Timeouts, lost connections and errors after the request succeeded."""
    method = "PUT" if path == r"issue/[^/]+$" else "POST"
    world.jira.fail(fault, method, path, seconds=3.5)
    world.read_seconds = 2.5 if fault == "slow" else world.read_seconds
    unsure = 0
    for one in STORY:
        try:
            world.channel.deliver(notification(**one))
        except Unsure:
            unsure += 1
            world.jira.now += 31
            world.deliver(notification(**one))
    (issue,) = world.issues
    assert unsure == 1 and issue.done and len(issue.bodies) == 4


def test_delivery_waits_for_an_issue_missing_from_the_search_index(aws):
    """The search index of Jira Cloud lags behind writes."""
    with jira_world(lag_seconds=400) as world:
        world.jira.fail("lost", "POST", "issue$")
        with pytest.raises(Unsure):
            world.channel.deliver(notification())
        world.jira.now += 31
        with pytest.raises(TryLater) as later:
            world.channel.deliver(notification())
        assert later.value.seconds == pytest.approx(INDEX_LAG_SECONDS - 31)
        world.jira.now += later.value.seconds + 1
        assert world.channel.deliver(notification()).endswith("SRCH-1 updated")
        assert len(world.issues) == 1


def test_issue_that_was_never_created_is_created_after_the_index_lag(world):
    world.jira.fail("reset", "POST", "issue$")
    with pytest.raises(Unsure):
        world.channel.deliver(notification())
    assert world.issues == []
    world.deliver(notification())
    assert len(world.issues) == 1


def test_rate_limit_is_respected(world):
    world.jira.fail("429", "POST", "issue$", seconds=77)
    with pytest.raises(TryLater) as later:
        world.channel.deliver(notification())
    assert later.value.seconds == 77
    assert world.channel.deliver(notification()).endswith("SRCH-1 created"), (
        "no issue was created, so there is no need to wait for the search index"
    )


def test_retry_after_can_be_a_date(world):
    """RFC 9110 allows it."""
    world.jira.fail("429", "POST", "issue$", retry_after=formatdate(time.time() + 77, usegmt=True))
    with pytest.raises(TryLater) as later:
        world.channel.deliver(notification())
    assert 60 < later.value.seconds <= 77


def test_rate_limit_after_a_comment_repeats_no_comment(world):
    """The state is stored immediately after the comment."""
    world.channel.deliver(notification())
    world.jira.fail("429", "POST", "transitions", seconds=5)
    with pytest.raises(TryLater):
        world.channel.deliver(notification(1, "resolved"))
    world.jira.now += 6
    assert world.channel.deliver(notification(1, "resolved")).endswith("SRCH-1 closed")
    assert len(world.issues[0].bodies) == 1


def test_issue_is_created_at_once_after_a_refused_request(world):
    world.jira.fail("403", "POST", "issue$")
    with pytest.raises(Refused, match="403: set to fail"):
        world.channel.deliver(notification())
    assert world.channel.deliver(notification()).endswith("SRCH-1 created")


@pytest.mark.parametrize("kind", ["500", "503", "html", "reset", "slow", "429"])
@pytest.mark.parametrize("path", ["serverInfo", "myself", "search", r"issue/[^/]+$"])
def test_failed_read_is_retried_without_a_duplicate(world, kind, path):
    world.channel.deliver(notification())
    world.table.delete_item(Key={"kind": "told in jira", "id": FINGERPRINT})
    world.jira.now += 121
    world.jira.fail(kind, "GET", path, seconds=1.5)
    previous, world.read_seconds = world.read_seconds, 1.0 if kind == "slow" else world.read_seconds
    with pytest.raises(TryLater):
        world.channel.deliver(notification())
    world.read_seconds = previous
    world.deliver(notification())
    assert len(world.issues) == 1


def test_outage_of_an_hour_loses_no_notification(world):
    world.channel.deliver(notification())
    world.jira.stop()
    for _ in range(60):
        with pytest.raises(TryLater):
            world.channel.deliver(notification(1, "changed", monthly_cost=Decimal(4000)))
        world.jira.now += 61
    with serving(world.jira):
        world.channel.deliver(notification(1, "changed", monthly_cost=Decimal(4000)))
        assert len(world.issues[0].bodies) == 1


def test_issue_is_found_again_after_its_state_was_lost(world):
    for one in STORY[:2]:
        world.channel.deliver(notification(**one))
    world.jira.now += 121
    for one in STORY[:2]:
        world.table.delete_item(Key={"kind": "told in jira", "id": FINGERPRINT})
        world.channel.deliver(notification(**one, age=1000))
    (issue,) = world.issues
    assert len(issue.bodies) == 1 and world.state.key == "SRCH-1"


def test_lost_ledger_creates_no_second_issue(world):
    """After that, every finding is new again and numbers restart at 0; the closed issue is reopened."""
    for one in STORY:
        world.channel.deliver(notification(**one))
    for item in world.table.items():
        world.table.delete_item(Key={"kind": item["kind"], "id": item["id"]})
    world.jira.now += 121
    assert world.channel.deliver(notification()).endswith("SRCH-1 reopened")
    (issue,) = world.issues
    assert not issue.done


def test_emoji_are_replaced_for_data_center_on_mysql(aws):
    """Jira on such a database returns HTTP 500 for any four-byte character."""
    with jira_world(cloud=False) as world:
        world.jira.four_byte_letters = False
        world.channel.deliver(
            notification(resource_id="endpoint/\N{ROCKET}", reason="\N{ROCKET} ran and was not called once.")
        )
        assert len(world.issues) == 1


def test_channel_keeps_no_state_between_deliveries(world):
    """Lambda can stop a function after any batch."""
    assert {one.name for one in dataclasses.fields(world.channel)} == {
        "claims",
        "ledger",
        "owners",
        "catalog",
        "client",
        "clock",
        "query_url",
    }
