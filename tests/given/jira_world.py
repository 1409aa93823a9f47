"""Delivery to a local Jira, for tests of focuswatch.notify.jira."""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import TryLater, Unsure
from focuswatch.findings.finding import Finding
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.deliver import JiraChannel
from focuswatch.notify.jira.issue_state_model import IssueState
from focuswatch.notify.jira.labels_that_identify_incident_of_issue import label_of
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.owners.owners_file import Owners
from tests.fakes.dynamodb_in_memory import MemoryTable
from tests.fakes.local_jira import EMAIL, TOKEN, LocalJira, serving

CATALOG = Catalog.load()
OWNERS = {"teams": {"search": {"channel": "#search", "jira": {"project": "SRCH", "component": "cost"}}}}
FINGERPRINT = "3f2a9c01b7d4e5f60718"
DAY = 86_400
DESCRIPTION_OPTIONS = {  # of render_description
    "header": CATALOG.detection("idle_sagemaker_endpoint").header.model_copy(
        update={"blind_spots": ["It may be a standby."]}
    ),
    "query_url": None,
    "days": 90,
}


def a_finding(**changes: Any) -> Finding:
    """Return a finding: an idle endpoint of team search at 1,200 USD/month."""
    fields = {
        "detection": "idle_sagemaker_endpoint",
        "fingerprint": FINGERPRINT,
        "category": "waste",
        "severity": "high",
        "status": "new",
        "sub_account_id": "111122223333",
        "sub_account_name": "acme-prod",
        "region_id": "eu-west-1",
        "resource_id": "arn:aws:sagemaker:eu-west-1:111122223333:endpoint/ranker",
        "service_name": "Amazon SageMaker",
        "team": "search",
        "owned_by": "account",
        "monthly_cost": Decimal(1200),
        "currency": "USD",
        "title": "Idle SageMaker endpoint",
        "reason": "ranker ran 168 hours and was not called once.",
        "action": "1. Who made it? aws sagemaker describe-endpoint --endpoint-name ranker --region eu-west-1",
        "evidence": {"instance_hours": 168},
        "first_seen": date(2026, 11, 1),
        "last_seen": date(2026, 11, 18),
        "as_of": date(2026, 11, 18),
    }
    return Finding(**{**fields, **changes})


def notification(
    number: int = 0, kind: str = "new", *, age: float = 0.0, **changes: Any
) -> QueuedNotification:
    """Return the notification with this number, which follows the previous number."""
    return QueuedNotification(
        finding=a_finding(
            status={"reminder": "open", "saving_verified": "resolved"}.get(kind, kind), **changes
        ),
        kind=kind,
        number=number,
        after=number - 1 if number else None,
        in_digest=False,
        age_seconds=age,
    )


@dataclass
class JiraWorld:
    """A Jira, a table, and a channel between them."""

    jira: LocalJira
    table: Any
    owners: Owners
    read_seconds: float = 10.0

    @property
    def client(self) -> JiraClient:
        return JiraClient(
            self.jira.url, TOKEN, email=EMAIL if self.jira.cloud else None, read_seconds=self.read_seconds
        )

    @property
    def ledger(self) -> DynamoLedger:
        return DynamoLedger(self.table)

    @property
    def claims(self) -> Claims[IssueState]:
        return Claims(self.table, channel="jira", model=IssueState, clock=self.clock)

    @property
    def channel(self) -> JiraChannel:
        """Return the channel of a new function run."""
        return self.with_parts()

    def with_parts(self, *, client: Any = None, table: Any = None) -> JiraChannel:
        claims = Claims(table or self.table, channel="jira", model=IssueState, clock=self.clock)
        ledger = DynamoLedger(table or self.table)
        return JiraChannel(claims, ledger, self.owners, CATALOG, client or self.client, self.clock)

    def clock(self) -> float:
        return self.jira.now

    @property
    def today(self) -> date:
        return datetime.fromtimestamp(self.jira.now, UTC).date()

    @property
    def issues(self) -> list:
        """Return the issues with the label of the finding."""
        return self.jira.with_label(label_of(FINGERPRINT))

    @property
    def state(self) -> IssueState | None:
        return self.claims.state_of(FINGERPRINT)

    def pass_days(self, days: float) -> None:
        self.jira.now += days * DAY

    def deliver(self, delivery: QueuedNotification, *, channel: JiraChannel | None = None) -> str | None:
        """Deliver a notification as a queue does: retry it after the time that each failure requires."""
        for _ in range(20):
            try:
                return (channel or self.channel).deliver(delivery)
            except TryLater as error:
                self.jira.now += error.seconds + 1
            except Unsure:
                self.jira.now += 31
        raise AssertionError(f"{delivery.notification_id} was not delivered in 20 attempts")


@contextmanager
def jira_world(*, cloud: bool = True, lag_seconds: float = 0.0, owners: Any = OWNERS):
    """Yield a world with an empty Jira; fail at the end if a request violated Jira's API description."""
    with serving(LocalJira(cloud=cloud, lag_seconds=lag_seconds)) as jira:
        world = JiraWorld(jira, MemoryTable(), Owners.model_validate(owners))
        yield world
        assert not jira.unlawful, sorted(set(jira.unlawful))
