"""Publish pending notifications to SNS: all to `findings`, and new findings also to the topic of their detection.

Each message has attributes that subscribers can filter on. Publishing is at least once: a notification is marked as
sent after SNS accepted it. If a run is interrupted in between, the next run sends it again with the same `news_id`.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from focuswatch.errors import DeliveryError
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.notification_and_pending_notification_models import PendingNotification
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import DeliveryForm, DeliveryHints
from focuswatch.notify.put_finding_on_eventbridge import FindingEvents
from focuswatch.notify.sns_email_text import email_subject, render_email

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

# SQS rejects a message with any of these characters, and SNS then drops it silently. In JSON, they can be escaped.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
REFUSED_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Topics:
    """ARNs of the topic for all notifications, and of the topics that detections name (by detection id)."""

    findings: str
    by_detection: Mapping[str, str]


@dataclass(frozen=True)
class PublishResult:
    """The number of sent notifications, the errors by `news_id`, and whether time ran out (`unfinished`)."""

    sent: int
    failed: dict[str, str]
    unfinished: bool = False


def publish(
    ledger: DynamoLedger,
    *,
    sns: "SNSClient",
    topics: Topics,
    progress: Callable[[str], None],
    may_go_on: Callable[[], bool] = lambda: True,
    events: FindingEvents | None = None,
) -> PublishResult:
    """Send all pending notifications, in order for each finding.

    With `events`, each notification is put on EventBridge first, so that if EventBridge fails, SNS subscribers do not
    get it twice.

    A notification that AWS rejects stays pending, and blocks only later ones of the same finding. Stops before the next
    notification when `may_go_on` returns False; the remaining ones stay pending.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    sent, failed, blocked = 0, dict[str, str](), set[str]()
    for pending in ledger.pending_notifications():
        if not may_go_on():
            return PublishResult(sent, failed, unfinished=True)
        fingerprint = pending.notification.finding.fingerprint
        if fingerprint in blocked:
            continue
        try:
            if events:
                events.put(pending)
            _send(pending, sns=sns, topics=topics)
        except (ClientError, BotoCoreError, DeliveryError) as error:
            failed[pending.id] = str(error)
            blocked.add(fingerprint)
            continue
        ledger.mark_notified(pending)
        progress(f"sent {pending.id}: {pending.notification.kind} {pending.notification.finding.detection}")
        sent += 1
    return PublishResult(sent, failed)


def _send(pending: PendingNotification, *, sns: "SNSClient", topics: Topics) -> None:
    finding, attributes = pending.notification.finding, message_attributes(pending)
    document = message_body(pending)
    own_topic = topics.by_detection.get(finding.detection)
    if own_topic and pending.notification.kind == "new" and pending.notification.on_topic:
        sns.publish(
            TopicArn=own_topic,
            Subject=email_subject(pending.notification),
            Message=json.dumps({"default": document, "email": render_email(pending.notification)}),
            MessageStructure="json",
            MessageAttributes=attributes,
        )
    sns.publish(TopicArn=topics.findings, Message=document, MessageAttributes=attributes)


def message_body(pending: PendingNotification) -> str:
    """Return the finding's JSON, with the field `delivery` for what channels need but subscribers do not filter on."""
    finding, number = pending.notification.finding, pending.after
    after = None if number is None else f"{finding.fingerprint}-{number}"
    hints = DeliveryHints(told_in=_delivery_form(pending), after=after)
    document = finding.model_dump_json(by_alias=True)[:-1] + f',"delivery":{hints.model_dump_json()}}}'
    return REFUSED_CHARACTERS.sub(_escape, document)


def _delivery_form(pending: PendingNotification) -> DeliveryForm:
    if pending.notification.in_incident:
        return "incident"
    return "digest" if pending.notification.in_digest else "message"


def message_attributes(pending: PendingNotification) -> Any:
    """Return the attributes to filter on, and the `news_id` for deduplication.

    `incident` is the same for all findings with the same cause, and `incident_lead` is `true` for the finding that
    represents them. With raw message delivery, SNS allows ten attributes:
    https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
    """
    finding = pending.notification.finding
    values = {
        "news_id": pending.id,
        "change": pending.notification.kind,
        "detection": finding.detection,
        "category": finding.category,
        "severity": finding.severity,
        "team": finding.team or "nobody",
        "account": finding.sub_account_id,
        "region": finding.region_id,
        "incident": finding.incident_id,
        "incident_lead": "false" if pending.notification.in_incident else "true",
    }
    return {
        name: {
            "DataType": "String",
            "StringValue": REFUSED_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", value),
        }
        for name, value in values.items()
        if value
    }


def _escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
