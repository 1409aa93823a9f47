"""The ledger of findings: entries, suppressions, decisions about changes and notifications, and storage."""

from focuswatch.ledger.decide_ledger_changes_and_notifications import decide
from focuswatch.ledger.findings_and_resolvable_scope_of_run import DetectionRun
from focuswatch.ledger.ledger_decision_model import Decision
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.ledger_protocol import EvaluatedUntil, Ledger, LedgerSnapshot
from focuswatch.ledger.notification_and_pending_notification_models import Notification, PendingNotification
from focuswatch.ledger.offer_exclusion_after_dismissals import Dismissals
from focuswatch.ledger.sqlite_ledger import SqliteLedger
from focuswatch.ledger.suppression import Suppression
from focuswatch.ledger.suppression_index import SuppressionIndex

__all__ = [
    "Decision",
    "Dismissals",
    "LedgerEntry",
    "Ledger",
    "LedgerSnapshot",
    "EvaluatedUntil",
    "Notification",
    "DetectionRun",
    "Suppression",
    "SuppressionIndex",
    "SqliteLedger",
    "PendingNotification",
    "decide",
]
