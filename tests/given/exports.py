"""Exports to read: files in FOCUS columns, and folders as Data Exports delivers them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from focuswatch.bill.refresh.local_refresh import LocalRefresh, refresh
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_engine import connect
from focuswatch.engines.sql_values import literal

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
SHARED = connect()  # every refresh replaces what it makes


def write(path: Path, *rows: Row, types: dict[str, str] | None = None, without: Sequence[str] = ()) -> Path:
    """A file of charges, Parquet or CSV(.gz) as its name says; a row states what is not usual.

    A column whose type is given is written with it; a value is text that DuckDB casts to that type.
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
    """One billing period's delivery below an export's root: its first file, and a manifest of all `listed`."""
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
    """Refreshes one source again and again, over one state."""

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
        """The values of an expression over folded charges, sorted."""
        return [row[0] for row in self.query(f"SELECT {expression} FROM folded_charges ORDER BY ALL")]

    def billed(self) -> float:
        return self.query("SELECT sum(BilledCost) FROM folded_charges")[0][0]

    def stored(self) -> dict[str, bytes]:
        """Everything in the state, by name."""
        files = (path for path in sorted(self.state.rglob("*")) if path.is_file())
        return {str(path.relative_to(self.state)): path.read_bytes() for path in files}


def read(source: Path | str, state: Path) -> Reader:
    """A reader that has refreshed once."""
    reader = Reader(source, state)
    reader.refresh()
    return reader
