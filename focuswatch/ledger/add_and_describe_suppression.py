"""Check and add a snooze or an exclusion that a person requested, and describe what it covers."""

from collections.abc import Callable, Iterable, Sequence

from focuswatch.errors import ConfigError
from focuswatch.findings.count_text import count_text
from focuswatch.ledger.entry_head import EntryHead
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.ledger.suppression import Suppression


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


def suppression_text(ledger: Ledger, suppression: Suppression, *, unsuppress: Callable[[int], str]) -> str:
    """Return what is muted until when, how many open findings that covers, and earlier suppressions of the same.

    `unsuppress` returns the command that removes the suppression with an id.
    """
    covered = 0

    def count(heads: Sequence[EntryHead]) -> Iterable[str]:
        nonlocal covered
        covered = sum(head.state == "open" and suppression.covers(head) for head in heads)
        return ()

    ledger.select(count)
    return (
        f"Suppression {suppression.id}: {suppression.scope} {suppression.value} is muted {suppression.end_text}. "
        f"This suppression covers {count_text(covered, 'open finding')}."
        + "".join(
            f" Suppression {earlier.id} already mutes the same findings {earlier.end_text}. To remove it, run "
            f"{unsuppress(earlier.id)}."
            for earlier in _earlier(ledger, suppression)
        )
    )


def _earlier(ledger: Ledger, suppression: Suppression) -> list[Suppression]:
    """Return the active suppressions with the same scope: until they end too, the findings stay muted."""
    return [
        other
        for other in ledger.suppressions()
        if other.id != suppression.id
        and (other.scope, other.value, other.detection)
        == (suppression.scope, suppression.value, suppression.detection)
        and other.security >= suppression.security
        and other.is_active_on(suppression.since)
    ]
