"""Refresh the Trino tables: fold every changed billing period into new rows, then switch the views to these rows.

A reader of a view sees the old rows of a period or the new ones, never a mix. A refresh that fails before it switches
a view changes no view; the next refresh folds the periods again that were not recorded.
"""

import hashlib
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from focuswatch.bill.refresh import trino_refresh_statements
from focuswatch.bill.refresh.athena_and_trino_fold_and_kept_table_queries import (
    digest_of_folding,
    folded,
    kept_table,
)
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import DeliveryRow
from focuswatch.bill.schema import columns_of_all_tables
from focuswatch.bill.schema.focus_columns_and_their_names_in_files import PRICING_COST, PRICING_CURRENCY
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines import Row
from focuswatch.engines.trino_engine import TrinoEngine
from focuswatch.engines.values_as_sql_literals import literal, literals
from focuswatch.errors import ConfigError, ExportError, QueryError
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import USD

FOLDING_VERSION = "2"  # increase it when periods are folded differently, so that all are folded again
MOST_DELIVERIES = 1000  # rows of the delivery history; late bills are detected from the newest
REFRESHED_PERIODS_VIEW = "refreshed_periods"  # view that records the folded periods; it is replaced last
SHAPES = {"daily_charges": columns_of_all_tables.DAILY_CHARGES, **columns_of_all_tables.KEPT_TABLES}


class TrinoPeriod(BaseModel):
    """A billing period as it was folded; `run` marks its rows, `run_before` the rows that a reader may still read."""

    model_config = ConfigDict(frozen=True)

    period: date
    digest: str
    run: str
    run_before: str | None
    charges: int
    billed_cost: float
    currency: str
    first_charge_date: date
    last_charge_date: date
    providers: dict[str, int] = {}  # charges of providers other than AWS
    per_usd: float | None = None  # units of its currency for one US dollar, if the export prices in dollars

    @property
    def part(self) -> str:
        """The value of the column `part` in its rows."""
        return f"{self.period:%Y%m}_{self.run}"

    @property
    def part_before(self) -> str | None:
        """The value of the column `part` in the rows that it replaced."""
        return self.run_before and f"{self.period:%Y%m}_{self.run_before}"


