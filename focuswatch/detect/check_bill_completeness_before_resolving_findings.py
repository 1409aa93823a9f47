"""Check whether a bill is complete enough to resolve findings: late bills, missing days and accounts, fewer charges."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import date, timedelta

from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillPart
from focuswatch.engines import Engine

LATE_DAYS = 3  # a bill whose newest charge is more days before as_of is stale
GAP_DAYS = 14  # most recent days that must all have charges
SHRUNK_SHARE = 0.95  # a billing period redelivered with a smaller share of its previous charges is partial
VANISHED_DAYS = 30  # days without charges after which an account is closed, not missing
MISSING_DAYS = 3  # an account whose last charge is more days before the newest charge is missing

# One statement returns both the bill's days and each account's last day, because Athena bills at least 10 MB per
# statement.
DAYS_AND_ACCOUNTS = """
SELECT
    grouping(completeness.charge_date) = 1 AS is_account,
    completeness.charge_date,
    completeness.sub_account_id,
    max(completeness.last_charge_date) AS last_charge_date,
    max(accounts.closed_on) AS closed_on
FROM completeness
LEFT JOIN accounts ON completeness.sub_account_id = accounts.sub_account_id
GROUP BY GROUPING SETS ((completeness.charge_date), (completeness.sub_account_id))
"""
DELIVERIES = """
SELECT billing_period, charges, previous_charges
FROM (
    SELECT
        billing_period,
        charges,
        lag(charges) OVER (PARTITION BY billing_period ORDER BY refreshed_at) AS previous_charges,
        row_number() OVER (PARTITION BY billing_period ORDER BY refreshed_at DESC) AS recency
    FROM deliveries
) AS numbered_deliveries
WHERE recency = 1 AND charges < previous_charges
"""


@dataclass(frozen=True)
class Coverage:
    """The accounts and days that a bill covers.

    `doubts` are reasons why no finding may be resolved. `missing_accounts` are accounts without recent charges.
    `billed_until` is the last day on which each open account was charged. `accounts` are all accounts on the bill.
    `first_day` is the first day with charges; None without charges.
    """

    doubts: tuple[str, ...] = ()
    missing_accounts: frozenset[str] = frozenset()
    billed_until: Mapping[str | None, date] = field(default_factory=dict)
    accounts: frozenset[str | None] = frozenset()
    first_day: date | None = None


@dataclass(frozen=True)
class IncompleteParts:
    """The accounts of incomplete bills, whose findings may not be resolved, and a note about each of these bills."""

    accounts: frozenset[str | None] = frozenset()
    notes: tuple[str, ...] = ()


def coverage(engine: Engine, *, as_of: date) -> Coverage:
    """Return the coverage of the tables on `engine` as of a day. Raises QueryError."""
    rows = engine.query(DAYS_AND_ACCOUNTS, label="coverage")
    days = {row["charge_date"] for row in rows if not row["is_account"]}
    if not days:
        return Coverage(doubts=(f"the bill has no charges before {as_of}",))
    newest = max(days)
    doubts = _doubts_about(days, as_of=as_of)
    doubts += [
        _shrunk_text(f"{row['billing_period']:%Y-%m}", charges=row["charges"], before=row["previous_charges"])
        for row in engine.query(DELIVERIES, label="coverage")
        if _is_shrunk(row["charges"], before=row["previous_charges"])
    ]
    listed = [row for row in rows if row["is_account"]]
    accounts = [row for row in listed if row["closed_on"] is None]
    missing = {row["sub_account_id"] for row in accounts if _is_missing(row["last_charge_date"], newest)}
    until = {row["sub_account_id"]: row["last_charge_date"] for row in accounts}
    known = frozenset(row["sub_account_id"] for row in listed)
    return Coverage(tuple(doubts), frozenset(missing), until, known, first_day=min(days))


def incomplete_parts(parts: Sequence[BillPart], *, as_of: date) -> IncompleteParts:
    """Return the accounts of the bills in `parts` that are late, partial or lack days, and why."""
    found = {part: doubts for part in parts if (doubts := _doubts_about_part(part, as_of=as_of))}
    return IncompleteParts(
        frozenset(account for part in found for account in part.accounts),
        tuple(
            f"focuswatch did not resolve any findings in {part.name} in this scan, because {'; '.join(doubts)}"
            for part, doubts in found.items()
        ),
    )


def _doubts_about_part(part: BillPart, *, as_of: date) -> list[str]:
    shrunk = [
        _shrunk_text(one.period, charges=one.charges, before=one.charges_before)
        for one in part.replaced
        if _is_shrunk(one.charges, before=one.charges_before)
    ]
    return [*_doubts_about(part.days, as_of=as_of), *shrunk]


def _doubts_about(days: Set[date], *, as_of: date) -> list[str]:
    """Return why a bill with charges on these days may be incomplete: it is late, or days are missing."""
    if not days:
        return [f"the bill has no charges before {as_of}"]
    newest = max(days)
    doubts = []
    if (as_of - newest).days > LATE_DAYS:
        doubts.append(f"the most recent charge is from {newest}, {(as_of - newest).days} days before {as_of}")
    expected = {newest - timedelta(days=back) for back in range(min(GAP_DAYS, (newest - min(days)).days + 1))}
    if gaps := sorted(expected - days):
        doubts.append(f"the bill has no charges for {', '.join(map(str, gaps))}")
    return doubts


def _is_missing(last_charge: date, newest: date) -> bool:
    return MISSING_DAYS < (newest - last_charge).days < VANISHED_DAYS


def _is_shrunk(charges: int, *, before: int) -> bool:
    return charges < SHRUNK_SHARE * before


def _shrunk_text(period: str, *, charges: int, before: int) -> str:
    return f"billing period {period} now has {charges:,} charges, but previously had {before:,}"
