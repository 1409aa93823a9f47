"""Convert a message from AWS Budgets or AWS Cost Anomaly Detection to a finding. Stores nothing."""

import json
from datetime import date
from typing import Any

from focuswatch.aws_alerts.anomaly_alert_findings import anomaly_finding
from focuswatch.aws_alerts.budget_alert_findings import budget_finding
from focuswatch.aws_alerts.unreadable_alert_finding import unreadable_finding, utf8
from focuswatch.findings.aws_alert_detection_ids import ANOMALY, BUDGET
from focuswatch.findings.finding import Finding
from focuswatch.owners.owners_file import Owners


def parse_alert(body: str, *, owners: Owners, today: date, deployment: str = "focuswatch") -> Finding:
    """Return the finding for a message of the SNS topic `spending`, with or without its SNS envelope.

    `deployment` is the name prefix of the budgets that focuswatch created; `today` applies to a message without a date.
    """
    document = _json(body)
    if document and isinstance(document.get("Message"), str) and "TopicArn" in document:
        return parse_alert(document["Message"], owners=owners, today=today, deployment=deployment)
    try:
        if document is not None:
            return anomaly_finding(document, owners=owners, today=today)
        return budget_finding(body, owners=owners, today=today, deployment=deployment)
    except ValueError as error:
        detection = BUDGET if document is None else ANOMALY
        return unreadable_finding(body, detection=detection, reason=str(error), today=today)


def _json(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(utf8(json.dumps(json.loads(text), ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