@dataclass(frozen=True)
class TrinoTables:
    """The tables in one Trino schema that are computed from `export`, a FOCUS 1.2 table in Trino."""

    engine: TrinoEngine
    export: str
    catalog: Catalog

    def tables(self) -> set[str]:
        """Return the names of all tables and views of the schema."""
        rows = self.engine.query(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema",
            label="tables",
        )
        return {row["table_name"] for row in rows}

    def refresh(self, *, progress: Callable[[str], None]) -> list[TrinoPeriod]:
        """Fold the changed periods; return all. Raises ExportError, QueryError, and ConfigError if an upgrade fails."""
        found = self.engine.query(trino_refresh_statements.facts(self.export), label="facts of the export")
        _check_facts(found, export=self.export)
        existing = self.tables()
        before = {period.period: period for period in self._recorded_periods(existing)}
        run = f"{datetime.now(UTC):%Y%m%d%H%M%S}_{uuid.uuid4().hex[:6]}"
        made_by = digest_of_folding(self.catalog, version=FOLDING_VERSION)
        known = [
            _period(row, before=before.get(row["billing_period"]), run=run, made_by=made_by) for row in found
        ]
        after = self._with_providers_and_rates(known, found)
        changed = [period for period in after if period.run == run]
        progress(f"{len(changed)} of {len(after)} billing periods changed")
        self._make_tables(existing)
        for period in changed:
            self._fold(period)
        if changed or before.keys() - {period.period for period in after}:
            self._replace_views(after, changed=changed, before=before.values(), existing=existing)
            self._sweep(after)
        return after

    def _with_providers_and_rates(
        self, periods: Sequence[TrinoPeriod], facts: Sequence[Row]
    ) -> list[TrinoPeriod]:
        """Return the periods with their charges of other providers and own exchange rates, which few exports have."""
        providers: dict[date, dict[str, int]] = defaultdict(dict)
        if any(row["other_charges"] for row in facts):
            statement = trino_refresh_statements.providers(self.export)
            for row in self.engine.query(statement, label="providers of the export"):
                providers[row["billing_period"]][row["provider"]] = row["charges"]
        rates = {} if facts[0]["currency"] == USD else self._own_rates()
        return [
            period.model_copy(
                update={"providers": providers[period.period], "per_usd": rates.get(period.period)}
            )
            for period in periods
        ]

    def _own_rates(self) -> dict[date, float]:
        columns = {
            str(row["Column"]).lower()
            for row in self.engine.query(f"SHOW COLUMNS FROM {self.export}", label="columns of the export")
        }
        if not columns >= {PRICING_CURRENCY, PRICING_COST}:
            return {}
        rows = self.engine.query(
            trino_refresh_statements.own_rates(self.export), label="exchange rate from the export"
        )
        return {row["billing_period"]: row["billed"] / row["dollars"] for row in rows}

    def _recorded_periods(self, existing: set[str]) -> list[TrinoPeriod]:
        if REFRESHED_PERIODS_VIEW not in existing:
            return []
        rows = self.engine.query(f"SELECT period FROM {REFRESHED_PERIODS_VIEW}", label=REFRESHED_PERIODS_VIEW)
        return [TrinoPeriod.model_validate_json(row["period"]) for row in rows]

    def _make_tables(self, existing: set[str]) -> None:
        self._add_columns(existing)
        missing = [name for name in SHAPES if trino_refresh_statements.parts_of(name) not in existing]
        if not missing:
            return
        (found,) = self.engine.query(trino_refresh_statements.CONNECTOR, label="connector")
        for name in missing:
            statement = trino_refresh_statements.create_parts(
                name, SHAPES[name], connector=found["connector_name"]
            )
            self.engine.execute(statement, label=f"refresh: {name}")

    def _add_columns(self, tables: set[str]) -> None:
        """Add the columns that tables made by an earlier version of focuswatch lack."""
        rows = self.engine.query(trino_refresh_statements.COLUMNS, label="columns")
        existing = {(row["table_name"], row["column_name"]) for row in rows}
        for name in (one for one in SHAPES if trino_refresh_statements.parts_of(one) in tables):
            table = trino_refresh_statements.parts_of(name)
            for column, type_ in SHAPES[name].items():
                if (table, column.lower()) not in existing:
                    self._add_column(table, column, type_=type_)

    def _add_column(self, table: str, column: str, *, type_: str) -> None:
        statement = trino_refresh_statements.add_column(table, column, type_=type_)
        try:
            self.engine.execute(statement, label=f"refresh: {table}")
        except QueryError as error:
            if "NOT_SUPPORTED" not in str(error):
                raise
            raise ConfigError(
                f"{table} lacks the column {column}, which this version of focuswatch needs. The Trino connector "
                f"cannot add columns. Run DROP TABLE {table} in the schema that --trino specifies, then scan again."
            ) from error

    def _fold(self, period: TrinoPeriod) -> None:
        label = f"refresh of {period.period:%Y-%m}"
        select = folded(
            self.catalog,
            delivered=trino_refresh_statements.delivered(self.export, period.period),
            period_start=trino_refresh_statements.PERIOD_START,
        )
        self._add("daily_charges", select, period=period, label=label)
        refreshed = (
            f"FROM {trino_refresh_statements.parts_of('daily_charges')}\nWHERE part = {literal(period.part)}"
        )
        for name in columns_of_all_tables.KEPT_TABLES:
            select = kept_table(self.catalog, name, refreshed=refreshed)
            self._add(name, select, period=period, label=f"{label}: {name}")

    def _add(self, name: str, select: str, *, period: TrinoPeriod, label: str) -> None:
        self.engine.execute(
            trino_refresh_statements.add_part(name, SHAPES[name], select, part=period.part), label=label
        )

    def _replace_views(
        self,
        after: Sequence[TrinoPeriod],
        *,
        changed: Sequence[TrinoPeriod],
        before: Iterable[TrinoPeriod],
        existing: set[str],
    ) -> None:
        for name, shape in SHAPES.items():
            parts = [period.part for period in after]
            self._replace_view(name, trino_refresh_statements.these_parts(name, shape, parts))
        recorded = self._deliveries() if "deliveries" in existing else []
        known = {period.period: _reported_facts(period) for period in before}
        known |= {row.billing_period: _reported_facts(row) for row in recorded}  # the newest row is last
        now = datetime.now(UTC).replace(tzinfo=None)
        new_rows = [
            DeliveryRow(
                billing_period=delivery.period,
                delivered_at=now,  # the time of the refresh, because a table does not state when it was written
                refreshed_at=now,
                charges=delivery.charges,
                billed_cost=delivery.billed_cost,
            )
            for delivery in changed
            if known.get(delivery.period) != _reported_facts(delivery)  # otherwise only focuswatch changed
        ]
        if rows := [*recorded, *new_rows][-MOST_DELIVERIES:]:
            self._replace_view("deliveries", trino_refresh_statements.deliveries(rows))
        kept = literals([(period.model_dump_json(),) for period in after])
        self._replace_view(REFRESHED_PERIODS_VIEW, f"SELECT period FROM (VALUES {kept}) AS known(period)")

    def _replace_view(self, name: str, select: str) -> None:
        self.engine.execute(trino_refresh_statements.view(name, select), label=f"refresh: {name}")

    def _deliveries(self) -> list[DeliveryRow]:
        rows = self.engine.query(
            f"SELECT {', '.join(columns_of_all_tables.DELIVERIES)} FROM deliveries "
            "ORDER BY refreshed_at, billing_period",
            label="deliveries",
        )
        return [DeliveryRow.model_validate(row) for row in rows]

    def _sweep(self, after: Sequence[TrinoPeriod]) -> None:
        """Delete the rows that no view has read since the previous refresh, if the connector supports DELETE."""
        kept = {part for period in after for part in (period.part, period.part_before) if part}
        for name in SHAPES:
            parts = trino_refresh_statements.parts_of(name)
            rows = self.engine.query(f"SELECT DISTINCT part FROM {parts}", label=f"refresh: {name}")
            for part in sorted({row["part"] for row in rows} - kept):
                if not self.delete(parts, f"part = {literal(part)}", label=f"refresh: {name}"):
                    return  # the rows of the memory connector end with its server

    def delete(self, table: str, where: str, *, label: str) -> bool:
        """Delete rows, and return whether the connector supports it. Raises QueryError if it fails."""
        try:
            self.engine.execute(f"DELETE FROM {table} WHERE {where}", label=label)
        except QueryError as error:
            if "NOT_SUPPORTED" not in str(error):
                raise
            return False
        return True


