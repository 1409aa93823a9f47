"""Simulate a deployment's delivery in one process, with a simulated clock.

Runs decide what to notify, `publish` sends it, a queue delivers it to a channel, and any step may fail. `counted`
compares what the channel shows in the end with what was published.
"""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import RLock
from types import SimpleNamespace
from typing import Any, Literal, Protocol

from botocore.exceptions import ClientError
from moto import mock_aws

from focuswatch.errors import FocuswatchError
from focuswatch.findings.finding import Finding
from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.collect_and_post_slack_and_teams_digests import DigestState
from focuswatch.notify.deliver_once_to_each_address import AddressChannel, AddressState
from focuswatch.notify.deliver_queue_batch import deliver_batch
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.digests_for_post_only_channels import AddressDigests
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.deliver import JiraChannel
from focuswatch.notify.jira.issue_state_model import IssueState
from focuswatch.notify.pagerduty.client import PagerDuty
from focuswatch.notify.pagerduty.parse_pagerduty_secret import PagerDutySecret
from focuswatch.notify.pagerduty.trigger_and_resolve_alert import PagerDutySender
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import notification_number
from focuswatch.notify.post_json_without_retry import post_json
from focuswatch.notify.publish_pending_to_sns import Topics, publish
from focuswatch.notify.retry_or_dead_letter_batch import retry_delay
from focuswatch.notify.space_messages_to_a_destination import MessageRateLimit
from focuswatch.notify.teams.client import TeamsWebhooks
from focuswatch.notify.teams.deliver import TeamsSender
from focuswatch.notify.teams.parse_teams_secret import TeamsSecret
from focuswatch.owners.owners_file import Owners
from tests.fakes.audited_delivery_targets import Target, as_published, delivery_target
from tests.fakes.dynamodb_in_memory import MemoryTable
from tests.fakes.local_jira import EMAIL, TOKEN, LocalJira, serving
from tests.fakes.local_json_service import serving as posts
from tests.fakes.local_pagerduty import LocalPagerDuty
from tests.fakes.local_slack import local_slack
from tests.fakes.local_teams import LocalTeams
from tests.fakes.waiting import patience
from tests.given.incidents import RULES
from tests.given.jira_world import CATALOG
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import DAY, finding, run
from tests.given.slack_world import Killed, SlackWorld

ChannelName = Literal["slack", "jira", "teams", "pagerduty", "webhook", "email", "securityhub", "ocsf"]
VISIBILITY_SECONDS = 360.0
TEAMS = ("search", "fraud", "mobile")
OWNERS = Owners.model_validate(
    {
        "teams": {
            team: {"channel": f"#team-{team}", "jira": {"project": "SRCH", "component": "cost"}}
            for team in TEAMS
        }
    }
)
# Owners for the channels that can only post messages, not edit them.
OWNERS_OF_POST_ONLY = {
    kind: Owners.model_validate({"teams": {team: {"channel": f"{kind}:{team}"} for team in TEAMS}})
    for kind in ("teams", "pagerduty")
}
ROUTING_KEYS = {team: format(number, "032x") for number, team in enumerate(TEAMS)}
MOST_BATCHES = 5_000
RAN = ("idle_sagemaker_endpoint", "underused_gpu")


