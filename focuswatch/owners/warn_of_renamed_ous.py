"""Warn of OUs in owners.toml that no longer contain accounts, such as renamed OUs: their spend may have no owner."""

from collections.abc import Iterator
from datetime import date

from focuswatch.catalog.sql_catalog import PER_USD, Catalog
from focuswatch.engines import Engine, Row
from focuswatch.engines.values_as_sql_literals import Value
from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.first_and_more_text import first_and_more
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate
from focuswatch.owners.owners_file import Owners

ANY_PERIOD = "SELECT sub_account_id FROM account_history LIMIT 1"
MOST_NAMED = 3  # maximum number of current OUs in a warning


def renamed_ou_notes(
    engine: Engine, *, catalog: Catalog, owners: Owners, as_of: date, rate: Rate
) -> Iterator[str]:
    """Yield a sentence for each OU in owners.toml that all its accounts left, highest unallocated cost first.

    The spend is not queried if owners.toml lists no OUs, or if no account has an earlier OU. Raises QueryError.
    """
    if not any(rule.rule == "ou" for rule in owners.rules) or not engine.query(
        ANY_PERIOD, label="renamed OUs"
    ):
        return
    lookup = catalog.lookups["renamed_ous"]
    values: dict[str, Value] = {"as_of": as_of, PER_USD: float(rate.per_usd)}
    days = lookup.header.parameters["days"]
    for row in engine.query(lookup.render(values), label="renamed OUs"):
        yield _sentence(row, currency=rate.currency, days=days)


def _sentence(row: Row, *, currency: str, days: object) -> str:
    ous = [ou for ou in row["current_ous"] or [] if ou]
    shown = first_and_more(ous, most=MOST_NAMED)
    accounts = (
        "Its former account is"
        if row["sub_accounts"] == 1
        else f"Its {row['sub_accounts']} former accounts are"
    )
    return (
        f"owners.toml: the OU {row['ou']} of team {row['team']} has not contained any accounts since {row['left_on']}. "
        f"{accounts} now in {shown or 'no OU'}. Spend since {row['left_on']} (limited to the last {days} days): "
        f"{amount(row['effective_cost'])} {currency}, of which {amount(row['unallocated_cost'])} {currency} is "
        "unallocated. If the OU was renamed, change its name in owners.toml"
    )
