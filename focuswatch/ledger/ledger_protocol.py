"""What focuswatch asks of a ledger, wherever it is kept."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from focuswatch.ledger.decide import Decision
from focuswatch.ledger.ledger_entry import LedgerEntry, PendingNotification, Suppression

Decide = Callable[[Mapping[str, LedgerEntry], Sequence[Suppression]], Decision]


@dataclass(frozen=True)
class EvaluatedUntil:
    """That a detection succeeded over the data as of a day."""

    detection: str
    as_of: date


class Ledger(Protocol):
    """Remembers findings and silences; every method is one step that happens whole or not at all."""

    def entries(self) -> dict[str, LedgerEntry]:
        """Every entry by fingerprint."""
        ...

    def suppressions(self) -> list[Suppression]:
        """Every silence, run out or not, oldest first."""
        ...

    def evaluated_until(self) -> dict[str, date]:
        """The newest as_of up to which each detection has succeeded."""
        ...

    def update(self, decide: Decide, *, evaluated: Sequence[EvaluatedUntil]) -> Decision:
        """Let `decide` see what is known and write what it decides, with nobody writing in between.

        The news of the decision is kept with it until `mark_notified`, so that no error, and no kill, loses any.
        """
        ...

    def pending_notifications(self) -> Iterator[PendingNotification]:
        """Yield the news that nobody was notified of yet, each finding's in the order in which it was decided."""
        ...

    def mark_notified(self, *told: PendingNotification) -> None:
        """Forget that these are to be sent, in their order; nothing where that was done. Call it after the output."""
        ...

    def add_suppression(self, silence: Suppression) -> Suppression:
        """Keep a silence; what comes back has its id."""
        ...

    def remove_suppression(self, id: int) -> None:
        """Forget a silence. Raises LedgerError where there is none of that id."""
        ...

    def forget(self, fingerprint: str) -> None:
        """Forget a finding, so that it is news when it is found again. Raises LedgerError where it is unknown."""
        ...
