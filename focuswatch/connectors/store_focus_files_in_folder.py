"""Store one vendor's charges as FOCUS 1.2 files in a local folder; see focus_file_store_protocol."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from focuswatch.connectors.focus_file_store_protocol import (
    FILE_NAME,
    ORDER,
    other_accounts,
    period_path,
    periods_of,
)
from focuswatch.connectors.focus_row_of_vendor_charge import COLUMNS, BillingAccount, focus_row, period_of
from focuswatch.connectors.vendor_charge_record import VendorCharge
from focuswatch.engines.duckdb_connection_macros_and_tables import file_list
from focuswatch.engines.quote_sql_identifier import quoted
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.errors import ConfigError

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class FocusFolder:
    """FocusFileStore in a folder; focuswatch.bill.ingest.select_deliveries_and_flat_files reads this layout."""

    path: Path

    def newest_day(self) -> date | None:
        """Return the newest day with charges; see FocusFileStore."""
        files = self._files
        if not files:
            return None
        with _connection() as connection:
            (newest,) = connection.execute(
                f"SELECT CAST(max(ChargePeriodStart) AS DATE) FROM {_read(files)}"
            ).fetchall()[0]
        return newest if isinstance(newest, date) else None

    def check_account(self, account: BillingAccount) -> None:
        """Raise ConfigError if the files belong to another account; see FocusFileStore."""
        files = self._files
        if not files:
            return
        with _connection() as connection:
            found = connection.execute(
                f"SELECT DISTINCT ProviderName, BillingAccountId FROM {_read(files)} ORDER BY ALL"
            ).fetchall()
        if others := other_accounts(found, account=account):
            raise ConfigError(
                f"{self.path} contains charges of {others}; expected {account.vendor} {account.id}. "
                "Choose another folder, because a folder can contain files of only one billing account"
            )

    def replace_days(
        self, charges: Sequence[VendorCharge], *, account: BillingAccount, first: date, until: date
    ) -> None:
        """Replace the days [first, until); see FocusFileStore. A billing period without charges has no file."""
        rows: dict[date, list[tuple[Any, ...]]] = defaultdict(list)
        for charge in charges:
            rows[period_of(charge.day)].append(focus_row(charge, account=account))
        self.path.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path / ".lock"), _connection() as connection:
            for period in periods_of(first, until):
                _replace(connection, self.path / period_path(period), rows[period], first=first, until=until)

    @property
    def _files(self) -> list[Path]:
        return sorted(self.path.glob(f"data/billing_period=*/{FILE_NAME}"))


def _replace(
    connection: "duckdb.DuckDBPyConnection",
    path: Path,
    rows: Sequence[tuple[Any, ...]],
    *,
    first: date,
    until: date,
) -> None:
    types = ", ".join(f"{quoted(name)} {type_}" for name, type_ in COLUMNS.items())
    connection.execute(f"CREATE OR REPLACE TABLE charges ({types})")
    if path.exists():
        connection.execute(
            f"INSERT INTO charges BY NAME SELECT * FROM {_read([path])} "
            f"WHERE ChargePeriodStart < {literal(first)} OR ChargePeriodStart >= {literal(until)}"
        )
    if rows:
        connection.executemany(f"INSERT INTO charges VALUES ({', '.join('?' * len(COLUMNS))})", rows)
    (count,) = connection.execute("SELECT count(*) FROM charges").fetchall()[0]
    if not count:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.tmp")  # hidden, so that no scan reads it
    try:
        connection.execute(
            f"COPY (FROM charges ORDER BY {', '.join(ORDER)}) "
            f"TO {literal(str(unfinished))} (FORMAT parquet, COMPRESSION zstd)"
        )
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _connection() -> "duckdb.DuckDBPyConnection":
    import duckdb

    return duckdb.connect()


def _read(files: Sequence[Path]) -> str:
    return f"read_parquet({file_list(map(str, files))}, hive_partitioning = false, union_by_name = true)"