class ThrottledError(ClientError):
    """DynamoDB's throttling error."""

    def __init__(self) -> None:
        super().__init__({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": ""}}, "any")


@dataclass
class Table:
    """The ledger's table; it serializes calls, as DynamoDB does. `befall` may raise before or after a call.

    `is_repeated` returns whether the response of a call is lost, so that botocore repeats the call.
    """

    real: Any
    befall: Callable[[str], None] = lambda _moment: None
    is_repeated: Callable[[], bool] = lambda: False
    lock: RLock = field(default_factory=RLock)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.real, name)
        if name not in ("get_item", "put_item", "update_item", "delete_item", "query"):
            return attribute

        def call(**arguments: Any) -> Any:
            with self.lock:
                self.befall("before")
                response = attribute(**arguments)
                if self.is_repeated():
                    response = attribute(**arguments)
                self.befall("after")
                return response

        return call


@dataclass
class Message:
    """A message in the queue."""

    record: dict[str, Any]
    visible_at: float
    done: bool = False


@dataclass
class Queue:
    """An SQS queue: it delivers at least once and in any order. `doubles` percent of the messages arrive twice."""

    rng: random.Random
    clock: Callable[[], float]
    shuffled: bool = False
    doubles: int = 0
    messages: list[Message] = field(default_factory=list)
    buried: list[dict[str, Any]] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)

    def publish(self, **arguments: Any) -> None:
        """Add a message that was published to SNS, with the arguments of boto3."""
        attributes = {
            name: {"stringValue": one["StringValue"], "dataType": one["DataType"]}
            for name, one in arguments["MessageAttributes"].items()
        }
        times = 2 if self.rng.randrange(100) < self.doubles else 1
        for _ in range(times):
            record = {
                "messageId": f"m{len(self.messages)}",
                "receiptHandle": str(len(self.messages)),
                "body": arguments["Message"],
                "messageAttributes": attributes,
                "attributes": {
                    "SentTimestamp": str(int(self.clock() * 1000)),
                    "ApproximateReceiveCount": "0",
                },
            }
            self.messages.append(Message(record, self.clock()))

    def receive(self, most: int) -> list[dict[str, Any]]:
        """Return a batch of visible messages, and hide them for the visibility timeout."""
        with self.lock:
            visible = [one for one in self.messages if not one.done and one.visible_at <= self.clock()]
            if self.shuffled:
                self.rng.shuffle(visible)
            for one in visible[:most]:
                one.visible_at = self.clock() + VISIBILITY_SECONDS
                attributes = one.record["attributes"]
                attributes["ApproximateReceiveCount"] = str(int(attributes["ApproximateReceiveCount"]) + 1)
            return [one.record for one in visible[:most]]

    def delete(self, records: list[dict[str, Any]], *, failed: set[str]) -> None:
        """Delete processed messages; some of them are delivered again nevertheless."""
        for record in records:
            if record["messageId"] not in failed and not self.rng.randrange(100) < self.doubles:
                self.messages[int(record["receiptHandle"])].done = True

    def postpone(self, record: dict[str, Any], *, seconds: float) -> None:
        """See focuswatch.notify.retry_or_dead_letter_batch.Queue."""
        self.messages[int(record["receiptHandle"])].visible_at = self.clock() + retry_delay(
            record, seconds=seconds
        )

    def send_to_dead_letters(self, record: dict[str, Any]) -> None:
        """See focuswatch.notify.retry_or_dead_letter_batch.Queue."""
        self.buried.append(record)

    @property
    def next_at(self) -> float | None:
        """The time at which the next message is visible; None if all are deleted."""
        return min((one.visible_at for one in self.messages if not one.done), default=None)


@dataclass(frozen=True)
class PublishedNotification:
    """A published notification; `in_incident`: channels show it only as a part of its incident."""

    kind: str
    fingerprint: str
    in_incident: bool


class Fault(Protocol):
    """Faults of a world; each method may do nothing."""

    def begin(self, world: "World") -> None:
        """Called before anything happens."""

    def between_runs(self, world: "World") -> None:
        """Called after the notifications of a run are delivered."""

    def before_batch(self, world: "World") -> None:
        """Called before each batch."""


