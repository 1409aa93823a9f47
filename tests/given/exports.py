"""Write exports for tests, as files with FOCUS columns and as folders of Data Exports, and refresh from them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from focuswatch.bill.refresh.local_refresh import LocalRefresh, refresh
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.values_as_sql_literals import literal

CATALOG = Catalog.load()
TYPES = {
    "BilledCost": "DOUBLE",
    "BillingCurrency": "VARCHAR",
    "BillingPeriodStart": "TIMESTAMP_MS",
    "ChargeCategory": "VARCHAR",
    "ChargePeriodEnd": "TIMESTAMP_MS",
    "ChargePeriodStart": "TIMESTAMP_MS",
    "ConsumedQuantity": "DOUBLE",
    "EffectiveCost": "DOUBLE",
    "ProviderName": "VARCHAR",
    "RegionId": "VARCHAR",
    "ResourceId": "VARCHAR",
    "ServiceName": "VARCHAR",
    "SkuMeter": "VARCHAR",
    "SubAccountId": "VARCHAR",
    "Tags": "MAP(VARCHAR, VARCHAR)",
}
USUAL = {
    "BilledCost": "1.0",
    "BillingCurrency": "USD",
    "BillingPeriodStart": "2026-05-01 00:00:00",
    "ChargeCategory": "Usage",
    "ChargePeriodEnd": "2026-05-03 00:00:00",
    "ChargePeriodStart": "2026-05-02 00:00:00",
    "ConsumedQuantity": "24.0",
    "EffectiveCost": "0.5",
    "ProviderName": "AWS",
    "RegionId": "us-east-1",
    "ResourceId": "i-0",
    "ServiceName": "Amazon Elastic Compute Cloud",
    "SkuMeter": "BoxUsage:m5.large",
    "SubAccountId": "111122223333",
    "Tags": "{team=search}",
}
HOURLY = {"ChargePeriodStart": "2026-05-02 07:00:00", "ChargePeriodEnd": "2026-05-02 08:00:00"}

Row = dict[str, str | None]
WRITER = duckdb.connect()
SHARED = connect()  # a refresh replaces all tables that it creates


def write(path: Path, *rows: Row, types: dict[str, str] | None = None, without: Sequence[str] = ()) -> Path:
    """Write a file of charges, as Parquet or CSV(.gz) by its name; a row has only the values that differ from USUAL.

    `types` replaces the types of columns; a value is text that DuckDB casts to that type.
    """
    columns = {name: type_ for name, type_ in {**TYPES, **(types or {})}.items() if name not in without}
    written = ", ".join(
        f'{_written(name, type_, textual=".csv" in path.name)} AS "{name}"' for name, type_ in columns.items()
    )
    values = ", ".join(
        "(" + ", ".join(literal({**USUAL, **row}.get(name)) for name in columns) + ")"
        for row in rows or ({},)
    )
    names = ", ".join(f'"{name}"' for name in columns)
    select = f"SELECT {written} FROM (VALUES {values}) AS given ({names})"
    options = "FORMAT parquet" if ".parquet" in path.name else "FORMAT csv, HEADER true"
    if path.name.endswith(".gz"):
        options += ", COMPRESSION gzip"
    path.parent.mkdir(parents=True, exist_ok=True)
    WRITER.execute(f"COPY ({select}) TO {literal(str(path))} ({options})")
    return path


def _written(name: str, type_: str, *, textual: bool) -> str:
    cast = f'CAST("{name}" AS {type_})'
    return f"CAST(to_json({cast}) AS VARCHAR)" if textual and type_.startswith("MAP") else cast


def deliver(
    root: Path,
    *rows: Row,
    period: str = "2026-05",
    execution: str = "",
    folder: str = "billing_period",
    listed: Sequence[str] = ("focus-00001.snappy.parquet",),
    types: dict[str, str] | None = None,
) -> Path:
    """Write the delivery of a billing period below an export's root: the first file, and a manifest of all `listed`."""
    partition = f"{folder}={period}" + (f"/{execution}" if execution else "")
    rows = tuple({"BillingPeriodStart": f"{period}-01", **row} for row in rows or ({},))
    path = write(root / "data" / partition / listed[0], *rows, types=types)
    manifest = root / "metadata" / partition / f"{root.name}-Manifest.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    addresses = [f"s3://bucket/prefix/{root.name}/data/{partition}/{name}" for name in listed]
    manifest.write_text(json.dumps({"executionId": "e", "dataFiles": addresses, "additionalOutputFiles": []}))
    return path


@dataclass
class Reader:
    """Refreshes one source repeatedly, with the same state."""

    source: Path | str
    state: Path
    said: list[str] = field(default_factory=list)
    connection: duckdb.DuckDBPyConnection = SHARED

    def refresh(self) -> LocalRefresh:
        return refresh(
            str(self.source),
            connection=self.connection,
            catalog=CATALOG,
            state=self.state,
            progress=self.said.append,
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def column(self, expression: str) -> list[Any]:
        """Return the values of an expression for all folded charges, sorted."""
        return [row[0] for row in self.query(f"SELECT {expression} FROM folded_charges ORDER BY ALL")]

    def billed(self) -> float:
        return self.query("SELECT sum(BilledCost) FROM folded_charges")[0][0]

    def stored(self) -> dict[str, bytes]:
        """Return the content of every file of the state, by name."""
        files = (path for path in sorted(self.state.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.state)): path.read_bytes() for path in files}


def read(source: Path | str, state: Path) -> Reader:
    """Return a reader that has refreshed once."""
    reader = Reader(source, state)
    reader.refresh()
    return reader
