"""Read and replace the periods of the Athena tables in Glue and S3. athena_refresh and other_bills compute them."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from focuswatch.bill.distinguish_bills_and_aws_charges_in_athena_tables import accounts_of_export
from focuswatch.bill.ingest.export_file_and_listing_models import Listing
from focuswatch.bill.ingest.parse_delivery_folder_names import shared_folder
from focuswatch.bill.ingest.select_deliveries_and_flat_files import PeriodDelivery
from focuswatch.bill.refresh.athena_refresh_queries import (
    portions_of_paths,
)
from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import (
    GluePeriod,
    Partitions,
    bill_of,
)
from focuswatch.bill.refresh.write_read_delete_athena_table_files import AthenaTableFiles
from focuswatch.bill.schema.glue_tables_and_partition_keys import PERIOD_TABLES
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.athena_engine import AthenaEngine
from focuswatch.errors import ExportError

if TYPE_CHECKING:
    from mypy_boto3_glue import GlueClient


# Parameter of a partition of the export: the delivered files as JSON, if its folder also contains others. A parameter
# holds 512,000 bytes, more than MOST_PATH_BYTES:
# https://docs.aws.amazon.com/glue/latest/webapi/API_PartitionInput.html
DELIVERED_PATHS = "delivered_paths"
TOO_MANY_PATHS = "too many"


@dataclass(frozen=True)
class AthenaTables:
    """The tables of a deployment on Athena: a Glue database over `files`, the folders below `tables/` of a bucket."""

    engine: AthenaEngine
    glue: "GlueClient"
    files: AthenaTableFiles
    catalog: Catalog

    def periods(self) -> dict[str, GluePeriod]:
        """Return every billing period of the export that detections can read."""
        return self.bills().get("", {})

    def bills(self) -> dict[str, dict[str, GluePeriod]]:
        """Return every billing period that detections can read, by bill; the name of the export is empty."""
        bills: dict[str, dict[str, GluePeriod]] = {}
        for name, period in Partitions(self.glue, self.engine.database, "daily_charges").all().items():
            bills.setdefault(period.bill, {})[name] = period
        return bills

    def delivered_paths(self, period: str) -> list[str]:
        """Return the addresses of the files delivered for a period of the export; empty if its folder has no others.

        Raises ExportError if there are too many files for one statement.
        """
        export = Partitions(self.glue, self.engine.database, "focus_export")
        _, paths = export.locations_with(DELIVERED_PATHS).get(period, ("", ""))
        if paths == TOO_MANY_PATHS:
            raise ExportError(
                f"billing period {period}: the folder of the delivery also contains other files, and the delivery has "
                "too many files to list them in one statement. Delete the files that its manifest does not list"
            )
        return list(json.loads(paths)) if paths else []

    def locate_export(self, deliveries: Iterable[PeriodDelivery], *, listing: Listing) -> None:
        """Set the location of each period in Glue, because AWS may change the case of the folder names.

        If the folder also contains other files, the partition lists the files of the delivery.
        """
        export = Partitions(self.glue, self.engine.database, "focus_export")
        known = export.locations_with(DELIVERED_PATHS)
        for delivery in (one for one in deliveries if one.files):
            folder = shared_folder(PurePosixPath(file.key) for file in delivery.files)
            location = f"s3://{bucket_of(listing)}/{folder}/"
            paths = _paths_as_json(listed_paths(delivery, listing=listing))
            if known.get(delivery.unit) != (location, paths):
                parameters = {DELIVERED_PATHS: paths} if paths else {}
                export.point(delivery.unit, location=location, parameters=parameters)

    def accounts(self) -> list[tuple[str | None, str]]:
        """Return the accounts of the export, each with its main provider. Raises QueryError."""
        rows = self.engine.query(accounts_of_export(self.periods()), label="accounts of the export")
        return [(row["account"], row["provider"]) for row in rows]

    def switch_period(self, period: GluePeriod, *, folders: Mapping[str, str]) -> None:
        """Switch each table to the period's new folder; daily_charges last, as its digest marks the period as done."""
        for table in reversed(PERIOD_TABLES):
            partitions = Partitions(self.glue, self.engine.database, table)
            partitions.point(period.period, location=folders[table], parameters=period.parameters())
            self.files.sweep(table, period.period)

    def remove_bills(self, bills: Collection[str]) -> None:
        """Remove the periods and files of these bills; from daily_charges last, which defines what periods exist."""
        for table in reversed(PERIOD_TABLES) if bills else ():
            names = Partitions(self.glue, self.engine.database, table).locations()
            self.remove_periods((name for name in names if bill_of(name) in bills), tables=(table,))

    def remove_periods(self, periods: Iterable[str], *, tables: Sequence[str] = PERIOD_TABLES) -> None:
        """Remove periods from `tables`, and their files."""
        for period in periods:
            for table in tables:
                Partitions(self.glue, self.engine.database, table).remove(period)
                self.files.remove(table, period)

    def sweep_unread(self, periods: Iterable[str]) -> None:
        """Delete previous folders of unchanged periods, which no statement reads any more."""
        for table in PERIOD_TABLES:
            partitions = Partitions(self.glue, self.engine.database, table).all()
            for period in partitions.keys() & set(periods):
                self.files.sweep_unread(table, period, in_use=partitions[period].location)


def listed_paths(delivery: PeriodDelivery, *, listing: Listing) -> list[str]:
    """Return the addresses of the delivery's files; empty if its folder contains no other files."""
    folders = {file.name.parent for file in delivery.files}
    delivered = {file.name for file in delivery.files}
    shared = shared_folder(delivered)
    # Athena also reads the files in subfolders, such as earlier executions of an export that now overwrites its files.
    beside = any(file.name.is_relative_to(shared) and file.name not in delivered for file in listing.files)
    if len(folders) == 1 and not beside:
        return []
    return [f"s3://{bucket_of(listing)}/{file.key}" for file in delivery.files]


def _paths_as_json(paths: Sequence[str]) -> str:
    """Return the value of DELIVERED_PATHS; empty without paths."""
    if not paths:
        return ""
    return json.dumps(paths) if len(list(portions_of_paths(paths))) == 1 else TOO_MANY_PATHS


def bucket_of(listing: Listing) -> str:
    """Return the bucket of a listing."""
    return listing.source.removeprefix("s3://").partition("/")[0]
