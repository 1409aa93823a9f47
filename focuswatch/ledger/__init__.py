"""What is already known of findings: entries and silences, the decisions over them, and where they are kept."""

from focuswatch.ledger.decide import Decision, Run, decide
from focuswatch.ledger.entry import Entry, News, Silence, Told
from focuswatch.ledger.protocol import Ledger, Looked
from focuswatch.ledger.sqlite import SqliteLedger

__all__ = [
    "Decision",
    "Entry",
    "Ledger",
    "Looked",
    "News",
    "Run",
    "Silence",
    "SqliteLedger",
    "Told",
    "decide",
]
