"""The findings that the page lists, by incident, and those of them that get a chart of their daily cost."""

from collections.abc import Sequence
from datetime import date

from focuswatch.engines.sql_literals import Scalar
from focuswatch.findings.stake import EVENTS
from focuswatch.ledger import LedgerEntry, Suppression
from focuswatch.ledger.incident_groups import by_incident

MOST_SERIES = 10  # of each category: as many as the page lists at first


def is_shown(entry: LedgerEntry, suppressions: Sequence[Suppression], *, as_of: date) -> bool:
    """Return whether a finding is open and not suppressed."""
    return entry.state == "open" and not any(
        suppression.is_active_on(as_of) and suppression.covers(entry.finding) for suppression in suppressions
    )


def shown_incidents(
    entries: Sequence[LedgerEntry], suppressions: Sequence[Suppression], *, as_of: date
) -> list[list[LedgerEntry]]:
    """Return the open findings of each incident, highest stake first; the lead is the first of its incident."""
    return by_incident(entry for entry in entries if is_shown(entry, suppressions, as_of=as_of))


def series_of(
    entries: Sequence[LedgerEntry], suppressions: Sequence[Suppression], *, as_of: date
) -> list[tuple[Scalar, ...]]:
    """Return what identifies the daily cost of the highest anomalies and security findings, for `finding_days`."""
    leads = [members[0].finding for members in shown_incidents(entries, suppressions, as_of=as_of)]
    charted = [
        finding
        for category in EVENTS
        for finding in [lead for lead in leads if lead.category == category][:MOST_SERIES]
    ]
    return [
        (
            finding.fingerprint,
            finding.sub_account_id,
            finding.region_id,
            finding.service_name,
            finding.resource_id,
        )
        for finding in charted
    ]
