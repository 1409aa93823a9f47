"""The ledger of findings: entries, suppressions, decisions about changes and notifications, and storage."""

from focuswatch.ledger.decide_ledger_changes import decide
from focuswatch.ledger.detection_run_result import DetectionRun
from focuswatch.ledger.ledger_decision import Decision
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.ledger_protocol import EvaluatedUntil, Ledger, LedgerSnapshot
from focuswatch.ledger.notification import Notification, PendingNotification
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
