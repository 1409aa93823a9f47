"""Coverage: which accounts and days the data includes. On stale or partial data nothing is resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from focuswatch.engines import Engine, Row

LATE_DAYS = 3  # a bill whose newest charge is older than this before as_of is stale
GAP_DAYS = 14  # each of the last so many days must have charges
SHRUNK_SHARE = 0.95  # a billing period delivered again with a smaller share of its charges is partial
VANISHED_DAYS = 30  # an account without charges for so many days is closed, not missing
MISSING_DAYS = 3  # an account whose last charge is so many days before the newest is missing

ACCOUNTS = """
SELECT completeness.sub_account_id, max(completeness.last_charge_date) AS last_charge_date
FROM completeness
LEFT JOIN accounts ON completeness.sub_account_id = accounts.sub_account_id
WHERE accounts.closed_on IS NULL
GROUP BY completeness.sub_account_id
"""
DAYS = "SELECT DISTINCT charge_date FROM completeness"
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
    """`doubts` are reasons why nothing may be resolved; `missing_accounts` are accounts without recent data.

    `billed_until` is the last day on which each account was charged.
    """

    doubts: tuple[str, ...] = ()
    missing_accounts: frozenset[str] = frozenset()
    billed_until: Mapping[str | None, date] = field(default_factory=dict)


def coverage(engine: Engine, *, as_of: date) -> Coverage:
    """Return the coverage of the tables on `engine` as of a day. Raises QueryError."""
    days = {row["charge_date"] for row in engine.query(DAYS, label="coverage")}
    if not days:
        return Coverage(doubts=(f"the export has no AWS charges before {as_of}",))
    newest = max(days)
    doubts = []
    if (as_of - newest).days > LATE_DAYS:
        doubts.append(f"the most recent charge is from {newest}, {(as_of - newest).days} days before {as_of}")
    expected = {newest - timedelta(days=back) for back in range(min(GAP_DAYS, (newest - min(days)).days + 1))}
    if gaps := sorted(expected - days):
        doubts.append(f"the export has no charges for {', '.join(map(str, gaps))}")
    doubts += [_shrunk_text(row) for row in engine.query(DELIVERIES, label="coverage") if _is_shrunk(row)]
    accounts = engine.query(ACCOUNTS, label="coverage")
    missing = {row["sub_account_id"] for row in accounts if _is_missing(row["last_charge_date"], newest)}
    until = {row["sub_account_id"]: row["last_charge_date"] for row in accounts}
    return Coverage(tuple(doubts), frozenset(missing), until)


def _is_missing(last_charge: date, newest: date) -> bool:
    return MISSING_DAYS < (newest - last_charge).days < VANISHED_DAYS


def _is_shrunk(row: Row) -> bool:
    return bool(row["charges"] < SHRUNK_SHARE * row["previous_charges"])


def _shrunk_text(row: Row) -> str:
    period = f"{row['billing_period']:%Y-%m}"
    return (
        f"billing period {period} now has {row['charges']:,} charges, previously {row['previous_charges']:,}"
    )
