"""Refresh the Athena tables: fold every billing period whose delivery changed, and switch to it in one step.

The raw export is read once. A period that cannot be folded keeps its previous tables and does not stop the others. A
refresh without changed deliveries folds nothing.
"""

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from focuswatch.bill.aws_only_charges import sentence
from focuswatch.bill.ingest.choose_newest_deliveries import PeriodDelivery, deliveries_of
from focuswatch.bill.ingest.file_listing import Listing
from focuswatch.bill.ingest.period_and_execution_folders import shared_folder
from focuswatch.bill.refresh.athena_statements import (
    ai_folder,
    facts_of_period,
    kept_table_of_period,
    portions,
    providers_of_period,
    rate_of_period,
)
from focuswatch.bill.refresh.deployed_bills_statements import accounts_of_export
from focuswatch.bill.refresh.refresh_index import DeliveryRow, digest_of
from focuswatch.bill.refresh.switch_glue_partitions import GluePeriod, Partitions, bill_of, day_after
from focuswatch.bill.refresh.write_and_sweep_athena_files import Files
from focuswatch.bill.refresh.write_athena_period_charges import ChargesWriter
from focuswatch.bill.schema.glue_columns import PERIOD_TABLES
from focuswatch.bill.schema.table_columns import DELIVERIES, KEPT_TABLES, OWNERS
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.errors import ExportError, FocuswatchError, QueryError
from focuswatch.findings.exchange_rates import USD
from focuswatch.owners.owners_file_and_assignment import Owners

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient

MADE_BY = "4"  # increase it when periods are folded differently, so that all are folded again
MONEY_DIGITS = 6


@dataclass(frozen=True)
class AthenaRefresh:
    """The result of a refresh.

    `failed` maps each skipped billing period to the reason; its tables are unchanged. `athena_failed` is True if no
    changed period could be folded because Athena failed: a retry may succeed.
    """

    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    as_of: date
    currency: str
    newest_delivery: datetime
    charges: int
    warnings: tuple[str, ...]
    failed: Mapping[str, str] = field(default_factory=dict)
    athena_failed: bool = False


class EmptyDeliveryError(ExportError):
    """A delivery has no charges, for example of a month that has just started."""


