"""Group ledger entries by incident for lists that people read: a row for an incident, its lead first."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal

from focuswatch.ledger.ledger_entry import LedgerEntry


def by_incident(entries: Iterable[LedgerEntry]) -> list[list[LedgerEntry]]:
    """Return the entries of each incident, highest stake first; a lead is the first of its incident."""
    incidents: dict[str, list[LedgerEntry]] = defaultdict(list)
    for entry in entries:
        incidents[entry.finding.incident_id].append(entry)
    for members in incidents.values():
        members.sort(key=lambda entry: (not entry.finding.incident_lead, *_by_stake(entry)))
    return sorted(incidents.values(), key=lambda members: _by_stake(members[0]))


def _by_stake(entry: LedgerEntry) -> tuple[Decimal, str, str]:
    return -entry.finding.stake, entry.finding.detection, entry.fingerprint
