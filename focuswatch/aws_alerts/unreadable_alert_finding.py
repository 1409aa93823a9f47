"""Build the finding for a message from AWS that cannot be parsed, so that no alert is lost."""

from datetime import date

from focuswatch.aws_alerts.build_alert_finding import alert_finding
from focuswatch.findings.aws_alert_detection_ids import ANOMALY, BUDGET
from focuswatch.findings.finding import Finding

SENDERS = {BUDGET: "AWS Budgets", ANOMALY: "AWS Cost Anomaly Detection"}
REASON_CHARACTERS = 600  # maximum length of the message in the reason
# Maximum length of the message in the evidence: a ledger item contains it twice, and DynamoDB allows 400 KB.
MESSAGE_CHARACTERS = 4000


def utf8(text: str) -> str:
    """Return `text` without lone surrogates, which JSON can contain but the ledger and SQS cannot store."""
    return text.encode(errors="replace").decode()


def unreadable_finding(text: str, *, detection: str, reason: str, today: date) -> Finding:
    """Return the finding for a message that cannot be parsed. Its reason and evidence contain the message."""
    sender, text = SENDERS[detection], utf8(text)
    return alert_finding(
        detection,
        identity=text,
        category="governance",
        title=f"Unreadable message from {sender}",
        reason=f"focuswatch could not parse a message from {sender}: {reason}. Message: {text[:REASON_CHARACTERS]}",
        action=(
            "1. Read the message, because it may report unexpected spend.\n"
            "2. If focuswatch should support this message format, open an issue in the focuswatch repository and "
            "include the message."
        ),
        evidence={"message": text[:MESSAGE_CHARACTERS]},
        owner=(None, "fallback"),
        days=(today, today),
    )
