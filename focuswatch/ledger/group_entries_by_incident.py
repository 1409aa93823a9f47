"""Group ledger entries by incident, for lists that show each incident with its lead first."""

from collections import defaultdict
from collections.abc import Iterable

from focuswatch.ledger.entry_head import EntryHead, head_of
from focuswatch.ledger.ledger_entry import LedgerEntry


def by_incident(entries: Iterable[LedgerEntry]) -> list[list[LedgerEntry]]:
    """Return the entries of each incident, highest stake first; the lead is the first of its incident."""
    listed = {entry.fingerprint: entry for entry in entries}
    incidents = heads_by_incident(map(head_of, listed.values()))
    return [[listed[head.fingerprint] for head in members] for members in incidents]


def heads_by_incident(heads: Iterable[EntryHead]) -> list[list[EntryHead]]:
    """Return the heads in the same groups and order as `by_incident`."""
    incidents: dict[str, list[EntryHead]] = defaultdict(list)
    for head in heads:
        incidents[head.incident_id].append(head)
    for members in incidents.values():
        if len(members) > 1:
            members.sort(key=lambda head: (not head.incident_lead, *head.by_stake))
    return sorted(incidents.values(), key=lambda members: members[0].by_stake)
