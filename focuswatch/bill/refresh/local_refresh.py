"""Read the changed files of an export into local tables.

The index is written last, so a failed refresh leaves the previous state intact.
"""

import hashlib
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from focuswatch.bill.aws_only_views_and_other_provider_warning import (
    other_providers_warning,
    total_charges_by_provider,
)
from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
from focuswatch.bill.ingest.complete_days_from_recency_metadata import complete_until
from focuswatch.bill.ingest.export_file_and_listing_models import ExportFile, Listing, changed_file_error
from focuswatch.bill.ingest.list_and_copy_from_s3 import SCHEME, delete_unused_copies, list_s3
from focuswatch.bill.ingest.list_local_files import list_source
from focuswatch.bill.ingest.select_deliveries_and_flat_files import (
    PeriodDelivery,
    deliveries_of,
    split_into_files,
)
from focuswatch.bill.ingest.translate_duckdb_errors import export_error
from focuswatch.bill.refresh.athena_and_trino_fold_and_kept_table_queries import digest_of_folding
from focuswatch.bill.refresh.currency_conversion import Conversion, conversion_of
from focuswatch.bill.refresh.delivery_history import create_deliveries, extended
from focuswatch.bill.refresh.duplicate_and_overlapping_files import (
    mark_duplicates,
    possibly_overlapping_units,
)
from focuswatch.bill.refresh.last_day_despite_wrong_dates import end_of
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import (
    DeliveryRow,
    Index,
    Unit,
    digest_of,
    load_index,
    store_index,
)
from focuswatch.bill.refresh.paths_and_sizes_of_refreshed_files import sizes_in, table_files
from focuswatch.bill.refresh.query_period_facts_and_export_grain import Grain, grain_of
from focuswatch.bill.refresh.read_fold_and_store_local_delivery import UnitReader
from focuswatch.bill.refresh.refuse_monthly_or_cumulative_exports import refuse_unusable
from focuswatch.bill.refresh.select_daily_charges_from_refreshed_and_delivered_files import (
    daily_charge_selects,
)
from focuswatch.bill.refresh.select_delivered_charges_with_invoices_or_hours import DeliveredExport
from focuswatch.bill.refresh.views_over_refreshed_files import folded_view_sql, kept_view_sql
from focuswatch.bill.schema.columns_of_all_tables import KEPT_TABLES
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import ExportError, FocuswatchError
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rates

KEPT = "kept"
MIRROR = "s3"
# Deliveries above this size are read one after the other, each on all cores.
SMALL_BYTES = 50_000_000
READING_VERSION = "9"  # increase it when files are read differently, so that all units are read again

NO_METERS = (
    "the export has neither SkuMeter nor x_UsageType, so detections that select charges by these columns find nothing. "
    "Add one of these columns to the export"
)


@dataclass(frozen=True)
class LocalRefresh:
    """The result of a refresh: the extent of the whole export, and which billing periods had to be read."""

    summary: BillSummary
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    focus_version: str
    grain: Grain
    export: DeliveredExport
    others: Mapping[str, int]  # charges of providers other than AWS, by name
    deliveries: tuple[DeliveryRow, ...]  # the history, with the latest row last
    complete_until: date | None  # first incomplete day, if the provider states it


def refresh(
    source: str,
    *,
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    state: Path,
    progress: Callable[[str], None],
    rates: Rates | None = None,
) -> LocalRefresh:
    """Create `folded_charges`, `kept_*` and `deliveries` on the connection, from the export in `source`.

    `source` is a folder, a file or an s3:// address; `state` is the state folder of this export. `progress` reports
    what is about to be read. `rates` are the exchange rates in owners.toml, for charges in several currencies.
    Raises ExportError, which leaves the state of the last refresh unchanged, and ConfigError without an exchange rate.
    """
    state.mkdir(parents=True, exist_ok=True)
    if source.startswith(SCHEME):
        listing = list_s3(source, mirror=state / MIRROR)
    else:
        listing = list_source(Path(source), without=state)
    try:
        return _refresh(
            listing, connection=connection, catalog=catalog, state=state, progress=progress, rates=rates or {}
        )
    except FocuswatchError as error:
        raise type(error)(listing.named(str(error))) from error


