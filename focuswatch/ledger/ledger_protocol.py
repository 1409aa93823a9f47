"""The interface of a ledger, implemented for SQLite and DynamoDB, with the errors that both raise."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from focuswatch.errors import LedgerError
from focuswatch.ledger.entry_head import Choose
from focuswatch.ledger.ledger_decision_model import Decision
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.notification_and_pending_notification_models import PendingNotification
from focuswatch.ledger.suppression import Suppression

Decide = Callable[[Mapping[str, LedgerEntry], Sequence[Suppression]], Decision]


@dataclass(frozen=True)
class EvaluatedUntil:
    """A detection, and the newest as-of date for which it succeeded."""

    detection: str
    as_of: date


@dataclass(frozen=True)
class LedgerSnapshot:
    """Entries by fingerprint and all suppressions, as they were at one moment.

    `version` has a meaning only for the ledger: it shows whether another process has written since.
    """

    entries: Mapping[str, LedgerEntry]
    suppressions: Sequence[Suppression]
    version: object = None

    def after(self, decision: Decision) -> "LedgerSnapshot":
        """Return the snapshot with the changed entries of a decision."""
        changed_entries = {entry.fingerprint: entry for entry in decision.entries}
        return LedgerSnapshot({**self.entries, **changed_entries}, self.suppressions)


class Ledger(Protocol):
    """Stores findings and suppressions; every method is atomic."""

    def entries(self) -> dict[str, LedgerEntry]:
        """Return every entry by fingerprint."""
        ...

    def select(self, choose: Choose) -> list[LedgerEntry]:
        """Return the entries that `choose` selects from the heads of all entries. Only these are read in full."""
        ...

    def suppressions(self) -> list[Suppression]:
        """Return every suppression, including expired ones, oldest first."""
        ...

    def snapshot(self) -> LedgerSnapshot:
        """Return entries and suppressions, for a decision that `update` will write."""
        ...

    def evaluated_until(self) -> dict[str, date]:
        """Return the newest as-of date for which each detection succeeded."""
        ...

    def update(
        self, decide: Decide, *, evaluated: Sequence[EvaluatedUntil], snapshot: LedgerSnapshot | None = None
    ) -> Decision:
        """Call `decide` with the state of the ledger, and write its decision, with no other write in between.

        With a `snapshot`, `decide` uses it; if another process has written since, it decides again on the newer state.
        The notifications of the decision stay pending until `mark_notified`, so that neither an error nor a killed
        process loses one.
        """
        ...

    def pending_notifications(self) -> Iterator[PendingNotification]:
        """Yield the notifications that are not sent yet; those of a finding are in the order of their decisions."""
        ...

    def mark_notified(self, *sent: PendingNotification) -> None:
        """Remove sent notifications, in order; those already removed are ignored. Call it after sending."""
        ...

    def add_suppression(self, suppression: Suppression) -> Suppression:
        """Store a suppression, and return it with its id."""
        ...

    def remove_suppression(self, id: int) -> None:
        """Remove a suppression. Raises LedgerError if no suppression has this id."""
        ...

    def forget(self, fingerprint: str) -> None:
        """Remove a finding, so that it is new when it is found again. Raises LedgerError if there is none."""
        ...


def newest_scan_date(ledger: Ledger) -> date:
    """Return the newest as-of date for which a detection has succeeded; `date.min` if none has."""
    return max(ledger.evaluated_until().values(), default=date.min)


def unknown_suppression(id: int) -> LedgerError:
    """Return the error for a suppression that does not exist."""
    return LedgerError(
        f"There is no suppression {id}. To list suppressions, run focuswatch findings --suppressions."
    )


def unknown_fingerprint(fingerprint: str) -> LedgerError:
    """Return the error for a finding that does not exist."""
    return LedgerError(
        f"No finding has the fingerprint {fingerprint}. To list findings, run focuswatch findings."
    )
