"""List the first findings of a ledger, grouped by incident, and count all of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from focuswatch.ledger.entry_head import EntryHead
from focuswatch.ledger.group_entries_by_incident import heads_by_incident
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.ledger_protocol import Ledger, newest_scan_date
from focuswatch.ledger.suppression_index import SuppressionIndex


@dataclass(frozen=True)
class FindingsPage:
    """The first entries, grouped by incident with the lead first; the counts are those of the whole list.

    `related` are the fingerprints of entries that are listed below the lead of their incident. `muted` counts the open
    findings that are left out because they are suppressed.
    """

    entries: tuple[LedgerEntry, ...]
    related: frozenset[str]
    findings: int
    incidents: int
    only_open: bool
    muted: int


def findings_page(ledger: Ledger, *, everything: bool, most: int) -> FindingsPage:
    """Return the first `most` findings: of all, if `everything`, or else of those that are open and not suppressed."""
    newest, suppressions = newest_scan_date(ledger), SuppressionIndex(ledger.suppressions())
    incidents: list[list[EntryHead]] = []
    muted = 0

    def choose(heads: Sequence[EntryHead]) -> Iterable[str]:
        nonlocal muted
        listed = heads
        if not everything:
            still_open = [head for head in heads if head.state == "open"]
            listed = [head for head in still_open if not suppressions.suppresses(head, on=newest)]
            muted = len(still_open) - len(listed)
        incidents.extend(heads_by_incident(listed))
        return [head.fingerprint for members in incidents for head in members][:most]

    entries = ledger.select(choose)
    return FindingsPage(
        entries=tuple(entries),
        related=frozenset(head.fingerprint for members in incidents for head in members[1:]),
        findings=sum(map(len, incidents)),
        incidents=len(incidents),
        only_open=all(head.state == "open" for members in incidents for head in members),
        muted=muted,
    )
