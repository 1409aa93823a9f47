"""What is already known of findings: entries and silences, the decisions over them, and where they are kept."""

from focuswatch.ledger.decide import Decision, DetectionRun, decide
from focuswatch.ledger.ledger_entry import LedgerEntry, Notification, PendingNotification, Suppression
from focuswatch.ledger.ledger_protocol import EvaluatedUntil, Ledger
from focuswatch.ledger.sqlite_ledger import SqliteLedger

__all__ = [
    "Decision",
    "LedgerEntry",
    "Ledger",
    "EvaluatedUntil",
    "Notification",
    "DetectionRun",
    "Suppression",
    "SqliteLedger",
    "PendingNotification",
    "decide",
]