@dataclass(frozen=True)
class AthenaTables:
    """The tables of a deployment on Athena: a Glue database over `files`, the folders below `tables/` of a bucket."""

    engine: AthenaEngine
    glue: "GlueClient"
    files: Files
    catalog: Catalog

    @cached_property
    def _charges(self) -> ChargesWriter:
        return ChargesWriter(self.engine, self.files, self.catalog)

    def periods(self) -> dict[str, GluePeriod]:
        """Return every billing period of the export that detections can read."""
        return self.bills().get("", {})

    def bills(self) -> dict[str, dict[str, GluePeriod]]:
        """Return every billing period that detections can read, by bill; the name of the export is empty."""
        bills: dict[str, dict[str, GluePeriod]] = {}
        for name, period in Partitions(self.glue, self.engine.database, "daily_charges").all().items():
            bills.setdefault(period.bill, {})[name] = period
        return bills

    def accounts(self) -> list[tuple[str | None, str]]:
        """Return the accounts of the export, each with its main provider. Raises QueryError."""
        rows = self.engine.query(accounts_of_export(self.periods()), label="accounts of the export")
        return [(row["account"], row["provider"]) for row in rows]

    def point(self, period: GluePeriod, *, folders: Mapping[str, str]) -> None:
        """Switch each table to the period's new folder; daily_charges last, as its digest marks the period as done."""
        for table in reversed(PERIOD_TABLES):
            partitions = Partitions(self.glue, self.engine.database, table)
            partitions.point(period.period, location=folders[table], parameters=period.parameters())
            self.files.sweep(table, period.period)

    def withdraw(self, bills: Collection[str]) -> None:
        """Remove the periods and files of these bills; from daily_charges last, which defines what periods exist."""
        for table in reversed(PERIOD_TABLES) if bills else ():
            names = Partitions(self.glue, self.engine.database, table).locations()
            self.remove((name for name in names if bill_of(name) in bills), tables=(table,))

    def remove(self, periods: Iterable[str], *, tables: Sequence[str] = PERIOD_TABLES) -> None:
        """Remove periods from `tables`, and their files."""
        for period in periods:
            for table in tables:
                Partitions(self.glue, self.engine.database, table).remove(period)
                self.files.remove(table, period)

    def refresh(
        self,
        listing: Listing,
        *,
        owners: Owners,
        progress: Callable[[str], None],
        other_bills: Collection[str] = (),
    ) -> AthenaRefresh:
        """Fold the changed billing periods of the export in `listing`, newest first.

        A billing period that fails is skipped and named in the result. Bills that are no longer in `other_bills` are
        removed. Raises ExportError if there is no period that detections can read, or if the periods have different
        currencies.
        """
        self.withdraw(self.bills().keys() - {"", *other_bills})
        warnings: list[str] = []
        failed: dict[str, str] = {}
        deliveries = deliveries_of(listing, warn=warnings.append, skip=failed.__setitem__)
        before = self.periods()
        made_by = _made_by(self.catalog)
        digests = {delivery.unit: _digest(delivery, made_by) for delivery in deliveries}
        changed = [
            delivery
            for delivery in deliveries
            if digests[delivery.unit] != getattr(before.get(delivery.unit), "digest", None)
        ]
        progress(f"{len(changed)} of {len(deliveries)} billing periods changed")
        kept = before.keys() - {delivery.unit for delivery in changed}
        self._locate(deliveries, listing=listing)
        errors = self._refresh_changed(
            changed, listing=listing, digests=digests, currencies={before[period].currency for period in kept}
        )
        for period, error in errors.items():
            progress(f"billing period {period} is skipped: {error}")
            if isinstance(error, EmptyDeliveryError) and period not in before:
                warnings.append(str(error))
            else:
                failed[period] = str(error)
        done = [delivery for delivery in changed if delivery.unit not in errors]
        self._sweep_unread(kept)
        after = self.periods()
        self._remember(done, before=before, after=after)
        for table, shape in OWNERS.items():
            self.files.write(table, _columns(shape, owners.tables[table]))
        broken = bool(errors) and not done and all(isinstance(one, QueryError) for one in errors.values())
        refreshed = _summary(after, {one.unit for one in done}, warnings, failed=failed)
        return replace(refreshed, athena_failed=broken)

    def _refresh_changed(
        self,
        changed: Sequence[PeriodDelivery],
        *,
        listing: Listing,
        digests: Mapping[str, str],
        currencies: set[str],
    ) -> dict[str, FocuswatchError]:
        """Fold the changed periods, and return the errors by period.

        The newest period is first, so that the others must match its currency.
        """
        errors: dict[str, FocuswatchError] = {}
        for delivery in reversed(changed):
            try:
                refreshed = self._refresh_period(
                    delivery, listing=listing, digest=digests[delivery.unit], currencies=currencies
                )
            except (ExportError, QueryError) as error:
                errors[delivery.unit] = error
            else:
                currencies = {*currencies, refreshed.currency}
        return errors

    def _locate(self, deliveries: Iterable[PeriodDelivery], *, listing: Listing) -> None:
        """Set the location of each period in Glue, because AWS may change the case of the folder names."""
        export = Partitions(self.glue, self.engine.database, "focus_export")
        known = export.locations()
        for delivery in (one for one in deliveries if one.files):
            folder = shared_folder(PurePosixPath(file.key) for file in delivery.files)
            location = f"s3://{bucket_of(listing)}/{folder}/"
            if known.get(delivery.unit) != location:
                export.point(delivery.unit, location=location, parameters={})

    def _refresh_period(
        self, delivery: PeriodDelivery, *, listing: Listing, digest: str, currencies: set[str]
    ) -> GluePeriod:
        period = delivery.unit
        if not delivery.files:
            raise EmptyDeliveryError(
                f"billing period {period}: the manifest lists no files. focuswatch keeps the stored charges for this "
                "period"
            )
        folders = {table: self.files.new_folder(table, period) for table in KEPT_TABLES}
        paths = listed_paths(delivery, listing=listing)
        folders["daily_charges"] = self._charges.write(
            period=period, paths=paths, delivered_bytes=sum(file.size for file in delivery.files)
        )
        staged = Partitions(self.glue, self.engine.database, "refreshed_charges")
        staged.point(period, location=folders["daily_charges"], parameters={})
        facts = self._facts(delivery, digest=digest, location=folders["daily_charges"], paths=paths)
        if currencies - {facts.currency}:
            raise ExportError(
                f"billing period {period}: the charges are in {facts.currency}, but the charges for other periods are "
                f"in {', '.join(sorted(currencies - {facts.currency}))}; expected one currency. "
                "Use one export per payer"
            )
        unwritten = list(KEPT_TABLES)
        if len(list(portions(paths))) == 1:  # the charges of AI services already have a separate folder
            unwritten.remove("ai_charges")
            folders["ai_charges"] = ai_folder(folders["daily_charges"])
        for table in unwritten:
            statement = kept_table_of_period(self.catalog, table, period=period)
            self.engine.unload(statement, to=folders[table], label=f"refresh of {table} {period}")
        self.point(facts, folders=folders)
        return facts

    def _sweep_unread(self, periods: Iterable[str]) -> None:
        """Delete previous folders of unchanged periods, which no statement reads any more."""
        for table in PERIOD_TABLES:
            partitions = Partitions(self.glue, self.engine.database, table).all()
            for period in partitions.keys() & set(periods):
                self.files.sweep_unread(table, period, in_use=partitions[period].location)

    def _facts(
        self, delivery: PeriodDelivery, *, digest: str, location: str, paths: Sequence[str]
    ) -> GluePeriod:
        (row,) = self.engine.query(facts_of_period(delivery.unit), label=f"facts of {delivery.unit}")
        where = f"billing period {delivery.unit}"
        if not row["charges"]:
            raise EmptyDeliveryError(
                f"{where}: the delivery contains no charges. focuswatch keeps the stored charges for this period"
            )
        if row["without_day"]:
            raise ExportError(f"{where}: some charges have no ChargePeriodStart. Export the period again")
        if row["currencies"] != 1:
            raise ExportError(
                f"{where}: found {row['currencies']} billing currencies; expected one currency. "
                "Use one export per payer"
            )
        if not math.isfinite(row["billed_cost"]):
            raise ExportError(
                f"{where}: BilledCost contains NaN or infinity; expected finite numbers. Export the period again"
            )
        return GluePeriod(
            period=delivery.unit,
            location=location,
            digest=digest,
            delivered_at=delivery.delivered_at,
            charges=int(row["charges"]),
            billed_cost=round(float(row["billed_cost"]), MONEY_DIGITS),
            currency=row["currency"],
            first_charge_date=row["first_charge_date"],
            last_charge_date=row["last_charge_date"],
            per_usd=None if row["currency"] == USD else self._own_rate(delivery.unit, paths=paths),
            providers=self._providers(delivery.unit) if row["other_charges"] else {},
        )

    def _providers(self, period: str) -> dict[str, int]:
        rows = self.engine.query(providers_of_period(period), label=f"providers of {period}")
        return {row["provider"]: int(row["charges"]) for row in rows}

    def _own_rate(self, period: str, *, paths: Sequence[str]) -> float | None:
        billed = dollars = 0.0
        for portion in portions(paths):
            statement = rate_of_period(period, paths=portion)
            (row,) = self.engine.query(statement, label=f"exchange rate of {period}")
            billed, dollars = billed + row["billed"], dollars + row["dollars"]
        return billed / dollars if dollars else None

    def _remember(
        self,
        changed: Sequence[PeriodDelivery],
        *,
        before: Mapping[str, GluePeriod],
        after: Mapping[str, GluePeriod],
    ) -> None:
        """Add a row to `deliveries` for every period whose delivery changed."""
        recorded = self.files.read("deliveries", DELIVERIES)
        now = datetime.now(UTC).replace(tzinfo=None)
        rows = [
            DeliveryRow(
                billing_period=date.fromisoformat(f"{delivery.unit}-01"),
                delivered_at=after[delivery.unit].delivered_at.replace(tzinfo=None),
                refreshed_at=now,
                charges=after[delivery.unit].charges,
                billed_cost=after[delivery.unit].billed_cost,
            )
            for delivery in changed
            if _told(before.get(delivery.unit)) != _told(after[delivery.unit])
        ]
        if rows or not recorded:
            added = [tuple(row.model_dump().values()) for row in rows]
            self.files.write("deliveries", _columns(DELIVERIES, [*recorded, *added]))


