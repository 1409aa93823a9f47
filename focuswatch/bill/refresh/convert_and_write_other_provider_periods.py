"""Convert the billing periods of another provider's bill, and write them to the tables of a deployment."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from focuswatch.bill.aws_only_views_and_other_provider_warning import IS_AWS
from focuswatch.bill.refresh.local_refresh import LocalRefresh
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import MONEY_DIGITS, Unit
from focuswatch.bill.refresh.store_other_bills_state_and_export_accounts import BillState
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables
from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import GluePeriod, period_of_bill
from focuswatch.bill.refresh.views_over_refreshed_files import EXPORT_VIEWS
from focuswatch.bill.schema.columns_of_all_tables import KEPT_TABLES, STORED_TABLES
from focuswatch.bill.schema.glue_tables_and_partition_keys import PERIOD_TABLES
from focuswatch.bill.union_tables_of_several_bills import RefreshedBill, converted_view_select
from focuswatch.engines.values_as_sql_literals import literal

OWN = "own_"  # prefix of the views with the bill's own currency and account IDs
MONTHS = """
SELECT
    billing_period,
    CAST(sum(charges) AS bigint),
    coalesce(sum(BilledCost), 0),
    min(charge_date),
    max(charge_date)
FROM kept_daily_services
GROUP BY 1
ORDER BY 1
"""
PROVIDERS = f"""
SELECT billing_period, ProviderName, CAST(sum(charges) AS bigint)
FROM kept_daily_services
WHERE NOT {IS_AWS}
GROUP BY 1, 2
"""


@dataclass(frozen=True)
class ReadBill:
    """A bill that was just read; the names of its views on the connection begin with OWN."""

    connection: duckdb.DuckDBPyConnection
    refreshed: LocalRefresh
    state: BillState
    made_by: str

    def units(self, month: date) -> dict[str, Unit]:
        """Return the deliveries that have charges of a billing period, by name."""
        units = self.refreshed.export.units.items()
        return {
            name: unit for name, unit in units if any(fact.billing_period == month for fact in unit.facts)
        }


@dataclass(frozen=True)
class BillConversion:
    """The currency, exchange rate and account IDs with which a bill is written."""

    bill: RefreshedBill
    currency: str
    ids: Mapping[str | None, str]
    note: str

    def digest(self, *content: str) -> str:
        """Return a digest of the conversion and `content`."""
        ids = sorted((str(old), new) for old, new in self.ids.items())
        return digest(
            self.currency, self.bill.currency, repr(self.bill.factor), repr(ids), self.note, *content
        )


def digest(*content: str) -> str:
    """Return a digest of texts, which may contain file names in any encoding."""
    return hashlib.sha256("\n".join(content).encode("utf-8", "surrogateescape")).hexdigest()


def create_bill_views(read: ReadBill, conversion: BillConversion, *, charges: str) -> None:
    """Create the views of the bill in the common currency; `charges` is the SELECT of `daily_charges`."""
    for view, shape in EXPORT_VIEWS.items():
        select = converted_view_select(
            conversion.bill, view, shape, currency=conversion.currency, ids=conversion.ids
        )
        read.connection.execute(f"CREATE VIEW {view} AS {select}")
    read.connection.execute(f"CREATE VIEW daily_charges AS {charges}")


def bill_periods(
    read: ReadBill, conversion: BillConversion, *, existing: Mapping[str, GluePeriod]
) -> Iterator[tuple[date, GluePeriod]]:
    """Yield each billing period with the facts for its partition, and without a location yet."""
    providers: dict[date, dict[str, int]] = {}
    for month, provider, charges in read.connection.execute(PROVIDERS).fetchall():
        providers.setdefault(month, {})[provider] = charges
    for month, charges, billed_cost, first, last in read.connection.execute(MONTHS).fetchall():
        name, units = period_of_bill(month, conversion.bill.name), read.units(month)
        lines = sorted(f"{unit_name}\t{unit.digest}" for unit_name, unit in units.items())
        yield (
            month,
            GluePeriod(
                period=name,
                location="",
                digest=conversion.digest(read.made_by, *read.refreshed.summary.conversions, *lines),
                delivered_at=max(unit.delivered_at for unit in units.values()),
                charges=charges,
                billed_cost=round(billed_cost, MONEY_DIGITS),
                currency=conversion.currency,
                first_charge_date=first,
                last_charge_date=min(last, read.state.last_charge_date),
                providers=providers.get(month, {}),
                charges_before=_charges_before(existing.get(name), now=charges),
                note=conversion.note,
            ),
        )


def replace_period(
    read: ReadBill, month: date, period: GluePeriod, *, tables: AthenaTables, scratch: Path
) -> None:
    """Write the rows of one billing period into new folders, and switch the tables to them."""
    folders = {table: tables.files.new_folder(table, period.period) for table in PERIOD_TABLES}
    file = scratch / "charges.parquet"
    for table, columns in STORED_TABLES.items():
        view = f"kept_{table}" if table in KEPT_TABLES else table
        listed = ", ".join(f"{name} AS {name.lower()}" for name in columns)
        select = f"SELECT {listed} FROM {view} WHERE billing_period = {literal(month)}"
        read.connection.execute(f"COPY ({select}) TO {literal(str(file))} (FORMAT parquet)")
        tables.files.upload(file, to=folders[table])
        file.unlink()
    tables.switch_period(period, folders=folders)


def _charges_before(before: GluePeriod | None, *, now: int) -> int | None:
    """Return the number of charges that the period had before that number last changed; None for a new period."""
    if before is None:
        return None
    return before.charges_before if before.charges == now else before.charges
