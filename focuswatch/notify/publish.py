"""Untold news to SNS: to `findings` with attributes that anyone can filter on, first charges in a region to
`new-region` too.

At least once: news is marked told after SNS took it, so one that is interrupted between is sent again with the same
`news_id`.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from focuswatch.findings.amount_text import full_amount
from focuswatch.findings.explanation_text import sentences
from focuswatch.findings.finding import Finding, shown
from focuswatch.findings.visible_text import visible
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from focuswatch.ledger.ledger_entry import PendingNotification

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

NEW_REGION = "new_region"
# What a queue takes in no message, so that SNS would drop it there without a word; in JSON they can be spelt out.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
NO_CHARACTERS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
SUBJECT_LENGTH = (
    99  # SNS takes fewer than 100 characters: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
)


@dataclass(frozen=True)
class Topics:
    """ARNs of the topics that news goes to."""

    findings: str
    new_region: str


@dataclass(frozen=True)
class PublishResult:
    """What went out, and what did not, with SNS's reason by `news_id`; `unfinished` where the time was over."""

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
) -> PublishResult:
    """Send all that is untold, each finding's in its order; what SNS refuses stays untold and stops nothing else.

    None is begun once `may_go_on` says no; the rest stays untold.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    sent, failed, blocked = 0, dict[str, str](), set[str]()
    for one in ledger.untold():
        if not may_go_on():
            return PublishResult(sent, failed, unfinished=True)
        fingerprint = one.news.finding.fingerprint
        if fingerprint in blocked:
            continue
        try:
            _send(one, sns=sns, topics=topics)
        except (ClientError, BotoCoreError) as error:
            failed[one.id] = str(error)
            blocked.add(fingerprint)
            continue
        ledger.mark_told(one)
        progress(f"told {one.id}: {one.news.kind} {one.news.finding.detection}")
        sent += 1
    return PublishResult(sent, failed)


def _send(told: PendingNotification, *, sns: "SNSClient", topics: Topics) -> None:
    finding, attributes = told.news.finding, message_attributes(told)
    document = NO_CHARACTERS.sub(_spelt, finding.model_dump_json(by_alias=True))
    if finding.detection == NEW_REGION and told.news.kind == "new":
        sns.publish(
            TopicArn=topics.new_region,
            Subject=_subject(finding),
            Message=json.dumps({"default": document, "email": render_email(finding)}),
            MessageStructure="json",
            MessageAttributes=attributes,
        )
    sns.publish(TopicArn=topics.findings, Message=document, MessageAttributes=attributes)


def message_attributes(told: PendingNotification) -> Any:
    """What subscribers filter on, the `news_id` by which they know what they have had, and the one `after` which it is.

    Ten at most: https://docs.aws.amazon.com/sns/latest/dg/sns-message-attributes.html
    """
    finding = told.news.finding
    values = {
        "news_id": told.id,
        "change": told.news.kind,
        "detection": finding.detection,
        "category": finding.category,
        "severity": finding.severity,
        "team": finding.team or "nobody",
        "account": finding.sub_account_id,
        "region": finding.region_id,
        "told_in": "digest" if told.news.in_digest else "message",
        "after": told.after and f"{finding.fingerprint}-{told.after}",
    }
    return {
        name: {"DataType": "String", "StringValue": NO_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", value)}
        for name, value in values.items()
        if value
    }


def _spelt(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def render_email(finding: Finding) -> str:
    """The finding as a person reads it in a mail."""
    account = " ".join(filter(None, (finding.sub_account_name, finding.sub_account_id)))
    proof = shown({name: value for name, value in finding.evidence.items() if value is not None})
    evidence = "\n".join(f"  {name}: {value}" for name, value in proof.items())
    return visible(
        f"{finding.title}\n\n{finding.reason}\n\nAccount: {account}\nRegion: {finding.region_id}\n"
        f"Amount: {full_amount(finding)}\n\n"
        f"What to do\n{finding.action}\n\n{_why(finding)}Evidence\n{evidence}\n\n"
        f"Finding {finding.fingerprint}, as of {finding.as_of}\n"
    )


def _why(finding: Finding) -> str:
    """What it is made of and who changed what; nothing where nobody explained it."""
    if finding.explanation is None:
        return ""
    lines = sentences(finding.explanation, currency=finding.currency)
    return "Why\n" + "\n".join(f"  {visible(line)}" for line in lines) + "\n\n"


def _subject(finding: Finding) -> str:
    """One line of ASCII, which is all that SNS takes."""
    account = finding.sub_account_name or finding.sub_account_id or "an account"
    text = f"First charge of {account} in {finding.region_id}"
    return "".join(sign if sign.isascii() and sign.isprintable() else "?" for sign in text)[:SUBJECT_LENGTH]