@dataclass
class World:
    """One channel and everything that delivers to it."""

    channel: ChannelName
    slack: SlackWorld
    jira: LocalJira
    table: Table
    queue: Queue
    rng: random.Random
    teams: LocalTeams
    pagerduty: LocalPagerDuty
    workers: int = 1
    batch: int = 10
    target: Target | None = None  # of the channels in audited_delivery_targets.py
    published: dict[str, dict[int, tuple[str, bool]]] = field(default_factory=lambda: defaultdict(dict))
    incidents: dict[str, dict[str, PublishedNotification]] = field(default_factory=lambda: defaultdict(dict))

    @property
    def now(self) -> float:
        return self.slack.now

    @now.setter
    def now(self, value: float) -> None:
        self.slack.now = value
        self.jira.now = value

    def live(self, runs: list[list[Finding]], fault: Fault) -> None:
        """Execute each run and deliver its notifications, and then deliver what is left."""
        fault.begin(self)
        for number, findings in enumerate(runs):
            self.until_done(lambda number=number, findings=findings: self._run(number, findings))
            self.until_done(self._publish)
            self._deliver(fault)
            fault.between_runs(self)
            self.now += 86_400
        self.until_done(self._publish)
        self._deliver(fault)

    def until_done(self, phase: Callable[[], None]) -> None:
        """Repeat a phase until it succeeds, as AWS calls a failed function again."""
        for _ in range(50):
            try:
                return phase()
            except (Killed, ClientError, FocuswatchError):
                self.now += 60
        raise AssertionError("the phase failed 50 times")

    def _run(self, number: int, findings: list[Finding]) -> None:
        day = DAY + timedelta(days=number)
        shown = (as_published(one, target=self.channel) for one in findings)
        detection_run = run(
            *(one.model_copy(update={"as_of": day}) for one in shown), on=day, ran=RAN, incident_rules=RULES
        )
        ledger = DynamoLedger(self.table)
        ledger.update(lambda entries, silences: decide(entries, silences, detection_run), evaluated=())

    def _publish(self) -> None:
        publish(
            DynamoLedger(self.table),
            sns=self,
            topics=Topics("findings", {"new_region": "new-region"}),
            progress=lambda _: None,
        )

    def _deliver(self, fault: Fault) -> None:
        for _ in range(MOST_BATCHES):
            at = self.queue.next_at
            if at is None:
                return
            self.now = max(self.now, at)
            fault.before_batch(self)
            if self.workers == 1:
                self._work()
            else:
                with ThreadPoolExecutor(self.workers) as pool:
                    list(pool.map(lambda _: self._work(), range(self.workers)))
        raise AssertionError(
            f"{sum(not one.done for one in self.queue.messages)} messages were never delivered"
        )

    def _work(self) -> None:
        records = self.queue.receive(self.batch)
        try:
            result = deliver_batch(
                records,
                channel=self._channel(),
                queue=self.queue,
                progress=lambda _: None,
                seconds_left=lambda: 900,
                clock=self.slack.clock,
            )
        except Killed:
            return
        self.queue.delete(records, failed=set(result.postponed))

    def _channel(self) -> Any:
        self.slack.table = self.table
        if self.target:
            return self.target.channel(self.slack, self.table)
        if self.channel == "slack":
            return self.slack.channel()
        if self.channel != "jira":
            return posting_channel(self)
        claims = Claims(self.table, channel="jira", model=IssueState, clock=self.slack.clock)
        client = self.slack.steps.watched(
            JiraClient(self.jira.url, TOKEN, email=EMAIL, read_seconds=1.0),
            (
                *("get", "keys_with_label", "create", "edit", "comment", "has_comment_with"),
                *("transitions", "transition_issue"),
            ),
        )
        return JiraChannel(claims, DynamoLedger(self.table), OWNERS, CATALOG, client, self.slack.clock)

    def publish(self, **arguments: Any) -> None:
        """Publish to SNS: the world is the SNS client that `publish_pending_to_sns` uses."""
        attributes = {name: one["StringValue"] for name, one in arguments["MessageAttributes"].items()}
        fingerprint, number = (
            attributes["news_id"].rpartition("-")[0],
            notification_number(attributes["news_id"]),
        )
        hints = json.loads(arguments["Message"])["delivery"]
        self.published[fingerprint][number] = (attributes["change"], hints["told_in"] == "digest")
        self.incidents[attributes["incident"]][attributes["news_id"]] = PublishedNotification(
            attributes["change"], fingerprint, hints["told_in"] == "incident"
        )
        self.queue.publish(**arguments)


