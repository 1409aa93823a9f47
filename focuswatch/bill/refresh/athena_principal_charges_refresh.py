"""Refresh the Athena table `principal_charges` from the export with IAM principals; athena_refresh refreshes the bill.

A billing period switches to its new files in one step. If a period fails, it keeps its previous rows.
"""

import hashlib
from collections.abc import Callable
from pathlib import PurePosixPath

from focuswatch.bill.ingest.export_file_and_listing_models import Listing
from focuswatch.bill.ingest.parse_delivery_folder_names import shared_folder
from focuswatch.bill.ingest.select_deliveries_and_flat_files import PeriodDelivery, deliveries_of
from focuswatch.bill.refresh.athena_refresh_queries import principals_of_period
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import digest_of
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import (
    AthenaTables,
    bucket_of,
    listed_paths,
)
from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import Partitions
from focuswatch.errors import QueryError

RAW_TABLE, FOLDED_TABLE = "principal_export", "principal_charges"
FOLDING_VERSION = "1"  # increase it when periods are folded differently, so that all are folded again


def refresh_principals(
    tables: AthenaTables, listing: Listing, *, progress: Callable[[str], None]
) -> tuple[str, ...]:
    """Fold every billing period whose delivery changed; return warnings, such as one for each skipped period.

    Raises ExportError if the listing contains no export or several.
    """
    warnings: list[str] = []
    deliveries = deliveries_of(
        listing, warn=warnings.append, skip=lambda period, why: warnings.append(f"{period}: {why}")
    )
    folded = Partitions(tables.glue, tables.engine.database, FOLDED_TABLE)
    before = folded.locations_with("digest")
    for delivery in deliveries:
        digest = _digest(delivery, tables)
        if before.get(delivery.unit, ("", ""))[1] == digest:
            continue
        try:
            _refresh_period(tables, delivery, listing=listing, digest=digest)
        except QueryError as error:
            warnings.append(f"{delivery.unit}: {error}")
        else:
            progress(f"refreshed the table of Bedrock callers for {delivery.unit}")
    for period, location in folded.locations().items():
        tables.files.sweep_unread(FOLDED_TABLE, period, in_use=location)
    return tuple(f"callers of Bedrock: {warning}" for warning in warnings)


def _refresh_period(tables: AthenaTables, delivery: PeriodDelivery, *, listing: Listing, digest: str) -> None:
    period, folder = delivery.unit, tables.files.new_folder(FOLDED_TABLE, delivery.unit)
    if delivery.files:  # for a month without callers, AWS delivers only a manifest that lists no files
        located = shared_folder(PurePosixPath(file.key) for file in delivery.files)
        raw = Partitions(tables.glue, tables.engine.database, RAW_TABLE)
        raw.point(period, location=f"s3://{bucket_of(listing)}/{located}/", parameters={})
        statement = principals_of_period(
            tables.catalog, period=period, paths=listed_paths(delivery, listing=listing)
        )
        tables.engine.unload(statement, to=folder, label=f"refresh of {FOLDED_TABLE} {period}")
    folded = Partitions(tables.glue, tables.engine.database, FOLDED_TABLE)
    folded.point(period, location=folder, parameters={"digest": digest})
    tables.files.sweep(FOLDED_TABLE, period)


def _digest(delivery: PeriodDelivery, tables: AthenaTables) -> str:
    made_by = f"{FOLDING_VERSION}\n{tables.catalog.tables[FOLDED_TABLE].sql}"
    return hashlib.sha256(f"{made_by}\n{digest_of(delivery)}".encode()).hexdigest()
