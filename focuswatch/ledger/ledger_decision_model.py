"""A decision about the ledger: the entries to write and the notifications to send. Pure values."""

from dataclasses import dataclass
from decimal import Decimal

from focuswatch.findings.fast_model_copy import copy_with
from focuswatch.ledger.findings_and_resolvable_scope_of_run import DetectionRun, step_of
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.notification_and_pending_notification_models import Notification, NotificationKind

# A stake has grown materially if it is at least this multiple of the notified stake.
CHANGED_FACTOR = Decimal("1.5")


@dataclass(frozen=True)
class Decision:
    """The entries that a ledger writes, and the notifications to send."""

    entries: tuple[LedgerEntry, ...]
    notifications: tuple[Notification, ...]


def by_stake(notification: Notification) -> tuple[Decimal, str]:
    """Return the key that sorts notifications by stake, highest first."""
    return -notification.finding.stake, notification.finding.fingerprint


def with_notification(entry: LedgerEntry, kind: NotificationKind, run: DetectionRun) -> LedgerEntry:
    """Return the entry of a finding that is notified in this run, with the content of the notification."""
    finding = entry.finding
    return copy_with(
        entry,
        {
            "finding": copy_with(finding, {"status": "open" if kind == "reminder" else kind}),
            "notified_on": run.as_of,
            "notified_cost": finding.stake,
            "notified_severity": finding.severity,
            "notified_step": step_of(finding, run),
        },
    )
