"""The head of a ledger entry: the fields by which lists filter, sort and group entries, without the finding's texts."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from focuswatch.findings.finding import is_suppressible_by_team
from focuswatch.ledger.ledger_entry import EntryState, LedgerEntry


class EntryHead(NamedTuple):
    """The fields of an entry and its finding; SQLite stores them as columns, in this order.

    `stake` is a float, for sorting only. `tags_json` is the JSON of the tags in the evidence.
    """

    fingerprint: str
    state: EntryState
    detection: str
    category: str
    owned_by: str
    team: str | None
    sub_account_id: str | None
    resource_id: str | None
    stake: float
    incident_id: str
    incident_lead: bool | None
    tags_json: str | None

    @property
    def tags(self) -> Mapping[str, Any]:
        """The tags of the finding's resource."""
        return json.loads(self.tags_json) if self.tags_json else {}

    @property
    def suppressible_by_team(self) -> bool:
        """See Finding.suppressible_by_team."""
        return is_suppressible_by_team(category=self.category, owned_by=self.owned_by)

    @property
    def by_stake(self) -> tuple[float, str, str]:
        """The key that sorts heads by stake, highest first."""
        return -self.stake, self.detection, self.fingerprint


# Returns the fingerprints of the entries to read, in order.
Choose = Callable[[Sequence[EntryHead]], Iterable[str]]


def head_of(entry: LedgerEntry) -> EntryHead:
    """Return the head of an entry."""
    finding = entry.finding
    return EntryHead(
        fingerprint=finding.fingerprint,
        state=entry.state,
        detection=finding.detection,
        category=finding.category,
        owned_by=finding.owned_by,
        team=finding.team,
        sub_account_id=finding.sub_account_id,
        resource_id=finding.resource_id,
        stake=float(finding.stake),
        incident_id=finding.incident_id,
        incident_lead=finding.incident_lead,
        tags_json=json.dumps(finding.tags) if finding.tags else None,
    )


def chosen_entries(entries: Mapping[str, LedgerEntry], choose: Choose) -> list[LedgerEntry]:
    """Return the entries that `choose` selects, for a ledger that stores no heads; see `Ledger.select`."""
    return [entries[fingerprint] for fingerprint in choose([head_of(entry) for entry in entries.values()])]