def _period(row: Row, *, before: TrinoPeriod | None, run: str, made_by: str) -> TrinoPeriod:
    digest = _digest(row, made_by)
    if before is not None and before.digest == digest:
        return before
    return TrinoPeriod(
        period=row["billing_period"],
        digest=digest,
        run=run,
        run_before=before.run if before else None,
        charges=row["charges"],
        billed_cost=float(row["billed_cost"]),
        currency=row["currency"],
        first_charge_date=row["first_charge_date"],
        last_charge_date=row["last_charge_date"],
    )


def _digest(row: Mapping[str, Any], made_by: str) -> str:
    return hashlib.sha256(f"{made_by}\n{[str(value) for value in row.values()]}".encode()).hexdigest()


def _reported_facts(delivery: TrinoPeriod | DeliveryRow) -> tuple[int, float]:
    """Return what the table `deliveries` reports; a table in Trino does not state when it was delivered."""
    return delivery.charges, delivery.billed_cost


def _check_facts(facts: Sequence[Row], *, export: str) -> None:
    if not facts:
        raise ExportError(f"{export} has no rows. Specify the table that contains the FOCUS export.")
    for row in facts:
        where = f"{export}, billing period {row['billing_period']}"
        if row["billing_period"] is None:
            raise ExportError(f"{export}: BillingPeriodStart is null in some rows. Correct the table")
        if row["without_day"]:
            raise ExportError(f"{where}: ChargePeriodStart is null in some rows. Correct the table")
        if row["currencies"] != 1:
            raise ExportError(
                f"{where}: found {row['currencies']} billing currencies; expected one currency. Use one table per payer"
            )
    if len(currencies := sorted({row["currency"] for row in facts})) > 1:
        raise ExportError(
            f"{export}: billing periods have different currencies ({', '.join(currencies)}); expected one currency. "
            "Use one table per payer"
        )
