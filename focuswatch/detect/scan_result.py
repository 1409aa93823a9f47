"""The result of a scan, and the same result with the notifications that earlier scans left pending."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from focuswatch.detect.data_coverage import Coverage
from focuswatch.detect.run_detection import Outcome
from focuswatch.findings.changed_copy import changed
from focuswatch.findings.counted_once import counted_once
from focuswatch.findings.finding import Finding
from focuswatch.ledger import LedgerSnapshot, Notification, PendingNotification, SuppressionIndex
from focuswatch.ledger.ledger_entry import OVER, NotificationKind


@dataclass(frozen=True)
class ScanResult:
    """The result of a scan.

    `findings` are open or just resolved, highest cost first; `notifications` are to be sent. `suppressed` counts
    the open findings that are left out. `unevaluated` has the reason by detection, for those that ran without recent
    recommendations. `ledger` is its state after the scan.
    """

    as_of: date
    currency: str
    findings: tuple[Finding, ...]
    notifications: tuple[Notification, ...]
    outcomes: tuple[Outcome, ...]
    coverage: Coverage
    suppressed: int
    seconds: float
    notes: tuple[str, ...] = ()
    unevaluated: Mapping[str, str] = field(default_factory=dict)
    not_run: tuple[str, ...] = ()  # detections for which there was no time
    ledger: LedgerSnapshot = field(default_factory=lambda: LedgerSnapshot({}, ()))

    @property
    def failures(self) -> list[Outcome]:
        """The detections that failed."""
        return [outcome for outcome in self.outcomes if outcome.error]

    @property
    def lacking(self) -> dict[str, list[str]]:
        """The detections that could not be evaluated, by the reason: the input that they lacked."""
        reasons = {one.detection.id: one.lacks_input for one in self.outcomes if one.lacks_input}
        lacking: dict[str, list[str]] = {}
        for id, reason in {**reasons, **self.unevaluated}.items():
            lacking.setdefault(reason, []).append(id)
        return lacking

    @property
    def monthly_waste(self) -> Decimal:
        """The monthly savings of all waste findings that are not resolved; each dollar is counted once."""
        return _monthly_waste(self._counted)

    @property
    def unowned(self) -> tuple[Finding, ...]:
        """The findings without an owner that are not resolved. Their amounts differ in meaning and are not summed."""
        return tuple(
            finding
            for finding in self.findings
            if finding.owned_by == "fallback" and finding.status != "resolved"
        )

    @property
    def unowned_waste(self) -> Decimal:
        """The part of `monthly_waste` that has no owner."""
        return _monthly_waste(finding for finding in self._counted if finding.owned_by == "fallback")

    @property
    def _counted(self) -> list[Finding]:
        """The findings to add up: not resolved, and their cost is not part of another one."""
        return counted_once(finding for finding in self.findings if finding.status != "resolved")


def _monthly_waste(findings: Iterable[Finding]) -> Decimal:
    return sum((finding.monthly_cost for finding in findings if finding.category == "waste"), Decimal(0))


def with_pending_notifications(scan: ScanResult, pending: Iterable[PendingNotification]) -> ScanResult:
    """Return the scan with the notifications of earlier scans that were not sent, one for each finding.

    A finding that was new and never notified is still new; findings suppressed since are left out.
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
    notifications.sort(key=lambda one: (-one.finding.monthly_cost, one.finding.fingerprint))
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
    """Return, by fingerprint, the kind of one notification that stands for all pending ones, and the last finding."""
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
    return finding if finding.exclusion_offer == offer else changed(finding, {"exclusion_offer": offer})


def _with_status(finding: Finding, kind: NotificationKind) -> Finding:
    status = "open" if kind == "reminder" else "resolved" if kind in OVER else kind
    return finding if finding.status == status else changed(finding, {"status": status})


def current_findings(
    ledger: LedgerSnapshot, *, as_of: date, notified: Collection[str]
) -> tuple[tuple[Finding, ...], int]:
    """Return the findings that are open or were just resolved, and the number of suppressed ones.

    A finding whose fingerprint is not `notified` in this scan has the status open.
    """
    suppressions = SuppressionIndex(ledger.suppressions)
    findings, suppressed = [], 0
    for entry in ledger.entries.values():
        is_notified = entry.fingerprint in notified
        if entry.state == "closed" or (entry.state == "resolved" and not is_notified):
            continue
        if suppressions.suppresses(entry.finding, on=as_of):
            suppressed += 1
        elif is_notified or entry.finding.status == "open":
            findings.append(entry.finding)
        else:
            findings.append(changed(entry.finding, {"status": "open"}))
    findings.sort(key=lambda finding: (-finding.stake, finding.detection, finding.fingerprint))
    return tuple(findings), suppressed