def _refresh(
    listing: Listing,
    *,
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    state: Path,
    progress: Callable[[str], None],
    rates: Rates,
) -> LocalRefresh:
    complete, warnings = complete_until(listing)
    old = load_index(state, made_by=made_by(catalog))
    deliveries = tuple(
        item for found in deliveries_of(listing, warn=warnings.append) for item in split_into_files(found)
    )
    changed = [delivery for delivery in deliveries if not _is_known(delivery, old, state=state)]
    progress(_announcement(deliveries, changed))
    listing.fetch([file for delivery in changed for file in delivery.files])
    own = connection.cursor()  # temporary views belong to one cursor
    try:
        read = _read(changed, connection=connection, catalog=catalog, state=state, made_by=old.made_by)
        units = {one.unit: read.get(one.unit) or old.units[one.unit] for one in deliveries}
        if changed or units.keys() != old.units.keys():
            suspected = possibly_overlapping_units(units)
            listing.fetch([file for one in deliveries if one.unit in suspected for file in one.files])
            units = mark_duplicates(units, deliveries, kept=state / KEPT, connection=own)
        counted = {name: unit for name, unit in units.items() if not unit.duplicate_of}
        once = [one for one in deliveries if one.unit in counted]
        refuse_unusable(listing.source, counted, once, connection=connection)
        conversion = conversion_of(listing.source, counted.values(), rates=rates)
    except BaseException:
        _sweep(state, old.units)
        raise
    finally:
        own.close()
    before = {name: unit for name, unit in old.units.items() if not unit.duplicate_of}
    history = extended(
        old.deliveries,
        before=conversion.units(before),
        after=conversion.units(counted),
        refreshed_at=datetime.now(UTC),
    )
    store_index(state, Index(made_by=old.made_by, units=units, deliveries=history))
    _sweep(state, units)
    delete_unused_copies(state / MIRROR, keep=[file.path for file in _needed(units, deliveries)])
    try:
        connection.execute(
            folded_view_sql(daily_charge_selects(counted, once, kept=state / KEPT), conversion=conversion)
        )
        for table in KEPT_TABLES:
            paths = table_files(table, counted, kept=state / KEPT)
            connection.execute(kept_view_sql(table, paths, conversion=conversion))
    except duckdb.Error as error:
        raise unreadable_view_error(
            error, state=state, files=[file for one in once for file in one.files]
        ) from error
    create_deliveries(connection, history)
    export = DeliveredExport(listing, counted, tuple(once))
    return _summary(
        counted,
        {one.unit for one in changed},
        [*warnings, *_counted_once(units)],
        export=export,
        deliveries=history,
        conversion=conversion,
        complete=complete,
    )


def _read(
    changed: Sequence[PeriodDelivery],
    *,
    connection: duckdb.DuckDBPyConnection,
    catalog: Catalog,
    state: Path,
    made_by: str,
) -> dict[str, Unit]:
    """Return the units of deliveries; read two at once if DuckDB reads each on one core, as small or gzip files."""

    def read(delivery: PeriodDelivery) -> Unit:
        own = connection.cursor()  # temporary views belong to one cursor
        try:
            return UnitReader(own, catalog, kept=state / KEPT, made_by=made_by).read(delivery)
        finally:
            own.close()

    if not all(_takes_one_core(delivery) for delivery in changed):
        return {delivery.unit: read(delivery) for delivery in changed}
    with ThreadPoolExecutor(max_workers=2) as pool:
        return dict(zip((delivery.unit for delivery in changed), pool.map(read, changed), strict=True))


def _takes_one_core(delivery: PeriodDelivery) -> bool:
    """Return whether DuckDB reads the delivery on one core."""
    is_small = sum(file.size for file in delivery.files) <= SMALL_BYTES
    return is_small or all(file.path.suffix == ".gz" for file in delivery.files)