def listed_paths(delivery: PeriodDelivery, *, listing: Listing) -> list[str]:
    """Return the addresses of the delivery's files; empty if its folder contains no other files."""
    folders = {file.name.parent for file in delivery.files}
    beside = any(file.name.parent in folders and file not in delivery.files for file in listing.files)
    if len(folders) == 1 and not beside:
        return []
    return [f"s3://{bucket_of(listing)}/{file.key}" for file in delivery.files]


def bucket_of(listing: Listing) -> str:
    """Return the bucket of a listing."""
    return listing.source.removeprefix("s3://").partition("/")[0]


def _made_by(catalog: Catalog) -> str:
    statements = (catalog.tables[name].sql for name in ("folded_charges", *PERIOD_TABLES))
    return hashlib.sha256("\n".join((MADE_BY, *statements)).encode()).hexdigest()


def _digest(delivery: PeriodDelivery, made_by: str) -> str:
    return hashlib.sha256(f"{made_by}\n{digest_of(delivery)}".encode()).hexdigest()


def _told(period: GluePeriod | None) -> object:
    return period and (period.delivered_at, period.charges, period.billed_cost)


def _columns(table: Mapping[str, str], rows: Sequence[tuple[object, ...]]) -> dict[str, list[object]]:
    return {name.lower(): [row[place] for row in rows] for place, name in enumerate(table)}


def _summary(
    after: Mapping[str, GluePeriod],
    changed: set[str],
    warnings: Sequence[str],
    *,
    failed: Mapping[str, str],
) -> AthenaRefresh:
    if not after:
        reason = (
            "; ".join([*failed.values(), *warnings]) or "the first delivery of a new export can take a day"
        )
        raise ExportError(f"no billing period of the export could be read yet: {reason}")
    currencies = sorted({period.currency for period in after.values()})
    if len(currencies) > 1:
        raise ExportError(
            f"billing periods have different currencies ({', '.join(currencies)}); expected one currency. "
            "Use one export per payer"
        )
    charges = sum(period.charges for period in after.values())
    other_providers = sentence((period.providers for period in after.values()), charges=charges)
    return AthenaRefresh(
        changed=tuple(sorted(changed)),
        unchanged=tuple(sorted(after.keys() - changed)),
        as_of=day_after(after.values()),
        currency=currencies[0],
        newest_delivery=max(period.delivered_at for period in after.values()),
        charges=charges,
        warnings=(*warnings, *([other_providers] if other_providers else [])),
        failed=dict(failed),
    )
