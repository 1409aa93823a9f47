"""How far a run's word reaches: on stale or partial data nothing is resolved, and why is said."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from focuswatch.engines import Engine, Row

LATE_DAYS = 3  # a bill whose newest charge is older than this before as_of is stale
GAP_DAYS = 14  # every one of the last so many days must have been delivered
SHRUNK_SHARE = 0.95  # a period that was delivered again with fewer charges than this share is partial
VANISHED_DAYS = 30  # an account without charges for so long is gone, not missing
MISSING_DAYS = 3  # an account that trails the newest charge by more than this is missing

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
    """`doubts` say why nothing may be resolved (none: it may); of `missing_accounts` the data tells nothing.

    `billed_until` is the last day on which each account is charged.
    """

    doubts: tuple[str, ...] = ()
    missing_accounts: frozenset[str] = frozenset()
    billed_until: Mapping[str | None, date] = field(default_factory=dict)


def coverage(engine: Engine, *, as_of: date) -> Coverage:
    """What the tables on `engine` can vouch for as of a day."""
    days = {row["charge_date"] for row in engine.query(DAYS, label="coverage")}
    if not days:
        return Coverage(doubts=("the export has no charges before as_of",))
    newest = max(days)
    doubts = []
    if (as_of - newest).days > LATE_DAYS:
        doubts.append(f"the newest charge is of {newest}, {(as_of - newest).days} days before {as_of}")
    expected = {newest - timedelta(days=back) for back in range(min(GAP_DAYS, (newest - min(days)).days + 1))}
    if gaps := sorted(expected - days):
        doubts.append(f"no charges at all were delivered for {', '.join(map(str, gaps))}")
    doubts += [_shrunk(row) for row in engine.query(DELIVERIES, label="coverage") if _is_shrunk(row)]
    accounts = engine.query(ACCOUNTS, label="coverage")
    silent = {row["sub_account_id"] for row in accounts if _is_missing(row["last_charge_date"], newest)}
    until = {row["sub_account_id"]: row["last_charge_date"] for row in accounts}
    return Coverage(tuple(doubts), frozenset(silent), until)


def _is_missing(last_charge: date, newest: date) -> bool:
    return MISSING_DAYS < (newest - last_charge).days < VANISHED_DAYS


def _is_shrunk(row: Row) -> bool:
    return bool(row["charges"] < SHRUNK_SHARE * row["previous_charges"])


def _shrunk(row: Row) -> str:
    period = f"{row['billing_period']:%Y-%m}"
    return f"{period} was delivered with {row['charges']:,} charges where it had {row['previous_charges']:,}"
