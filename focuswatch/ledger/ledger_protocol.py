"""The interface of a ledger, implemented for SQLite and DynamoDB."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from focuswatch.ledger.entry_head import Choose
from focuswatch.ledger.ledger_changes import Decision
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.notification import PendingNotification
from focuswatch.ledger.suppression import Suppression

Decide = Callable[[Mapping[str, LedgerEntry], Sequence[Suppression]], Decision]


@dataclass(frozen=True)
class EvaluatedUntil:
    """A detection, and the day as of which it last succeeded."""

    detection: str
    as_of: date


@dataclass(frozen=True)
class LedgerSnapshot:
    """Entries by fingerprint and all suppressions, as they were at one moment.

    `version` is the ledger's own: it shows the ledger whether others have written since.
    """

    entries: Mapping[str, LedgerEntry]
    suppressions: Sequence[Suppression]
    version: object = None

    def after(self, decision: Decision) -> "LedgerSnapshot":
        """Return the snapshot with the entries that a decision changed."""
        changed = {entry.fingerprint: entry for entry in decision.entries}
        return LedgerSnapshot({**self.entries, **changed}, self.suppressions)


class Ledger(Protocol):
    """Stores findings and suppressions; every method is one step that happens whole or not at all."""

    def entries(self) -> dict[str, LedgerEntry]:
        """Return every entry by fingerprint."""
        ...

    def select(self, choose: Choose) -> list[LedgerEntry]:
        """Return the entries that `choose` names, given the heads of all. Only these are read as a whole."""
        ...

    def suppressions(self) -> list[Suppression]:
        """Return every suppression, expired ones too, oldest first."""
        ...

    def snapshot(self) -> LedgerSnapshot:
        """Return entries and suppressions, for a decision that `update` is to write."""
        ...

    def evaluated_until(self) -> dict[str, date]:
        """Return the newest as_of for which each detection has succeeded."""
        ...

    def update(
        self, decide: Decide, *, evaluated: Sequence[EvaluatedUntil], snapshot: LedgerSnapshot | None = None
    ) -> Decision:
        """Let `decide` read the ledger's state, and write its decision; no other write comes in between.

        `decide` reads `snapshot` where there is one; only if others have written since does it decide again, over the
        newer state. The decision's notifications stay pending until `mark_notified`, so that neither an error nor
        a killed process loses one.
        """
        ...

    def pending_notifications(self) -> Iterator[PendingNotification]:
        """Yield the notifications that were not sent yet, each finding's in the order of their decisions."""
        ...

    def mark_notified(self, *sent: PendingNotification) -> None:
        """Remove sent notifications, in their order; those already removed are ignored. Call it after sending."""
        ...

    def add_suppression(self, suppression: Suppression) -> Suppression:
        """Store a suppression, and return it with its id."""
        ...

    def remove_suppression(self, id: int) -> None:
        """Remove a suppression. Raises LedgerError where there is none of that id."""
        ...

    def forget(self, fingerprint: str) -> None:
        """Remove a finding, so that it is new when it is found again. Raises LedgerError where there is none."""
        ...
