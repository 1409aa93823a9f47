"""Measure the savings of resolved findings, by reading the cost of their resources from the bill again."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines import Engine
from focuswatch.engines.values_as_sql_literals import Scalar, portions
from focuswatch.findings.compute_finding_amounts_and_event_end import DAYS_A_MONTH
from focuswatch.findings.decimal_money_type_and_rounding import money
from focuswatch.findings.verified_saving_record import VerifiedSaving
from focuswatch.ledger import LedgerEntry

VERIFY_DAYS = 30  # days after a finding is resolved during which its cost is read again
PREVIOUS_DAYS = 7  # days over which the previous cost is averaged
# Days between the end of the previous cost and the last report of the finding, because the cause may be fixed days
# before a finding clears.
PREVIOUS_AGO = 7


def measured_savings(
    entries: Iterable[LedgerEntry], *, engine: Engine, catalog: Catalog, as_of: date
) -> dict[str, VerifiedSaving]:
    """Return the saving of each recently resolved waste finding as the bill now shows it, by fingerprint.

    A finding whose account has no settled days is left out. Raises QueryError.
    """
    since = as_of - timedelta(days=VERIFY_DAYS)
    resolved = {
        entry.fingerprint: entry
        for entry in entries
        if entry.state == "resolved"
        and entry.finding.category == "waste"
        and entry.resolved_on is not None
        and since <= entry.resolved_on <= as_of
    }
    savings = {}
    for portion in portions(_measured(entry) for entry in resolved.values()):
        statement = catalog.lookups["resolved_costs"].render(
            {"resolved": portion, "previous_days": PREVIOUS_DAYS}
        )
        for row in engine.query(statement, label="saved"):
            savings[row["fingerprint"]] = _saving(resolved[row["fingerprint"]], row)
    return savings


def _saving(entry: LedgerEntry, row: Mapping[str, Any]) -> VerifiedSaving:
    """Return the previous cost minus the current cost, limited to the saving that the finding stated.

    The previous cost can be higher than the stated saving: for example, a smaller instance still costs money.
    """
    expected, cost = money(entry.finding.monthly_cost / DAYS_A_MONTH), money(row["daily_cost"])
    previous = max(expected, money(row["previous_daily_cost"]))
    assert entry.resolved_on is not None
    return VerifiedSaving(
        since=entry.resolved_on,
        measured_from=row["first_day"],
        measured_until=row["last_day"],
        daily_cost=cost,
        daily_saving=min(max(previous - cost, Decimal(0)), expected),
        expected_daily_saving=expected,
    )


def _measured(entry: LedgerEntry) -> tuple[Scalar, ...]:
    """Return an entry as a row for the lookup resolved_costs: its identity, and the days of its previous cost."""
    finding = entry.finding
    until = finding.last_seen - timedelta(days=PREVIOUS_AGO)
    first = until - timedelta(days=PREVIOUS_DAYS - 1)
    identity = (finding.sub_account_id, finding.region_id, finding.service_name, finding.resource_id)
    return entry.fingerprint, *identity, first, until
