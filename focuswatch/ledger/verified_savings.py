"""What was really saved: after a finding is resolved the bill is read again."""

from datetime import date, timedelta
from decimal import Decimal

from focuswatch.catalog.catalog import Catalog
from focuswatch.engines import Engine
from focuswatch.engines.sql_literals import portions
from focuswatch.findings.finding import DAYS_A_MONTH, Finding, money
from focuswatch.ledger import Decision, Ledger, LedgerEntry

VERIFY_DAYS = 30  # for so long after a finding was resolved its cost is read again


def record_verified_savings(engine: Engine, *, ledger: Ledger, catalog: Catalog, as_of: date) -> None:
    """Write `saved_daily` of every waste finding resolved lately, as the bill shows it now."""
    since = as_of - timedelta(days=VERIFY_DAYS)
    entries = [
        entry
        for entry in ledger.entries().values()
        if entry.state == "resolved"
        and entry.finding.category == "waste"
        and entry.resolved_on is not None
        and since <= entry.resolved_on <= as_of
    ]
    if not entries:
        return
    saved = _saved_daily(entries, engine=engine, catalog=catalog)
    changed = tuple(
        entry.model_copy(update={"saved_daily": saved[entry.fingerprint]})
        for entry in entries
        if saved.get(entry.fingerprint) not in (None, entry.saved_daily)
    )
    ledger.update(lambda _entries, _silences: Decision(changed, ()), evaluated=())


def _saved_daily(entries: list[LedgerEntry], *, engine: Engine, catalog: Catalog) -> dict[str, Decimal]:
    """What each was told to cost a day, less what it costs now; nothing where it costs as much or more."""
    costs: dict[str, float] = {}
    for resolved in portions((entry.fingerprint, *_identity(entry.finding)) for entry in entries):
        statement = catalog.lookups["resolved_costs"].render({"resolved": resolved})
        costs |= {row["fingerprint"]: row["daily_cost"] for row in engine.query(statement, label="saved")}
    saved = {}
    for entry in entries:
        promised = money(entry.finding.monthly_cost / DAYS_A_MONTH)
        saved[entry.fingerprint] = max(promised - money(costs.get(entry.fingerprint)), Decimal(0))
    return saved


def _identity(finding: Finding) -> tuple[str | None, str | None, str | None, str | None]:
    return finding.sub_account_id, finding.region_id, finding.service_name, finding.resource_id
