"""Build the rows of the table `known_findings`, so that reports can query the ledger's findings like charges."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date

from focuswatch.catalog.sql_catalog import Report
from focuswatch.engines import Engine
from focuswatch.engines.find_tables_read_by_sql import tables_read_by
from focuswatch.findings.compute_finding_amounts_and_event_end import DAYS_A_MONTH
from focuswatch.ledger import Ledger, LedgerEntry, Suppression, SuppressionIndex
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.use_case_and_intent_of_finding import (
    AccountTags,
    Purpose,
    purpose_of_finding,
    tags_of_accounts,
)

TABLE = "known_findings"


@dataclass(frozen=True)
class KnownFinding:
    """A row of the table.

    The fields are in the order of focuswatch.bill.schema.columns_of_all_tables.KNOWN_FINDINGS.
    """

    fingerprint: str
    detection: str
    category: str
    severity: str
    state: str
    is_silenced: bool
    sub_account_id: str | None
    sub_account_name: str | None
    region_id: str | None
    service_name: str | None
    resource_id: str | None
    team: str | None
    use_case: str | None
    intent: str | None
    title: str
    monthly_cost: float
    saved_monthly: float | None  # None until the saving is verified on the bill
    first_seen: date
    resolved_on: date | None
    acknowledged_on: date | None
    # False if another finding in the same state includes this cost; totals then exclude the row.
    is_counted: bool


def findings_rows(
    entries: Iterable[LedgerEntry],
    suppressions: Iterable[Suppression],
    *,
    as_of: date,
    owners: Owners,
    account_tags: AccountTags,
) -> list[tuple[object, ...]]:
    """Return a row for every entry of the ledger, sorted by fingerprint."""
    index, listed = SuppressionIndex(suppressions), list(entries)
    states = {entry.fingerprint: (entry.state, index.suppresses(entry.finding, on=as_of)) for entry in listed}
    rows = (
        _row(
            entry,
            is_silenced=states[entry.fingerprint][1],
            is_counted=states.get(entry.finding.counted_in or "") != states[entry.fingerprint],
            purpose=purpose_of_finding(entry, owners=owners, account_tags=account_tags),
        )
        for entry in listed
    )
    return [astuple(row) for row in sorted(rows, key=lambda row: row.fingerprint)]


def findings_table_rows(
    ledger: Ledger, *, engine: Engine, owners: Owners, as_of: date
) -> list[tuple[object, ...]]:
    """Return the rows for all findings of a ledger. Raises QueryError.

    `engine` provides the tags of accounts.
    """
    snapshot = ledger.snapshot()
    return findings_rows(
        snapshot.entries.values(),
        snapshot.suppressions,
        as_of=as_of,
        owners=owners,
        account_tags=tags_of_accounts(engine),
    )


def reads_ledger(report: Report) -> bool:
    """Return whether a report queries the table `known_findings`."""
    return TABLE in tables_read_by(report.sql, {TABLE: ""})


def _row(entry: LedgerEntry, *, is_silenced: bool, is_counted: bool, purpose: Purpose) -> KnownFinding:
    finding, saved = entry.finding, entry.saved_daily
    use_case, intent = purpose
    return KnownFinding(
        fingerprint=entry.fingerprint,
        detection=finding.detection,
        category=finding.category,
        severity=finding.severity,
        state=entry.state,
        is_silenced=is_silenced,
        sub_account_id=finding.sub_account_id,
        sub_account_name=finding.sub_account_name,
        region_id=finding.region_id,
        service_name=finding.service_name,
        resource_id=finding.resource_id,
        team=finding.team,
        use_case=use_case,
        intent=intent,
        title=finding.title,
        monthly_cost=float(finding.monthly_cost),
        saved_monthly=None if saved is None else float(saved * DAYS_A_MONTH),
        first_seen=finding.first_seen,
        resolved_on=entry.resolved_on,
        acknowledged_on=entry.acknowledged_on,
        is_counted=is_counted,
    )
