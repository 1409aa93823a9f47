"""An incident is one message and one issue, from the scan's decision over SNS and SQS to a local Slack and Jira."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from focuswatch.ledger import decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.jira.labels_that_identify_incident_of_issue import label_of
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.publish_pending_to_sns import Topics, publish
from focuswatch.notify.slack.verify_and_parse_slack_interactions import UserResponse
from focuswatch.owners.owners_file import Owners
from tests.fakes.local_jira import LocalJira, serving
from tests.fakes.slack_as_text import seen
from tests.given.golden_files import assert_golden
from tests.given.incidents import EC2, MONDAY, driver, event, scanned, security_rollout, stolen_key
from tests.given.jira_world import JiraWorld
from tests.given.slack_world import slack_world

OWNERS = Owners.model_validate(
    {
        "routing": {"jira": {"project": "FIN", "least_severity": "low"}},
        "teams": {
            "search": {"channel": "#team-search", "jira": {"project": "SRCH", "least_severity": "low"}}
        },
    }
)
TOPICS = Topics("findings", {"new_region": "new-region"})
TUESDAY = MONDAY + timedelta(days=1)
REGION, SERVICE, ANOMALY, GPU = stolen_key()


@dataclass
class IncidentWorld:
    """A ledger, the messages published to SNS, and the channels."""

    ledger: DynamoLedger
    slack: object
    jira: object
    mails: list = field(default_factory=list)
    sent: list = field(default_factory=list)

    def scan(self, *findings, day: int = 1, **changes):
        """Decide, publish and deliver the notifications of a scan."""
        scan_run = scanned(*findings, on=MONDAY + timedelta(days=day), **changes)
        self.ledger.update(
            lambda entries, suppressions: decide(entries, suppressions, scan_run), evaluated=()
        )
        queue = []
        publish(self.ledger, sns=_Sns(queue, self.mails), topics=TOPICS, progress=lambda _: None)
        for one in queue:
            self.sent.append(one)
            self.slack.deliver(one)
            self.jira.deliver(one)

    @property
    def messages(self):
        """Messages at the top level of the team's channel."""
        return self.slack.team.shown

    def replies(self):
        """Return the replies in the thread of the only message."""
        (message,) = self.messages
        return [one.text for one in message.replies if not one.deleted]

    def texts(self, message):
        """Return the message, the issue and the email as a person sees them."""
        (issue,) = self.jira.jira.issues
        email = json.loads(self.mails[0]["Message"])["email"]
        return {
            "slack": seen({"blocks": message.blocks}),
            "jira": f"{issue.fields['summary']}\n\n{issue.fields['description']}\n",
            "email": f"{self.mails[0]['Subject']}\n\n{email}",
        }

    def respond(self, action: str, value: str):
        """Press a button of the message."""
        (message,) = self.messages
        response = UserResponse(
            id="U0ANNA 1.0",
            action=action,
            fingerprint=value,
            user_id="U0ANNA",
            user_name="anna",
            channel="#team-search",
            ts=message.ts,
        )
        self.slack.recorder().record(response)

    def issues(self, incident: str = GPU.fingerprint):
        """Return the issues with the label of an incident."""
        return self.jira.jira.with_label(label_of(incident))


@dataclass
class _Sns:
    queue: list
    mails: list

    def publish(self, **request):
        if request["TopicArn"] == "new-region":
            self.mails.append(request)
            return
        attributes = {
            name: {"stringValue": one["StringValue"]} for name, one in request["MessageAttributes"].items()
        }
        assert len(attributes) <= 10
        record = {
            "body": request["Message"],
            "messageAttributes": attributes,
            "attributes": {"SentTimestamp": "0"},
        }
        self.queue.append(QueuedNotification.from_record(record, now=0))


