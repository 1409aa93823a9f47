"""Join the tables of several bills on a DuckDB connection, so that detections and reports read them as one.

Each bill keeps its refresh, its state and its completeness (its own first day, last day and settling time). Money is
converted to one currency, at one rate per bill.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import duckdb

from focuswatch.bill.aws_only_views_and_other_provider_warning import IS_AWS, PROVIDER_OF_ACCOUNT
from focuswatch.bill.refresh.currency_conversion import MONEY
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import DeliveryRow
from focuswatch.bill.refresh.views_over_refreshed_files import EXPORT_VIEWS
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.values_as_sql_literals import Value, literal
from focuswatch.errors import ConfigError

COMPLETENESS = "completeness"


@dataclass(frozen=True)
class RefreshedBill:
    """A refreshed bill, whose views on the connection begin with `prefix`.

    `as_of` is the first day that is not analyzed in this bill; `factor` converts its money to the common currency.
    Its charges no longer change after `settle_days`, its AWS charges after `aws_settle_days`.
    `accounts` maps its accounts to their main provider. `deliveries` is its own delivery history.
    """

    name: str
    prefix: str
    as_of: date
    settle_days: int
    aws_settle_days: int
    currency: str
    factor: float
    accounts: Mapping[str | None, str]
    has_aws: bool
    others: frozenset[str]  # providers other than AWS
    deliveries: Sequence[DeliveryRow]


def prefix_views(connection: duckdb.DuckDBPyConnection, *, prefix: str) -> None:
    """Rename the views of the last refreshed bill with a prefix, so that the next refresh does not replace them."""
    for view in EXPORT_VIEWS:
        connection.execute(f"ALTER VIEW {view} RENAME TO {prefix}{view}")


def accounts_of(connection: duckdb.DuckDBPyConnection, *, prefix: str) -> dict[str | None, str]:
    """Return the accounts of a bill whose views have the prefix, each with its main provider."""
    table = f"{prefix}kept_daily_services"
    return dict(connection.execute(PROVIDER_OF_ACCOUNT.format(table=table)).fetchall())


def copy_views(
    connection: duckdb.DuckDBPyConnection, bills: Iterable[RefreshedBill], *, of: duckdb.DuckDBPyConnection
) -> None:
    """Create the views of the bills, which exist on the connection `of`, on `connection`."""
    for bill in bills:
        for view in EXPORT_VIEWS:
            (sql,) = of.execute(
                "SELECT sql FROM duckdb_views() WHERE view_name = ? AND NOT temporary",
                [f"{bill.prefix}{view}"],
            ).fetchone() or ("",)
            connection.execute(sql)


def join_bills(
    connection: duckdb.DuckDBPyConnection,
    bills: Sequence[RefreshedBill],
    *,
    catalog: Catalog,
    currency: str,
    aws_only: bool = False,
) -> dict[str, str]:
    """Create `folded_charges` and one relation for each kept table and `completeness`; return their names.

    `create_views` takes the returned names as `kept`.
    """
    ids = account_ids(bills)
    joined = {}
    for view, shape in EXPORT_VIEWS.items():
        selects = [
            converted_view_select(bill, view, shape, currency=currency, ids=ids[bill.name], aws_only=aws_only)
            for bill in bills
        ]
        connection.execute(f"CREATE OR REPLACE VIEW {view} AS {' UNION ALL '.join(selects)}")
        if view != "folded_charges":
            joined[table := view.removeprefix("kept_")] = view
            for bill, select in zip(bills, selects, strict=True):
                connection.execute(f"CREATE OR REPLACE VIEW {bill.prefix}{table} AS {select}")
    joined[COMPLETENESS] = _completeness(connection, bills, catalog=catalog, aws_only=aws_only)
    return joined


def account_ids(bills: Sequence[RefreshedBill]) -> dict[str, dict[str | None, str]]:
    """Return, by bill, the accounts that get a new ID, because they have no ID or another bill has the same ID.

    Charges without an account get the name of their bill. Raises ConfigError if two bills of one provider have charges
    of the same account, which would be counted twice.
    """
    renamed: dict[str, dict[str | None, str]] = {}
    first: dict[str, RefreshedBill] = {}
    for bill in bills:
        own: dict[str | None, str] = {None: bill.name} if None in bill.accounts else {}
        for account, provider in bill.accounts.items():
            if account is None:
                continue
            before = first.setdefault(account, bill)
            if before is bill:
                continue
            if before.accounts[account] == provider:
                raise ConfigError(
                    f"The bills {before.name} and {bill.name} both contain {provider} charges for account {account}. "
                    "These charges would be counted twice. Specify only one of the two bills."
                )
            own[account] = f"{bill.name}/{account}"
        renamed[bill.name] = own
    return renamed


def joined_accounts(bills: Sequence[RefreshedBill]) -> dict[str, frozenset[str | None]]:
    """Return the accounts of each bill, with the IDs that they have in the joined tables."""
    ids = account_ids(bills)
    return {
        bill.name: frozenset(ids[bill.name].get(account, account) for account in bill.accounts)
        for bill in bills
    }


def joined_deliveries(bills: Iterable[RefreshedBill]) -> list[DeliveryRow]:
    """Return the deliveries of all bills together: for each change of a billing period, the sum over all bills."""
    rows = sorted(
        ((row, bill.name, bill.factor) for bill in bills for row in bill.deliveries),
        key=lambda item: item[0].refreshed_at,
    )
    newest: dict[tuple[date, str], DeliveryRow] = {}
    joined = []
    for row, name, factor in rows:
        money = {"billed_cost": row.billed_cost * factor}
        newest[row.billing_period, name] = row.model_copy(update=money)
        same = [one for (period, _), one in newest.items() if period == row.billing_period]
        total = {
            "charges": sum(one.charges for one in same),
            "billed_cost": sum(one.billed_cost for one in same),
            "delivered_at": max(one.delivered_at for one in same),
        }
        joined.append(row.model_copy(update=total))
    return joined


def days_of(connection: duckdb.DuckDBPyConnection, bill: RefreshedBill) -> frozenset[date]:
    """Return the analyzed days on which a bill has charges."""
    rows = connection.execute(f"SELECT DISTINCT charge_date FROM {bill.prefix}{COMPLETENESS}").fetchall()
    return frozenset(day for (day,) in rows)


def converted_view_select(
    bill: RefreshedBill,
    view: str,
    shape: Mapping[str, str],
    *,
    currency: str,
    ids: Mapping[str | None, str],
    aws_only: bool = False,
) -> str:
    """Return a SELECT of one view of a bill, in the common currency and with the new account IDs."""
    values = {name: name for name in shape}
    if bill.currency != currency:
        values |= {name: f"{name} * {bill.factor!r}" for name in MONEY if name in shape}
        values["BillingCurrency"] = literal(currency)
    if ids:
        values["SubAccountId"] = _account_id(ids)
    listed = ", ".join(value if value == name else f"{value} AS {name}" for name, value in values.items())
    where = f" WHERE {IS_AWS}" if aws_only and bill.others else ""
    return f"(SELECT {listed} FROM {bill.prefix}{view}{where})"


def _account_id(ids: Mapping[str | None, str]) -> str:
    cases = [
        f"WHEN SubAccountId {'IS NULL' if old is None else f'= {literal(old)}'} THEN {literal(new)}"
        for old, new in ids.items()
    ]
    return f"CASE {' '.join(cases)} ELSE SubAccountId END"


def _completeness(
    connection: duckdb.DuckDBPyConnection,
    bills: Sequence[RefreshedBill],
    *,
    catalog: Catalog,
    aws_only: bool,
) -> str:
    """Create the table `completeness` of each bill as of its own end; return the name of a view of all of them."""
    for bill in bills:
        days = bill.aws_settle_days if aws_only else bill.settle_days
        values: dict[str, Value] = {"as_of": bill.as_of, "settle_days": days}
        connection.execute(
            f"CREATE OR REPLACE VIEW daily_services AS SELECT * FROM {bill.prefix}daily_services"
        )
        statement = catalog.tables[COMPLETENESS].render(values)
        connection.execute(f"CREATE OR REPLACE TABLE {bill.prefix}{COMPLETENESS} AS {statement}")
    together = " UNION ALL ".join(f"SELECT * FROM {bill.prefix}{COMPLETENESS}" for bill in bills)
    connection.execute(f"CREATE OR REPLACE VIEW joined_{COMPLETENESS} AS {together}")
    return f"joined_{COMPLETENESS}"
