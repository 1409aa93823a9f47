"""Render a notification as an OCSF Detection Finding (class 2004), one JSON object.

https://schema.ocsf.io/1.8.0/classes/detection_finding
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import full_amount
from focuswatch.findings.severity import Severity
from focuswatch.ledger.notification_and_pending_notification_models import OVER, NotificationKind
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification

SCHEMA_VERSION = "1.8.0"
FINDINGS_CATEGORY, DETECTION_FINDING = 2, 2004
ACTIVITIES: dict[NotificationKind, tuple[int, str]] = {
    "new": (1, "Create"),
    "changed": (2, "Update"),
    "reminder": (2, "Update"),
    "resolved": (3, "Close"),
    "saving_verified": (2, "Update"),
}
SEVERITIES: dict[Severity, int] = {"low": 2, "medium": 3, "high": 4, "critical": 5}
NEW, RESOLVED = (1, "New"), (4, "Resolved")  # status_id and status
RULE = (1, "Rule")  # type_id and type of the analytic
AWS_ACCOUNT = (10, "AWS Account")  # type_id and type of the account


def ocsf_finding(delivery: QueuedNotification, *, types: Sequence[str]) -> dict[str, Any]:
    """Return the record, always the same for the same notification. Times are milliseconds since 1970."""
    finding = delivery.finding
    activity_id, activity = ACTIVITIES[delivery.kind]
    status_id, status = RESOLVED if delivery.kind in OVER else NEW
    return {
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": FINDINGS_CATEGORY,
        "category_name": "Findings",
        "class_uid": DETECTION_FINDING,
        "class_name": "Detection Finding",
        "type_uid": DETECTION_FINDING * 100 + activity_id,
        "type_name": f"Detection Finding: {activity}",
        "severity_id": SEVERITIES[finding.severity],
        "severity": finding.severity.capitalize(),
        "status_id": status_id,
        "status": status,
        "time": _milliseconds(finding.first_seen),
        "start_time": _milliseconds(finding.started_on or finding.first_seen),
        "end_time": _milliseconds(finding.ended_on or finding.last_seen),
        "message": f"{finding.title}: {full_amount(finding)}",
        "is_alert": delivery.kind == "new",
        "metadata": {
            "version": SCHEMA_VERSION,
            "uid": delivery.notification_id,
            "event_code": finding.detection,
            "profiles": ["cloud"],
            "product": {"name": "focuswatch", "vendor_name": "focuswatch", "uid": "focuswatch"},
        },
        "finding_info": _finding_info(finding, types=types),
        "remediation": {"desc": finding.action},
        "cloud": _cloud(finding),
        "resources": [_resource(finding)],
        "unmapped": {"focuswatch": finding.model_dump(mode="json", by_alias=True)},
    }


def _finding_info(finding: Finding, *, types: Sequence[str]) -> dict[str, Any]:
    return {
        "uid": finding.fingerprint,
        "title": finding.title,
        "desc": finding.reason,
        "types": list(types),
        "created_time": _milliseconds(finding.first_seen),
        "modified_time": _milliseconds(finding.as_of),
        "first_seen_time": _milliseconds(finding.started_on or finding.first_seen),
        "last_seen_time": _milliseconds(finding.ended_on or finding.last_seen),
        "analytic": {"uid": finding.detection, "name": finding.title, "type_id": RULE[0], "type": RULE[1]},
    }


def _cloud(finding: Finding) -> dict[str, Any]:
    account = {
        "uid": finding.sub_account_id or "unknown",
        "type_id": AWS_ACCOUNT[0],
        "type": AWS_ACCOUNT[1],
    } | ({"name": finding.sub_account_name} if finding.sub_account_name else {})
    return {"provider": "AWS", "account": account} | (
        {"region": finding.region_id} if finding.region_id else {}
    )


def _resource(finding: Finding) -> dict[str, Any]:
    """Return the resource of the finding, or else its account."""
    owner = {"group": {"name": finding.team}} if finding.team else {}
    kind = {"type": finding.service_name} if finding.service_name and finding.resource_id else {}
    named = finding.resource_id or f"AWS::::Account:{finding.sub_account_id or 'unknown'}"
    region = {"region": finding.region_id} if finding.region_id else {}
    return {"uid": named, "cloud_partition": "aws", **region, **kind, **owner}


def _milliseconds(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
