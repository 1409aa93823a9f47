"""Refresh the Athena table `principal_charges` from the export with IAM principals; athena_refresh refreshes the bill.

A billing period switches to its new files in one step. If a period fails, it keeps its previous rows.
"""

import hashlib
from collections.abc import Callable
from pathlib import PurePosixPath

from focuswatch.bill.ingest.choose_newest_deliveries import PeriodDelivery, deliveries_of
from focuswatch.bill.ingest.file_listing import Listing
from focuswatch.bill.ingest.period_and_execution_folders import shared_folder
from focuswatch.bill.refresh.athena_refresh import AthenaTables, bucket_of, listed_paths
from focuswatch.bill.refresh.athena_statements import principals_of_period
from focuswatch.bill.refresh.refresh_index import digest_of
from focuswatch.bill.refresh.switch_glue_partitions import Partitions
from focuswatch.errors import QueryError

RAW, FOLDED = "principal_export", "principal_charges"


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
    folded = Partitions(tables.glue, tables.engine.database, FOLDED)
    before = folded.digests()
    for delivery in deliveries:
        digest = _digest(delivery, tables)
        if before.get(delivery.unit) == digest:
            continue
        try:
            _refresh_period(tables, delivery, listing=listing, digest=digest)
        except QueryError as error:
            warnings.append(f"{delivery.unit}: {error}")
        else:
            progress(f"refreshed the table of Bedrock callers for {delivery.unit}")
    for period, location in folded.locations().items():
        tables.files.sweep_unread(FOLDED, period, in_use=location)
    return tuple(f"callers of Bedrock: {warning}" for warning in warnings)


def _refresh_period(tables: AthenaTables, delivery: PeriodDelivery, *, listing: Listing, digest: str) -> None:
    period, folder = delivery.unit, tables.files.new_folder(FOLDED, delivery.unit)
    if delivery.files:  # for a month without callers, AWS delivers only a manifest that lists no files
        located = shared_folder(PurePosixPath(file.key) for file in delivery.files)
        raw = Partitions(tables.glue, tables.engine.database, RAW)
        raw.point(period, location=f"s3://{bucket_of(listing)}/{located}/", parameters={})
        statement = principals_of_period(
            tables.catalog, period=period, paths=listed_paths(delivery, listing=listing)
        )
        tables.engine.unload(statement, to=folder, label=f"refresh of {FOLDED} {period}")
    folded = Partitions(tables.glue, tables.engine.database, FOLDED)
    folded.point(period, location=folder, parameters={"digest": digest})
    tables.files.sweep(FOLDED, period)


def _digest(delivery: PeriodDelivery, tables: AthenaTables) -> str:
    made_by = tables.catalog.tables[FOLDED].sql
    return hashlib.sha256(f"{made_by}\n{digest_of(delivery)}".encode()).hexdigest()
