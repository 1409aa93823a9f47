"""What AWS itself says about spending, as findings like any other: AWS Budgets, and AWS Cost Anomaly Detection.

Pure, but for the ledger that `record` is given. What cannot be read becomes a finding too: nobody's words are lost.
"""

import json
from datetime import date
from typing import Any

from focuswatch.aws_alerts.alert_findings import ANOMALY, BUDGET, unreadable_finding, utf8
from focuswatch.aws_alerts.anomaly_alerts import anomaly_finding
from focuswatch.aws_alerts.budget_alerts import budget_finding
from focuswatch.aws_alerts.record_alert import record
from focuswatch.findings.finding import Finding
from focuswatch.owners.owners_file import Owners

__all__ = ["ANOMALY", "BUDGET", "parse", "record"]


def parse(body: str, *, owners: Owners, today: date, deployment: str = "focuswatch") -> Finding:
    """The finding that a message of the topic `spending` states, raw or in the envelope of SNS.

    `deployment` is the name that budgets of ours begin with; `today` dates a message that names no day.
    """
    told = _json(body)
    if told and isinstance(told.get("Message"), str) and "TopicArn" in told:
        return parse(told["Message"], owners=owners, today=today, deployment=deployment)
    try:
        if told is not None:
            return anomaly_finding(told, owners=owners, today=today)
        return budget_finding(body, owners=owners, today=today, deployment=deployment)
    except (ValueError, ArithmeticError) as error:  # ArithmeticError: an amount that no Decimal of ours holds
        why = str(error).splitlines()[0]
        return unreadable_finding(body, detection=BUDGET if told is None else ANOMALY, why=why, today=today)


def _json(text: str) -> dict[str, Any] | None:
    try:
        told = json.loads(utf8(json.dumps(json.loads(text), ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