def posting_channel(world: World) -> AddressChannel:
    """Return a new channel for a batch: Teams or PagerDuty."""
    clock, read_seconds = world.slack.clock, patience(1)
    post = world.slack.steps.watched(SimpleNamespace(post=post_json), ("post",)).post
    claims = Claims(world.table, channel=world.channel, model=AddressState, clock=clock)
    owners = OWNERS_OF_POST_ONLY[world.channel]
    if world.channel == "pagerduty":
        secret = PagerDutySecret(routing_keys=ROUTING_KEYS, api=world.pagerduty.address)
        sender = PagerDutySender(PagerDuty(secret, post, read_seconds))
        return AddressChannel("pagerduty", sender, claims, owners, CATALOG)
    urls = {team: world.teams.url(team) for team in TEAMS}
    pace = MessageRateLimit(world.table, channel="teams", clock=clock, sleep=world.slack.sleep)
    webhooks = TeamsWebhooks(TeamsSecret(webhooks=urls, signing_secret="s" * 32), pace, post, read_seconds)
    sender = TeamsSender(webhooks, "https://links.example.com/", clock)
    gathered = Claims(world.table, channel="teams digests", model=DigestState, clock=clock)
    digests = AddressDigests(world.table, kind="teams", sender=sender, claims=gathered, clock=clock)
    return AddressChannel("teams", sender, claims, owners, CATALOG, digests)


@dataclass(frozen=True)
class Count:
    """How many notifications were published, lost, shown more than once, and sent to the dead-letter queue."""

    published: int
    lost: int
    doubled: int
    buried: int


def counted(world: World) -> Count:
    """Return how many notifications are missing, and how many are shown more than once."""
    audits = {"slack": _slack_audit, "jira": _jira_audit, "teams": teams_audit, "pagerduty": pagerduty_audit}
    if world.target:
        lost, doubled = world.target.audit(world.published)
    else:
        lost, doubled = audits[world.channel](world)
    return Count(sum(map(len, world.published.values())), lost, doubled, len(world.queue.buried))


def _slack_audit(world: World) -> tuple[int, int]:
    roots, notes, digests = defaultdict(list), Counter(), 0
    for channel in world.slack.server.workspace.channels.values():
        for message in channel.shown:
            payload = message.metadata["event_payload"]
            if "digest" in payload:
                digests += int(message.text.split(" finding")[0].replace(",", ""))
                continue
            roots[payload["fingerprint"]].append(message)
            notes.update(
                one.metadata["event_payload"]["news_id"] for one in message.replies if not one.deleted
            )
    lost = doubled = lines = 0
    for fingerprint, published in world.published.items():
        due, due_notes, summed, last = _due_in_slack(fingerprint, published)
        posted = roots.pop(fingerprint, [])
        lines += summed
        lost += max(due - len(posted), 0) + sum(notes[one] < 1 for one in due_notes)
        doubled += max(len(posted) - due, 0) + sum(max(notes.pop(one, 0) - 1, 0) for one in due_notes)
        if posted and (("Resolved" in posted[-1].text) != (last == "resolved")):
            lost += 1
    doubled += sum(map(len, roots.values())) + sum(notes.values())
    return lost + max(lines - digests, 0), doubled + max(digests - lines, 0)


def _due_in_slack(
    fingerprint: str, published: dict[int, tuple[str, bool]]
) -> tuple[int, list[str], int, str]:
    """Return the expected messages, notes in their threads and lines of digests, and the kind of the last one."""
    due, notes, summed, is_open, last = 0, [], 0, False, ""
    for number, (kind, in_digest) in sorted(published.items()):
        if in_digest and not due:
            summed = 1
        elif due == 0 or (kind == "new" and not is_open):
            due += 1
        elif (
            kind != "new"
        ):  # "new" while the message is open: the ledger entry was lost, the owner is notified already
            notes.append(f"{fingerprint}-{number}")
        is_open, last = kind != "resolved", kind
    return due, notes, summed, last


