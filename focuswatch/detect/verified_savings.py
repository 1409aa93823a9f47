"""Verified savings: after a finding is resolved, its cost is read from the bill again."""

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines import Engine
from focuswatch.engines.sql_literals import portions
from focuswatch.findings.finding import DAYS_A_MONTH, Finding, money
from focuswatch.ledger import LedgerEntry

VERIFY_DAYS = 30  # for so long after a finding was resolved its cost is read again


def verified_savings(
    entries: Iterable[LedgerEntry], *, engine: Engine, catalog: Catalog, as_of: date
) -> list[LedgerEntry]:
    """Return the recently resolved waste entries whose `saved_daily` differs from the bill, with the bill's value.

    Raises QueryError.
    """
    since = as_of - timedelta(days=VERIFY_DAYS)
    resolved = [
        entry
        for entry in entries
        if entry.state == "resolved"
        and entry.finding.category == "waste"
        and entry.resolved_on is not None
        and since <= entry.resolved_on <= as_of
    ]
    if not resolved:
        return []
    saved = _saved_daily(resolved, engine=engine, catalog=catalog)
    return [
        entry.model_copy(update={"saved_daily": saved[entry.fingerprint]})
        for entry in resolved
        if saved[entry.fingerprint] != entry.saved_daily
    ]


def _saved_daily(entries: list[LedgerEntry], *, engine: Engine, catalog: Catalog) -> dict[str, Decimal]:
    """Return the daily cost that each finding stated, less its daily cost now; 0 where it costs as much or more."""
    costs: dict[str, float] = {}
    for resolved in portions((entry.fingerprint, *_identity(entry.finding)) for entry in entries):
        statement = catalog.lookups["resolved_costs"].render({"resolved": resolved})
        costs |= {row["fingerprint"]: row["daily_cost"] for row in engine.query(statement, label="saved")}
    saved = {}
    for entry in entries:
        stated = money(entry.finding.monthly_cost / DAYS_A_MONTH)
        saved[entry.fingerprint] = max(stated - money(costs.get(entry.fingerprint)), Decimal(0))
    return saved


def _identity(finding: Finding) -> tuple[str | None, str | None, str | None, str | None]:
    return finding.sub_account_id, finding.region_id, finding.service_name, finding.resource_id
