"""The findings that the page lists, by incident, and those of them that get a chart of their daily cost."""

from collections.abc import Iterable, Sequence
from datetime import date

from focuswatch.engines.sql_values import Scalar
from focuswatch.findings.stake import EVENTS
from focuswatch.ledger import LedgerEntry, Suppression, SuppressionIndex
from focuswatch.ledger.incident_lists import by_incident

MOST_SERIES = 10  # of each category: as many as the page lists at first


def shown_incidents(
    entries: Iterable[LedgerEntry], suppressions: Iterable[Suppression], *, as_of: date
) -> list[list[LedgerEntry]]:
    """Return the findings that are open and not suppressed, by incident.

    The incident of highest stake comes first, and in each incident its lead.
    """
    index = SuppressionIndex(suppressions)
    return by_incident(
        entry for entry in entries if entry.state == "open" and not index.suppresses(entry.finding, on=as_of)
    )


def series_of(incidents: Iterable[Sequence[LedgerEntry]]) -> list[tuple[Scalar, ...]]:
    """Return what identifies the daily cost of the highest anomalies and security findings, for `finding_days`."""
    leads = [members[0].finding for members in incidents]
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
