"""Check and add a snooze or an exclusion that a person requested, and describe what it covers."""

from collections.abc import Iterable, Sequence
from datetime import date

from focuswatch.errors import ConfigError
from focuswatch.ledger.entry_head import EntryHead
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.ledger.suppression import Suppression


def newest_bill_date(ledger: Ledger) -> date:
    """Return the newest as-of date for which a detection has succeeded; `date.min` if none has."""
    return max(ledger.evaluated_until().values(), default=date.min)


def add_checked_suppression(ledger: Ledger, suppression: Suppression) -> Suppression:
    """Store a suppression, and return it with its id. Raises ConfigError if it has no reason or ends too early."""
    if not suppression.reason.strip():
        raise ConfigError("The reason is empty. Enter a reason, which is shown in the list of suppressions.")
    if suppression.until is not None and suppression.until <= suppression.since:
        raise ConfigError(
            f"The end date {suppression.until} is not after {suppression.since}, the as-of date of the most recent "
            "scan. "
            "Choose a later date."
        )
    return ledger.add_suppression(suppression)


def suppression_text(ledger: Ledger, suppression: Suppression) -> str:
    """Return a text with the scope and the end of a suppression, and the number of open findings that it covers."""
    covered = 0

    def count(heads: Sequence[EntryHead]) -> Iterable[str]:
        nonlocal covered
        covered = sum(head.state == "open" and suppression.covers(head) for head in heads)
        return ()

    ledger.select(count)
    return (
        f"Suppression {suppression.id}: {suppression.scope} {suppression.value} is muted {suppression.end_text}. "
        f"This suppression covers {covered} open finding{'' if covered == 1 else 's'}."
    )
