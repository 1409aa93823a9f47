"""Select the findings that the page lists, grouped by incident, and those that get a chart of their daily cost."""

from collections.abc import Iterable, Sequence
from datetime import date

from focuswatch.engines.values_as_sql_literals import Scalar
from focuswatch.findings.compute_finding_amounts_and_event_end import EVENTS
from focuswatch.ledger import LedgerEntry, Suppression, SuppressionIndex
from focuswatch.ledger.group_entries_by_incident import by_incident

CHARTS_PER_CATEGORY = 10  # as many as the page lists initially


def shown_incidents(
    entries: Iterable[LedgerEntry], suppressions: Iterable[Suppression], *, as_of: date
) -> list[list[LedgerEntry]]:
    """Return the findings that are open and not suppressed, grouped by incident.

    The incident with the highest stake comes first, and within each incident the lead finding.
    """
    index = SuppressionIndex(suppressions)
    return by_incident(
        entry for entry in entries if entry.state == "open" and not index.suppresses(entry.finding, on=as_of)
    )


def charted_finding_keys(incidents: Iterable[Sequence[LedgerEntry]]) -> list[tuple[Scalar, ...]]:
    """Return the keys of the anomalies and security findings with the highest stake, whose daily cost is charted.

    The result is the parameter `findings` of the lookup `finding_days`.
    """
    leads = [members[0].finding for members in incidents]
    charted = [
        finding
        for category in EVENTS
        for finding in [lead for lead in leads if lead.category == category][:CHARTS_PER_CATEGORY]
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
