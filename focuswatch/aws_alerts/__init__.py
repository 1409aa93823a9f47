"""Alerts of AWS Budgets and AWS Cost Anomaly Detection as findings.

Pure except for `record`, which writes to a ledger. A message that cannot be read becomes a finding too, so that none is
lost.
"""

import json
from datetime import date
from typing import Any

from focuswatch.aws_alerts.alert_findings import unreadable_finding, utf8
from focuswatch.aws_alerts.anomaly_alert_findings import anomaly_finding
from focuswatch.aws_alerts.budget_alert_findings import budget_finding
from focuswatch.aws_alerts.record_alert import record
from focuswatch.findings.aws_alert_detections import ANOMALY, BUDGET
from focuswatch.findings.finding import Finding
from focuswatch.owners.owners_file_and_assignment import Owners

__all__ = ["ANOMALY", "BUDGET", "parse", "record"]


def parse(body: str, *, owners: Owners, today: date, deployment: str = "focuswatch") -> Finding:
    """Return the finding for a message of the topic `spending`, raw or in the envelope of SNS.

    `deployment` is the name prefix of our own budgets; `today` is the day of a message without a date.
    """
    document = _json(body)
    if document and isinstance(document.get("Message"), str) and "TopicArn" in document:
        return parse(document["Message"], owners=owners, today=today, deployment=deployment)
    try:
        if document is not None:
            return anomaly_finding(document, owners=owners, today=today)
        return budget_finding(body, owners=owners, today=today, deployment=deployment)
    except (ValueError, ArithmeticError) as error:  # ArithmeticError: an amount beyond the range of Decimal
        reason = str(error).splitlines()[0]
        return unreadable_finding(
            body, detection=BUDGET if document is None else ANOMALY, reason=reason, today=today
        )


def _json(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(utf8(json.dumps(json.loads(text), ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
