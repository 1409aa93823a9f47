"""Refresh the Athena tables: fold every billing period whose delivery changed, and switch to it in one step.

The raw export is read once. A period that cannot be folded keeps its previous tables and does not stop the others. A
refresh without changed deliveries folds nothing.
"""

import hashlib
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from focuswatch.bill.aws_only_views_and_other_provider_warning import other_providers_warning
from focuswatch.bill.ingest.export_file_and_listing_models import Listing
from focuswatch.bill.ingest.select_deliveries_and_flat_files import PeriodDelivery, deliveries_of
from focuswatch.bill.refresh.athena_and_trino_fold_and_kept_table_queries import digest_of_folding
from focuswatch.bill.refresh.athena_refresh_queries import (
    ai_folder,
    facts_of_period,
    kept_table_of_period,
    portions_of_paths,
    providers_of_period,
    rate_of_period,
)
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import MONEY_DIGITS, DeliveryRow, digest_of
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables, listed_paths
from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import (
    GluePeriod,
    Partitions,
    day_after,
)
from focuswatch.bill.refresh.write_athena_period_charges_to_new_folder import ChargesWriter
from focuswatch.bill.schema.columns_of_all_tables import DELIVERIES, KEPT_TABLES, OWNERS
from focuswatch.errors import ExportError, FocuswatchError, QueryError
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import USD
from focuswatch.owners.owners_file import Owners

FOLDING_VERSION = "5"  # increase it when periods are folded differently, so that all are folded again


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


def refresh_export(
    tables: AthenaTables,
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
    tables.remove_bills(tables.bills().keys() - {"", *other_bills})
    warnings: list[str] = []
    failed: dict[str, str] = {}
    deliveries = deliveries_of(listing, warn=warnings.append, skip=failed.__setitem__)
    before = tables.periods()
    made_by = digest_of_folding(tables.catalog, version=FOLDING_VERSION)
    digests = {delivery.unit: _digest(delivery, made_by) for delivery in deliveries}
    changed = [
        delivery
        for delivery in deliveries
        if digests[delivery.unit] != getattr(before.get(delivery.unit), "digest", None)
    ]
    progress(f"{len(changed)} of {len(deliveries)} billing periods changed")
    kept = before.keys() - {delivery.unit for delivery in changed}
    tables.locate_export(deliveries, listing=listing)
    charges = ChargesWriter(tables.engine, tables.files, tables.catalog)
    errors = _PeriodFolder(tables, listing, digests, charges).fold(
        changed, currencies={before[period].currency for period in kept}
    )
    for period, error in errors.items():
        progress(f"billing period {period} is skipped: {error}")
        if isinstance(error, EmptyDeliveryError) and period not in before:
            warnings.append(str(error))
        else:
            failed[period] = str(error)
    done = [delivery for delivery in changed if delivery.unit not in errors]
    tables.sweep_unread(kept)
    after = tables.periods()
    _record_deliveries(tables, done, before=before, after=after)
    for table, shape in OWNERS.items():
        tables.files.write(table, _columns(shape, owners.tables[table]))
    broken = bool(errors) and not done and all(isinstance(one, QueryError) for one in errors.values())
    refreshed = _summary(after, {one.unit for one in done}, warnings, failed=failed)
    return replace(refreshed, athena_failed=broken)


@dataclass(frozen=True)
class _PeriodFolder:
    """Folds billing periods of the export in `listing`; `digests` are those of their deliveries.

    All periods share one writer of charges, which stops sorting after the first period that Athena cannot sort.
    """

    tables: AthenaTables
    listing: Listing
    digests: Mapping[str, str]
    charges: ChargesWriter

    def fold(self, changed: Sequence[PeriodDelivery], *, currencies: set[str]) -> dict[str, FocuswatchError]:
        """Fold the changed periods, and return the errors by period.

        The newest period is first, so that the others must match its currency.
        """
        errors: dict[str, FocuswatchError] = {}
        for delivery in reversed(changed):
            try:
                refreshed = self._fold_period(delivery, currencies=currencies)
            except (ExportError, QueryError) as error:
                errors[delivery.unit] = error
            else:
                currencies = {*currencies, refreshed.currency}
        return errors

    def _fold_period(self, delivery: PeriodDelivery, *, currencies: set[str]) -> GluePeriod:
        tables, period = self.tables, delivery.unit
        if not delivery.files:
            raise EmptyDeliveryError(
                f"billing period {period}: the manifest lists no files. focuswatch keeps the stored charges for this "
                "period"
            )
        folders = {table: tables.files.new_folder(table, period) for table in KEPT_TABLES}
        paths = listed_paths(delivery, listing=self.listing)
        folders["daily_charges"] = self.charges.write(
            period=period, paths=paths, delivered_bytes=sum(file.size for file in delivery.files)
        )
        staged = Partitions(tables.glue, tables.engine.database, "refreshed_charges")
        staged.point(period, location=folders["daily_charges"], parameters={})
        facts = self._facts(delivery, location=folders["daily_charges"], paths=paths)
        if currencies - {facts.currency}:
            raise ExportError(
                f"billing period {period}: the charges are in {facts.currency}, but the charges for other periods are "
                f"in {', '.join(sorted(currencies - {facts.currency}))}; expected one currency. "
                "Use one export per payer"
            )
        unwritten = list(KEPT_TABLES)
        if len(list(portions_of_paths(paths))) == 1:
            # The charges of AI services already have a separate folder.
            unwritten.remove("ai_charges")
            folders["ai_charges"] = ai_folder(folders["daily_charges"])
        for table in unwritten:
            statement = kept_table_of_period(tables.catalog, table, period=period)
            tables.engine.unload(statement, to=folders[table], label=f"refresh of {table} {period}")
        tables.switch_period(facts, folders=folders)
        return facts

    def _facts(self, delivery: PeriodDelivery, *, location: str, paths: Sequence[str]) -> GluePeriod:
        (row,) = self.tables.engine.query(facts_of_period(delivery.unit), label=f"facts of {delivery.unit}")
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
            digest=self.digests[delivery.unit],
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
        rows = self.tables.engine.query(providers_of_period(period), label=f"providers of {period}")
        return {row["provider"]: int(row["charges"]) for row in rows}

    def _own_rate(self, period: str, *, paths: Sequence[str]) -> float | None:
        billed = dollars = 0.0
        for portion in portions_of_paths(paths):
            statement = rate_of_period(period, paths=portion)
            (row,) = self.tables.engine.query(statement, label=f"exchange rate of {period}")
            billed, dollars = billed + row["billed"], dollars + row["dollars"]
        return billed / dollars if dollars else None


def _record_deliveries(
    tables: AthenaTables,
    changed: Sequence[PeriodDelivery],
    *,
    before: Mapping[str, GluePeriod],
    after: Mapping[str, GluePeriod],
) -> None:
    """Add a row to `deliveries` for every period whose delivery changed."""
    recorded = tables.files.read("deliveries", DELIVERIES)
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
        if _reported_facts(before.get(delivery.unit)) != _reported_facts(after[delivery.unit])
    ]
    if rows or not recorded:
        added = [tuple(row.model_dump().values()) for row in rows]
        tables.files.write("deliveries", _columns(DELIVERIES, [*recorded, *added]))


def _digest(delivery: PeriodDelivery, made_by: str) -> str:
    return hashlib.sha256(f"{made_by}\n{digest_of(delivery)}".encode()).hexdigest()


def _reported_facts(period: GluePeriod | None) -> object:
    """Return what the table `deliveries` reports."""
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
    other_providers = other_providers_warning(
        (period.providers for period in after.values()), charges=charges
    )
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
