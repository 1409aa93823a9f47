"""The changes that a run makes to the ledger: entries to write and notifications to send. Pure values."""

from dataclasses import dataclass
from decimal import Decimal

from focuswatch.findings.changed_copy import changed
from focuswatch.ledger.detection_run_findings import DetectionRun, step_of
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.notification import Notification, NotificationKind


@dataclass(frozen=True)
class Decision:
    """The entries that a ledger writes, and the notifications to send."""

    entries: tuple[LedgerEntry, ...]
    notifications: tuple[Notification, ...]


def by_stake(notification: Notification) -> tuple[Decimal, str]:
    """Return the key that sorts notifications by stake, highest first."""
    return -notification.finding.stake, notification.finding.fingerprint


def notified(entry: LedgerEntry, kind: NotificationKind, run: DetectionRun) -> LedgerEntry:
    """Return the entry of a finding that is notified in this run, with the content of the notification."""
    finding = entry.finding
    return changed(
        entry,
        {
            "finding": changed(finding, {"status": "open" if kind == "reminder" else kind}),
            "notified_on": run.as_of,
            "notified_cost": finding.stake,
            "notified_severity": finding.severity,
            "notified_step": step_of(finding, run),
        },
    )