def unreadable_view_error(
    error: duckdb.Error, *, state: Path, files: Sequence[ExportFile] = ()
) -> ExportError:
    """Return the ExportError for a DuckDB error in a view over the refreshed files."""
    if str(state / KEPT) in str(error):
        return ExportError(
            f"{state / KEPT}: the stored copy of the export is damaged. Delete this folder and scan again"
        )
    return changed_file_error(files) or export_error(error, files=[file.path for file in files])


def made_by(catalog: Catalog) -> str:
    """Return a digest of how files are read and folded."""
    return digest_of_folding(catalog, version=READING_VERSION)


def _is_known(delivery: PeriodDelivery, index: Index, *, state: Path) -> bool:
    """Return whether a delivery is unchanged since it was read, and its stored files still exist."""
    unit = index.units.get(delivery.unit)
    if unit is None or unit.digest != digest_of(delivery):
        return False
    files_are_there = unit.is_folded or all(file.path.exists() for file in delivery.files)
    return files_are_there and sizes_in(state / KEPT / unit.folder) == unit.kept_bytes


def _announcement(deliveries: Sequence[PeriodDelivery], changed: Sequence[PeriodDelivery]) -> str:
    files = [file for delivery in changed for file in delivery.files]
    size = sum(file.size for file in files) / (1 << 30)
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    return f"{len(changed)} of {len(deliveries)} deliveries changed: {count}, {size:.2f} GiB to read"


def _counted_once(units: Mapping[str, Unit]) -> Iterator[str]:
    """Yield a note for each unit that contains the same charges as another unit."""
    for name, unit in units.items():
        if unit.duplicate_of:
            yield f"{name} contains the same charges as {unit.duplicate_of}; these charges are counted once"


def _needed(units: Mapping[str, Unit], deliveries: Sequence[PeriodDelivery]) -> Iterator[ExportFile]:
    """Return the delivered files that queries read directly, because their units are not folded."""
    return (file for delivery in deliveries if not units[delivery.unit].is_folded for file in delivery.files)


def _sweep(state: Path, units: Mapping[str, Unit]) -> None:
    """Delete the stored folders of units that no longer exist."""
    kept = {unit.folder for unit in units.values()}
    for folder in (state / KEPT).glob("*"):
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)


def _summary(
    units: Mapping[str, Unit],
    changed: set[str],
    warnings: Iterable[str],
    *,
    export: DeliveredExport,
    deliveries: tuple[DeliveryRow, ...],
    conversion: Conversion,
    complete: date | None,
) -> LocalRefresh:
    facts = [fact for unit in units.values() for fact in unit.facts]
    parts = [part for unit in units.values() for part in unit.parts]
    end = end_of(units.values())
    charges = sum(fact.charges for fact in facts)
    other_providers = other_providers_warning((unit.providers for unit in units.values()), charges=charges)
    content = "\n".join(
        [
            *(f"{name}\t{unit.digest}" for name, unit in sorted(units.items())),
            *conversion.notes,
            *([f"complete until {complete}"] if complete else []),
        ]
    )
    others = total_charges_by_provider(unit.providers for unit in units.values())
    lacks_meters = charges > sum(others.values()) and not any(part.shape.has_meters for part in parts)
    summary = BillSummary(
        currency=conversion.currency,
        first_charge_date=min(fact.first_charge_date for fact in facts),
        last_charge_date=end.last_day,
        charges=charges,
        data_digest=hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest(),
        warnings=(
            *warnings,
            *end.warnings,
            *conversion.notes,
            *([other_providers] if other_providers else []),
            *([NO_METERS] if lacks_meters else []),
        ),
        other_providers=other_providers,
        per_usd=conversion.per_usd,
        conversions=conversion.notes,
    )
    return LocalRefresh(
        summary,
        changed=tuple(name for name in units if name in changed),
        unchanged=tuple(name for name in units if name not in changed),
        focus_version=max(part.shape.focus_version for part in parts),
        grain=grain_of([unit.periods for unit in units.values()]),
        export=export,
        others=others,
        deliveries=deliveries,
        complete_until=complete,
    )