def teams_audit(world: World) -> tuple[int, int]:
    """Expect one message per notification, or a line in a digest for a finding without its own message."""
    texts = Counter[str]()
    digests: dict[tuple[str, str], list[int]] = defaultdict(list)
    for channel, card in world.teams.shown:
        first, last = card["body"][0]["inlines"][0]["text"], card["body"][-1]["inlines"][-1]["text"]
        if match := re.fullmatch(r"(\d+) findings? (for .*)", first):
            digests[channel, match[2]].append(int(match[1]))
        else:
            texts[last.rpartition(" ")[2]] += 1
    lost = doubled = lines = 0
    for fingerprint, published in world.published.items():
        due, notes, summed, _ = _due_in_slack(fingerprint, published)
        # "new" while the finding is open is posted again.
        repeated = len(published) - due - len(notes) - summed
        expected = due + len(notes) + max(repeated, 0)
        lines += summed
        lost += max(expected - texts[fingerprint], 0)
        doubled += max(texts[fingerprint] - expected, 0)
    summed_up = sum(max(counts) for counts in digests.values())
    doubled += sum(len(counts) - 1 for counts in digests.values())
    return lost + max(lines - summed_up, 0) + len(world.teams.failed_runs), doubled


def pagerduty_audit(world: World) -> tuple[int, int]:
    """Expect one alert from each new notification to its resolution, with every change, in its last state."""
    lost = doubled = 0
    for fingerprint, published in world.published.items():
        alerts = [one for one in world.pagerduty.alerts if one.dedup_key.endswith(fingerprint)]
        due, triggers, is_open = 0, 0, False
        for _, (kind, _in_digest) in sorted(published.items()):
            due += kind != "resolved" and not is_open
            triggers += kind != "resolved"
            is_open = kind != "resolved"
        lost += max(due - len(alerts), 0) + max(triggers - sum(len(one.triggers) for one in alerts), 0)
        lost += bool(alerts) and alerts[-1].is_open != is_open
        doubled += max(len(alerts) - due, 0)
    return lost, doubled


def _jira_audit(world: World) -> tuple[int, int]:
    lost = doubled = 0
    for fingerprint, published in world.published.items():
        issues = world.jira.with_label(f"focuswatch-{fingerprint}")
        last = published[max(published)][0]
        doubled += max(len(issues) - 1, 0)
        doubled += sum(len(one.bodies) - len(set(one.bodies)) for one in issues)
        lost += not issues or issues[0].done != (last == "resolved")
    return lost, doubled


@contextmanager
def world(
    channel: ChannelName, *, seed: int, lag_seconds: float = 0.0, on_moto: bool = False
) -> Iterator[World]:
    """Yield a world in which nothing has happened yet; `on_moto` uses moto's table instead of one in memory."""
    rng = random.Random(seed)
    with mock_aws():
        slack = SlackWorld(None, None, owners=OWNERS)  # type: ignore[arg-type]  # both are set below
        with (
            local_slack(clock=slack.clock) as slack.server,
            serving(LocalJira(lag_seconds=lag_seconds)) as jira,
            posts(LocalTeams({f"/workflows/{team}": team for team in TEAMS}, slack.clock)) as teams,
            posts(LocalPagerDuty({key: team for team, key in ROUTING_KEYS.items()})) as pagerduty,
            delivery_target(channel) as target,
        ):
            jira.now = slack.now
            for name in ("#finops", *(team.channel for team in OWNERS.teams.values())):
                slack.server.workspace.channel(name)
            table = Table(ledger_table() if on_moto else MemoryTable())
            queue = Queue(rng, slack.clock)
            yield World(channel, slack, jira, table, queue, rng, teams, pagerduty, target=target)


def story(findings: int) -> list[list[Finding]]:
    """Return the findings of four runs: all are new, all cost more, every other one is resolved, all are back."""
    first = [
        finding(resource=f"r-{number}", cost=str(1000 + number % 7), team=TEAMS[number % len(TEAMS)])
        for number in range(findings)
    ]
    grown = [one.model_copy(update={"monthly_cost": one.monthly_cost * 3}) for one in first]
    return [first, grown, grown[::2], grown]
