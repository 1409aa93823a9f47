"""Merge pending notifications, also those of earlier scans, into the result of a scan."""

from collections.abc import Iterable
from dataclasses import replace

from focuswatch.detect.scan_result import ScanResult
from focuswatch.detect.select_open_and_just_resolved_findings import current_findings
from focuswatch.findings.fast_model_copy import copy_with
from focuswatch.findings.finding import Finding
from focuswatch.ledger import Notification, PendingNotification
from focuswatch.ledger.ledger_decision_model import by_stake
from focuswatch.ledger.notification_and_pending_notification_models import OVER, NotificationKind


def with_pending_notifications(scan: ScanResult, pending: Iterable[PendingNotification]) -> ScanResult:
    """Return the scan with all `pending` notifications, its own and those of earlier scans, merged per finding.

    A new finding that was never notified is still new. Findings that were suppressed since then are left out.
    """
    kinds, newest = _merge_pending(pending)
    findings, suppressed = current_findings(scan.ledger, as_of=scan.as_of, notified=kinds)
    current = {finding.fingerprint: finding for finding in findings}
    notifications = [
        Notification(
            kind=kind,
            finding=_with_status(
                _with_offer(current.get(fingerprint, newest[fingerprint]), newest[fingerprint]), kind
            ),
        )
        for fingerprint, kind in kinds.items()
        if fingerprint in current or kind in OVER
    ]
    notifications.sort(key=by_stake)
    notified = {notification.finding.fingerprint: notification.finding for notification in notifications}
    return replace(
        scan,
        notifications=tuple(notifications),
        findings=tuple(notified.get(finding.fingerprint, finding) for finding in findings),
        suppressed=suppressed,
    )


def _merge_pending(
    pending: Iterable[PendingNotification],
) -> tuple[dict[str, NotificationKind], dict[str, Finding]]:
    """Return, by fingerprint, the kind of the notification that replaces all pending ones, and the newest finding."""
    kinds: dict[str, NotificationKind] = {}
    newest: dict[str, Finding] = {}
    for notification in (one.notification for one in pending):
        fingerprint = notification.finding.fingerprint
        earlier = kinds.get(fingerprint, notification.kind)
        kinds[fingerprint] = notification.kind if notification.kind in ("new", "resolved") else earlier
        newest[fingerprint] = notification.finding
    return kinds, newest


def _with_offer(finding: Finding, notified: Finding) -> Finding:
    """Return the current finding with the exclusion that its notification offers."""
    offer = notified.exclusion_offer
    return finding if finding.exclusion_offer == offer else copy_with(finding, {"exclusion_offer": offer})


def _with_status(finding: Finding, kind: NotificationKind) -> Finding:
    status = "open" if kind == "reminder" else "resolved" if kind in OVER else kind
    return finding if finding.status == status else copy_with(finding, {"status": status})
