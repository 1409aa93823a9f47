"""Publish pending notifications to SNS: all to `findings`, and new findings also to the topic of their detection.

Attributes of each message let subscribers filter.

At least once: a notification is marked as sent after SNS accepted it. A run that is interrupted in between sends it
again with the same `news_id`.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from focuswatch.errors import DeliveryError
from focuswatch.findings.account_owner_evidence_labels import display_values, evidence_label
from focuswatch.findings.detection_exclusion_offer_text import offer_command, offer_reason
from focuswatch.findings.explanation_text import explanation_sentences
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_text import full_amount
from focuswatch.findings.replace_control_characters import visible
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.notification import Notification, PendingNotification
from focuswatch.notify.eventbridge_events import FindingEvents
from focuswatch.notify.incident_text import incident_text, rollout_extent
from focuswatch.notify.place_and_owner_names import account_of_finding, region_id_of_finding
from focuswatch.notify.queued_notification_and_turn import DeliveryHints, ToldIn

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

# Characters that SQS accepts in no message, so that SNS would drop it silently; JSON can escape them.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
REFUSED_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# SNS takes fewer than 100 characters: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
SUBJECT_LENGTH = 99


@dataclass(frozen=True)
class Topics:
    """ARNs of the topic for all notifications, and of the topics that detections name, by detection id."""

    findings: str
    by_detection: Mapping[str, str]


@dataclass(frozen=True)
class PublishResult:
    """How many were sent, the errors of SNS by `news_id`, and whether time ran out (`unfinished`)."""

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
    """Send all pending notifications, those of a finding in order; one that SNS refuses stays pending.

    With `events`, each is first put on EventBridge: if that fails, no subscriber of SNS gets it twice.

    A refused notification blocks later ones of the same finding only. Stops before the next one when `may_go_on`
    returns False; the others stay pending.
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
            Subject=_subject(pending.notification),
            Message=json.dumps({"default": document, "email": render_email(pending.notification)}),
            MessageStructure="json",
            MessageAttributes=attributes,
        )
    sns.publish(TopicArn=topics.findings, Message=document, MessageAttributes=attributes)


def message_body(pending: PendingNotification) -> str:
    """Return the finding's JSON, with `delivery`: what channels need and subscribers do not filter on."""
    finding, number = pending.notification.finding, pending.after
    after = None if number is None else f"{finding.fingerprint}-{number}"
    hints = DeliveryHints(told_in=_told_in(pending), after=after)
    document = finding.model_dump_json(by_alias=True)[:-1] + f',"delivery":{hints.model_dump_json()}}}'
    return REFUSED_CHARACTERS.sub(_escape, document)


def _told_in(pending: PendingNotification) -> ToldIn:
    if pending.notification.in_incident:
        return "incident"
    return "digest" if pending.notification.in_digest else "message"


def message_attributes(pending: PendingNotification) -> Any:
    """Return the attributes to filter on, and the `news_id` for deduplication.

    `incident` is the same for all findings with the same cause; `incident_lead` is `true` for the one that stands for
    them. SNS allows ten with raw delivery: https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
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


def render_email(notification: Notification) -> str:
    """Return the notification as the text of a mail; it names the other new findings of its detection and incident."""
    finding = notification.finding
    account, region = account_of_finding(finding), region_id_of_finding(finding)
    proof = display_values({name: value for name, value in finding.evidence.items() if value is not None})
    evidence = "\n".join(f"  {evidence_label(name)}: {value}" for name, value in proof.items())
    return visible(
        f"{finding.title}\n\n{finding.reason}\n\nAccount: {account or 'none'}\nRegion: {region}\n"
        f"Amount: {full_amount(finding)}\n\n{incident_text(notification)}"
        f"What to do\n{finding.action}\n\n{_offer(finding)}{_root_cause(finding)}Evidence\n{evidence}\n\n"
        f"Finding {finding.fingerprint}, as of {finding.as_of}\n"
    )


def _offer(finding: Finding) -> str:
    """Return the exclusion that is offered, and its command; an empty text without one."""
    if finding.exclusion_offer is None:
        return ""
    reason = offer_reason(finding, finding.exclusion_offer)
    return f"Suggested exclusion\n{reason}\n{offer_command(finding, finding.exclusion_offer)}\n\n"


def _root_cause(finding: Finding) -> str:
    """Return the cost drivers and changes; an empty text for a finding without an explanation."""
    if finding.explanation is None:
        return ""
    lines = explanation_sentences(finding.explanation, currency=finding.currency)
    return "Root cause\n" + "\n".join(f"  {visible(line)}" for line in lines) + "\n\n"


def _subject(notification: Notification) -> str:
    """Return one line of ASCII; SNS accepts nothing else."""
    finding = notification.finding
    name = finding.sub_account_name or ""
    shown = _ascii(name)
    lost_letters = shown.count("?") > name.count("?")
    account = shown if shown and not lost_letters else finding.sub_account_id
    places = ", ".join(filter(None, (account, finding.region_id)))
    if finding.rollout:
        places = rollout_extent(finding.rollout)
    elif notification.others_count:
        places += f" and {notification.others_count:,} more"
    text = f"{finding.title}: {places}" if places else finding.title
    return _ascii(text)[:SUBJECT_LENGTH]


def _ascii(text: str) -> str:
    """Return the text without accents and symbols such as emoji; `?` stands for any other character outside ASCII."""
    signs = (
        sign if sign.isascii() and sign.isprintable() else "?"
        for sign in unicodedata.normalize("NFKD", text)
        if unicodedata.category(sign)[0] not in "MS" or sign.isascii()
    )
    return " ".join("".join(signs).split())