@pytest.fixture
def world(monkeypatch):
    """Yield an empty Slack and an empty Jira that share a ledger."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with slack_world(owners=OWNERS) as slack, serving(LocalJira()) as jira:
        yield IncidentWorld(DynamoLedger(slack.table), slack, JiraWorld(jira, slack.table, OWNERS))
        assert not jira.unlawful, sorted(set(jira.unlawful))


def test_stolen_key_is_one_message_and_one_issue(world):
    """The title is that of the GPU finding; the other three findings are listed as also detected."""
    world.scan(*stolen_key())
    (message,) = world.messages
    assert "Unusual GPU usage" in message.text
    assert "Also detected as: First charge in a new region" in message.text
    assert world.replies() == []
    (issue,) = world.issues()
    assert "Also detected as: First charge in a new region" in issue.fields["description"]
    assert len(world.mails) == 1
    assert len(world.sent) == 4  # subscribers of SNS get every finding


def test_finding_that_joins_is_posted_in_the_thread(world):
    """An anomaly that is detected later updates the message instead of posting another one."""
    world.scan(GPU, REGION)
    world.scan(GPU, REGION, ANOMALY, day=3)
    (message,) = world.messages
    assert "Cost anomaly" in message.text
    (reply,) = world.replies()
    assert reply.startswith(f"Also detected as: Cost anomaly ({EC2}).")
    (issue,) = world.issues()
    assert "Cost anomaly" in issue.fields["description"]


def test_new_lead_keeps_the_message_and_the_issue(world):
    """A cost anomaly turns out to be caused by GPUs."""
    world.scan(ANOMALY)
    world.scan(ANOMALY, GPU, day=2)
    (message,) = world.messages
    assert message.text.startswith("🔴 Unusual GPU usage")
    (reply,) = world.replies()
    assert reply.startswith("Now identified as Unusual GPU usage")
    (issue,) = world.issues(ANOMALY.fingerprint)
    assert "Unusual GPU usage" in issue.fields["summary"]
    assert world.issues(GPU.fingerprint) == []


def test_incident_whose_lead_ends_first_is_closed_with_its_last_finding(world):
    """First the region is no longer new, then the remaining anomaly is resolved."""
    world.scan(ANOMALY, REGION)
    world.scan(ANOMALY, day=2)
    assert world.replies() == []
    world.scan(day=3)
    (message,) = world.messages
    assert "Resolved" in message.text
    (issue,) = world.issues(REGION.fingerprint)
    assert issue.done


def test_snooze_covers_every_finding_of_the_message(world):
    """Otherwise the other three findings would be posted the next day."""
    world.slack.now = datetime(2026, 6, 2, 8, tzinfo=UTC).timestamp()
    world.scan(*stolen_key())
    (message,) = world.messages
    button = next(block for block in message.blocks if block["type"] == "actions")["elements"][1]
    world.respond("snooze_7", button["value"])
    assert {one.value for one in world.ledger.suppressions()} == {one.fingerprint for one in stolen_key()}
    world.scan(*stolen_key(), day=2)
    assert world.replies() == []
    world.scan(*stolen_key(), day=12)  # the snooze has ended
    assert len(world.replies()) == 1
    assert len(world.messages) == 1


def test_acknowledgement_covers_every_finding_of_the_message(world):
    """Otherwise a finding that becomes the lead later would cause a reminder at once."""
    world.scan(*stolen_key())
    world.respond("acknowledge", GPU.fingerprint)
    assert all(entry.acknowledged_by for entry in world.ledger.entries().values())


def test_issue_closed_by_a_person_excludes_every_finding_of_the_incident(world):
    """The issue lists every finding."""
    world.scan(*stolen_key())
    (issue,) = world.issues()
    world.jira.jira.move(issue.key, "Done")
    world.jira.channel.sweep()
    assert {one.value for one in world.ledger.suppressions()} == {one.fingerprint for one in stolen_key()}


def test_rollout_is_one_message_one_issue_and_one_mail(world):
    """GuardDuty and Config in 17 regions of 30 accounts of several teams: FinOps is notified once."""
    findings = security_rollout(accounts=30, regions=17)
    findings = [
        one.model_copy(update={"team": "search"}) if one.team == "team-0" else one for one in findings
    ]
    world.scan(*findings)
    assert world.messages == []
    (message,) = world.slack.finops.shown
    assert "17 regions across 30 accounts" in message.text
    (issue,) = world.jira.jira.issues
    assert issue.key.startswith("FIN-")
    assert "100000000029" in issue.fields["description"]
    (mail,) = world.mails
    assert mail["Subject"] == "First charge in a new region: 17 regions across 30 accounts"
    assert "100000000029" in mail["Message"]
    accounts = {one.finding.sub_account_id for one in world.sent}
    assert len(accounts) == 30  # subscribers of SNS can filter by account
    assert len(world.sent) == 510


def test_rollout_and_stolen_key_match_their_golden_files(world):
    """In Slack, in Jira and by email."""
    world.scan(*security_rollout(accounts=12, regions=3))
    texts = {f"rollout.{kind}": text for kind, text in world.texts(world.slack.finops.shown[0]).items()}
    world.mails.clear()
    world.jira.jira.issues.clear()
    world.scan(*stolen_key(), day=2)
    texts |= {f"stolen_key.{kind}": text for kind, text in world.texts(world.messages[0]).items()}
    for name, text in texts.items():
        assert_golden(f"incidents/{name}.txt", text)


def test_findings_of_two_owners_are_two_messages(world):
    """The team and, for the finding without an owner, FinOps each get a message."""
    tokens = driver("Amazon Bedrock", "us-east-1", "Claude-input-tokens", 2400)
    world.scan(
        event("token_burst", tokens, region="us-east-1", service="Amazon Bedrock", team="search"),
        event("cost_anomaly", tokens, service="Amazon Bedrock", team=None),
    )
    assert (len(world.messages), len(world.slack.finops.shown)) == (1, 1)


def test_notification_queued_by_a_version_without_incidents_is_read():
    """A version without incidents sends fewer attributes."""
    record = {
        "body": GPU.model_dump_json(
            by_alias=True, exclude={"incident", "incident_lead", "also_detected", "rollout"}
        ),
        "messageAttributes": {
            "news_id": {"stringValue": f"{GPU.fingerprint}-7"},
            "change": {"stringValue": "changed"},
            "told_in": {"stringValue": "digest"},
            "after": {"stringValue": f"{GPU.fingerprint}-6"},
        },
        "attributes": {"SentTimestamp": "0"},
    }
    queued = QueuedNotification.from_record(record, now=0)
    assert (queued.number, queued.after, queued.in_digest, queued.in_incident) == (7, 6, True, False)
