"""Read one delivery as a unit: detect the shapes of its files, fold them if necessary, and store tables and facts."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from focuswatch.bill.aws_only_views_and_other_provider_warning import probe_providers
from focuswatch.bill.ingest.detect_columns_with_blanks_and_billing_period import with_blanks_and_period
from focuswatch.bill.ingest.detect_focus_columns_or_reject_file import (
    Shape,
    ShapePart,
    shapes_of,
    without_columns_of_aws,
)
from focuswatch.bill.ingest.exchange_rates_from_costs import own_rates
from focuswatch.bill.ingest.export_file_and_listing_models import ExportFile, changed_file_error
from focuswatch.bill.ingest.find_dates_without_four_digit_year import misread_time, times_of
from focuswatch.bill.ingest.select_deliveries_and_flat_files import PeriodDelivery
from focuswatch.bill.ingest.select_from_files import select_focus_export
from focuswatch.bill.ingest.translate_duckdb_errors import export_error, place_of_files
from focuswatch.bill.refresh.fold_to_daily_parquet import fold
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import Unit, digest_of
from focuswatch.bill.refresh.paths_and_sizes_of_refreshed_files import folded_files, sizes_in, table_file
from focuswatch.bill.refresh.query_period_facts_and_export_grain import (
    SAMPLED_CHARGES,
    PeriodFacts,
    Periods,
    probe_periods,
    probe_services,
)
from focuswatch.bill.refresh.views_over_refreshed_files import daily_select, folded_select, folded_view_sql
from focuswatch.bill.schema.columns_of_all_tables import KEPT_TABLES
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.errors import ExportError
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import USD

UNFINISHED = "unfinished-"
FilesByShape = Mapping[Shape, Sequence[ExportFile]]


@dataclass(frozen=True)
class UnitReader:
    """Reads units on a DuckDB connection, and stores the tables of each in its own folder below `kept`."""

    connection: duckdb.DuckDBPyConnection
    catalog: Catalog
    kept: Path
    made_by: str

    def read(self, delivery: PeriodDelivery) -> Unit:
        """Return the delivery as a unit. Raises ExportError, and stores nothing, if a file cannot be read in full."""
        by_shape: dict[Shape, list[ExportFile]] = {}
        for file, shape in shapes_of(delivery.files, connection=self.connection).items():
            by_shape.setdefault(shape, []).append(file)
        try:
            periods = self._periods(by_shape)
            is_folded = periods.is_hourly or not all(shape.is_native for shape in by_shape)
            files = by_shape if is_folded else self._with_blanks_and_period(by_shape)
            folder, facts, providers = self._keep(delivery, files, folds=is_folded, hourly=periods.is_hourly)
            _check_columns_of_aws(by_shape, charges_of_aws=_charges(facts) - sum(providers.values()))
            rates = self._own_rates(files, facts)
        except (duckdb.Error, ExportError) as error:
            raise self._specific_error(error, delivery, by_shape) from error
        if meanwhile := changed_file_error(delivery.files):
            shutil.rmtree(self.kept / folder, ignore_errors=True)
            raise meanwhile
        return Unit(
            digest=digest_of(delivery),
            delivered_at=delivery.delivered_at,
            bytes=sum(file.size for file in delivery.files),
            parts=tuple(
                ShapePart(shape=shape, files=tuple(str(file.name) for file in found))
                for shape, found in files.items()
            ),
            kept_bytes=sizes_in(self.kept / folder),
            folder=folder,
            is_folded=is_folded,
            periods=periods,
            facts=facts,
            providers=providers,
            rates=rates,
        )

    def _own_rates(self, files: FilesByShape, facts: Iterable[PeriodFacts]) -> dict[str, float]:
        """Return the exchange rates in the files. If all charges are in USD, the files are not read."""
        if all(fact.currency in (None, USD) for fact in facts):
            return {}
        return own_rates(
            {shape: _paths(listed) for shape, listed in files.items()}, connection=self.connection
        )

    def _specific_error(
        self,
        error: duckdb.Error | ExportError,
        delivery: PeriodDelivery,
        by_shape: Mapping[Shape, list[ExportFile]],
    ) -> ExportError:
        """Return a specific error if a file has changed or a time was misread, or else `error` as an ExportError."""
        if found := changed_file_error(delivery.files):
            return found
        if re.search(r"TIMESTAMP|charges are dated|timestamp", str(error)):
            for shape, files in by_shape.items():
                named = times_of(shape.columns, text_only=shape.format == "parquet")
                for file in files:
                    if where := misread_time(
                        self.connection,
                        file.path,
                        format_=shape.format,
                        delimiter=shape.delimiter,
                        named=named,
                    ):
                        return ExportError(where)
        if isinstance(error, ExportError):
            return error
        return export_error(error, files=[file.path for file in delivery.files])

    def _with_blanks_and_period(self, files: FilesByShape) -> FilesByShape:
        """Return the files with shapes that also state the blank columns and the billing period."""
        return {
            with_blanks_and_period(self.connection, shape, _paths(listed)): listed
            for shape, listed in files.items()
        }

    def _periods(self, files: FilesByShape) -> Periods:
        """Return the lengths of charge periods in a sample.

        The sample has the first charges of each Parquet file. For files that need parsing, which is slow, it has only
        the first charges of the first file.
        """
        samples = [
            probe_periods(
                self.connection,
                relation=f"{select_focus_export(shape, _paths(listed), rows=(0, SAMPLED_CHARGES))}"
                if shape.is_native
                else f"{select_focus_export(shape, _paths(listed[:1]))} LIMIT {SAMPLED_CHARGES}",
            )
            for shape, listed in files.items()
        ]
        return Periods(
            usage=sum(item.usage for item in samples),
            intraday=sum(item.intraday for item in samples),
            short=sum(item.short for item in samples),
            monthly=sum(item.monthly for item in samples),
        )

    def _keep(
        self, delivery: PeriodDelivery, files: FilesByShape, *, folds: bool, hourly: bool
    ) -> tuple[str, tuple[PeriodFacts, ...], dict[str, int]]:
        """Write the unit's new folder in one step; return its name, the facts and the charges of other providers."""
        self.kept.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=self.kept))
        try:
            if folds:
                fold(files, hourly=hourly, connection=self.connection, into=unfinished)
                selects = [folded_select(folded_files(unfinished))]
            else:
                selects = [
                    daily_select(select_focus_export(shape, _paths(listed)))
                    for shape, listed in files.items()
                ]
            self._keep_tables(selects, into=unfinished)
            providers = probe_providers(self.connection, table="folded_charges")
            facts = probe_services(
                self.connection,
                file=table_file(unfinished, "daily_services"),
                place=place_of_files([file.path for file in delivery.files]),
            )
            _flush(unfinished)
            folder = self.kept / self._folder_name(delivery)
            shutil.rmtree(folder, ignore_errors=True)  # left by a refresh that did not store its index
            unfinished.rename(folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return folder.name, facts, providers

    def _keep_tables(self, selects: Sequence[str], *, into: Path) -> None:
        """Write the unit's rows of each kept table, one file per table."""
        self.connection.execute(folded_view_sql(selects, temporary=True))
        charges = self.catalog.tables["daily_charges"].sql
        self.connection.execute(f"CREATE OR REPLACE TEMP VIEW daily_charges AS {charges}")
        for name in KEPT_TABLES:
            target = literal(table_file(into, name))
            self.connection.execute(f"COPY ({self.catalog.tables[name].sql}) TO {target} (FORMAT parquet)")

    def _folder_name(self, delivery: PeriodDelivery) -> str:
        """Return a name with the unit and a digest of its content, so that old and new folders can coexist."""
        readable = re.sub(r"[^A-Za-z0-9.-]+", "_", delivery.unit)[-40:]
        content = f"{delivery.unit}\n{digest_of(delivery)}\n{self.made_by}".encode("utf-8", "surrogateescape")
        return f"{readable}-{hashlib.sha256(content).hexdigest()[:16]}"


def _charges(facts: Iterable[PeriodFacts]) -> int:
    return sum(fact.charges for fact in facts)


def _check_columns_of_aws(files: FilesByShape, *, charges_of_aws: int) -> None:
    """Raise ExportError if there are AWS charges and a file lacks a column that AWS charges require."""
    for shape, listed in files.items():
        if charges_of_aws and shape.lacks_of_aws:
            raise without_columns_of_aws(shape, listed[0])


def _flush(folder: Path) -> None:
    """Flush the files to disk, so that after a power failure the index does not list incomplete files."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _paths(files: Sequence[ExportFile]) -> list[str]:
    return [str(file.path) for file in files]
