"""Measure bytes and seconds of a refresh and of all detections, and the same detections over the raw export.

    python -m benchmarks.athena_bytes --rows 300000 --grains daily hourly

The statements of the Lambdas run over HTTP on the Athena test endpoint: a real Trino 435 over Glue tables in S3. The
figures are the bytes that this Trino read from S3. The raw export is queried with the same SQL, with views over
`focus_export` as tables. Activity and accounts, small and the same in both, are left out. Needs Java 17 and Maven.
"""

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pyarrow.parquet as pq

from focuswatch.bill.ingest.list_and_copy_from_s3 import list_s3
from focuswatch.bill.refresh.athena_refresh import refresh_export
from focuswatch.bill.refresh.switch_athena_table_periods_and_locate_export import AthenaTables
from focuswatch.bill.refresh.views_over_refreshed_files import daily_select
from focuswatch.bill.refresh.write_read_delete_athena_table_files import AthenaTableFiles
from focuswatch.bill.render_tables_not_stored_on_athena_and_trino import tables_as_of
from focuswatch.bill.schema.columns_of_all_tables import KEPT_TABLES
from focuswatch.bill.schema.glue_tables_and_partition_keys import PERIOD_TABLES
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.detection_placeholder_values import DetectionInput, first_new_day
from focuswatch.detect.run_detection_and_check_rows import run_detection
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.engines.athena_engine import AthenaEngine, Executed
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners
from focuswatch.simulate import Simulated, simulate
from tests.fakes.local_athena_tables import create_tables
from tests.fakes.local_athena_trino import CONNECTOR, over_trino
from tests.fakes.local_aws_with_cdk import LocalAws, local_aws
from tests.fakes.local_trino import trino

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET, DATABASE, WORKGROUP, EXPORT = "bills", "focuswatch", "benchmark", "focus"
MIB = 1 << 20
# Trino's default planning, with dynamic filters; the tests configure Trino to be quick with little memory instead.
DEFAULT_PLANNING: Mapping[str, object] = {"query_max_stage_count": 1000}
# A real bill's files are hundreds of times larger. To read the same share of these small files, Trino must not read
# them whole, nor the bytes between two columns: https://trino.io/docs/435/connector/hive.html
AS_OF_LARGE_FILES = {**CONNECTOR, "parquet.small-file-threshold": "0B", "parquet.max-merge-distance": "4kB"}
ROWS_A_FILE = 10_000_000


@dataclass(frozen=True)
class Measured:
    """Bytes of the tables, and bytes and seconds of the refresh, of each detection and of a whole scan."""

    tables: dict[str, int]
    refresh: list[Executed]
    refresh_seconds: float
    after: "Scanned"
    raw: "Scanned | None"  # over the raw export
    scan: list[Executed]
    scan_seconds: float


@dataclass(frozen=True)
class Scanned:
    """Bytes and seconds of all statements of each detection."""

    bytes_of: Counter[str]
    seconds_of: dict[str, float]


@contextmanager
def account(bill: Simulated, folder: Path) -> Iterator[LocalAws]:
    """Yield a local AWS with a Trino behind its Athena endpoint, and the export delivered but not refreshed."""
    with (
        trino(heap_gib=8) as trino_server,
        local_aws(folder) as aws,
        aws.used(),
        over_trino(aws, trino_server, session=DEFAULT_PLANNING, connector=AS_OF_LARGE_FILES),
    ):
        aws.athena.rows_a_file = ROWS_A_FILE
        aws.client("s3").create_bucket(Bucket=BUCKET)
        results = {"OutputLocation": f"s3://{BUCKET}/results/"}
        aws.client("athena").create_work_group(
            Name=WORKGROUP,
            Configuration={"EnforceWorkGroupConfiguration": True, "ResultConfiguration": results},
        )
        create_tables(aws, bucket=BUCKET, database=DATABASE, export=EXPORT)
        paths = [path for path in bill.export.rglob("*") if path.is_file()]
        for path in sorted(paths, key=lambda path: "metadata" in path.parts):
            aws.client("s3").upload_file(str(path), BUCKET, f"{EXPORT}/{path.relative_to(bill.export)}")
        yield aws


def engine(run_id: str, tables: Mapping[str, str] | None = None) -> AthenaEngine:
    """Return an engine as the Lambda functions use it."""
    return AthenaEngine(
        session=boto3.Session(),
        database=DATABASE,
        workgroup=WORKGROUP,
        results=f"s3://{BUCKET}/unloaded/",
        run_id=run_id,
        tables=dict(tables or {}),
    )


def over_raw(catalog: Catalog, as_of_tables: Mapping[str, str]) -> dict[str, str]:
    """Return every table's SELECT over the raw export."""
    return {
        "folded_charges": daily_select("focus_export").replace("FROM (focus_export)", "FROM focus_export"),
        "daily_charges": catalog.tables["daily_charges"].sql,
        **{name: catalog.tables[name].sql for name in KEPT_TABLES},
        **as_of_tables,
    }


def measured(bill: Simulated, folder: Path, *, with_raw: bool) -> Measured:
    """Refresh all periods and run all detections over the tables; with `with_raw` also over the raw export."""
    catalog, owners = Catalog.load(), Owners.load(bill.owners)
    with account(bill, folder):
        session, refreshing = boto3.Session(), engine("refresh")
        athena_tables = AthenaTables(
            refreshing,
            session.client("glue"),
            AthenaTableFiles(session.client("s3"), BUCKET, "refresh"),
            catalog,
        )
        listing = list_s3(f"s3://{BUCKET}/{EXPORT}", mirror=folder / "mirror")
        started = time.monotonic()
        refreshed = refresh_export(athena_tables, listing, owners=owners, progress=lambda _: None)
        refresh_seconds = time.monotonic() - started
        as_of_tables = tables_as_of(catalog, as_of=refreshed.as_of, names_resources=owners.names_resources)
        inputs = DetectionInput(
            as_of=refreshed.as_of,
            first_new_day=first_new_day(refreshed.as_of, evaluated_until=None),
            required_tags=("team",),
        )
        raw_tables = over_raw(catalog, as_of_tables)
        after = scanned(as_of_tables, catalog=catalog, inputs=inputs)
        scanning = engine("scan", as_of_tables)
        result = scan(
            BillToScan(scanning, as_of=refreshed.as_of, currency="USD"),
            catalog=catalog,
            detections=catalog.enabled,
            owners=owners,
            ledger=SqliteLedger(folder / "ledger.db"),
            progress=lambda _: None,
        )
        return Measured(
            tables={name: stored_bytes(session.client("s3"), f"tables/{name}/") for name in PERIOD_TABLES},
            refresh=refreshing.executed,
            refresh_seconds=refresh_seconds,
            after=after,
            scan=scanning.executed,
            scan_seconds=result.seconds,
            raw=scanned(raw_tables, catalog=catalog, inputs=inputs) if with_raw else None,
        )


def stored_bytes(s3: "S3Client", prefix: str) -> int:
    """Return the size of all objects below a prefix."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return sum(item["Size"] for page in pages for item in page.get("Contents", []))


def bytes_read(statements: Iterable[Executed]) -> int:
    """Return the sum of the bytes that the statements read."""
    return sum(statement.scanned_bytes for statement in statements)


def scanned(tables: Mapping[str, str], *, catalog: Catalog, inputs: DetectionInput) -> Scanned:
    """Run the detections one after the other, and return the bytes and seconds of each."""
    bytes_of: Counter[str] = Counter()
    seconds_of: dict[str, float] = {}
    for detection in catalog.enabled:
        detection_engine, started = engine(detection.id, tables), time.monotonic()
        outcome = run_detection(detection, engine=detection_engine, catalog=catalog, inputs=inputs)
        if outcome.error:
            raise SystemExit(f"{detection.id}: {outcome.error}")
        bytes_of[detection.id] = bytes_read(detection_engine.executed)
        seconds_of[detection.id] = time.monotonic() - started
        print(f"{detection.id}: {bytes_of[detection.id]:,}", file=sys.stderr, flush=True)
    return Scanned(bytes_of, seconds_of)


def main() -> None:
    """Print a table for each grain."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows",
        type=int,
        default=1_000_000,
        help="least number of rows; an hourly bill has 7.4 million or more",
    )
    parser.add_argument("--grains", nargs="+", default=["daily", "hourly"], choices=["daily", "hourly"])
    parser.add_argument("--without-raw", action="store_true", help="skip the raw export, which takes longest")
    args = parser.parse_args()
    for grain in args.grains:
        with tempfile.TemporaryDirectory() as scratch:
            bill = simulate(Path(scratch) / "bill", days=90, seed=5, rows=args.rows, grain=grain)
            paths = list(bill.export.rglob("*.parquet"))
            size = sum(path.stat().st_size for path in paths)
            rows = sum(pq.read_metadata(path).num_rows for path in paths)
            result = measured(bill, Path(scratch), with_raw=not args.without_raw)
        print(f"\n{grain}, {rows:,} rows, {size / MIB:.1f} MiB of Parquet, {size / rows:.0f} bytes per row")
        print_result(result, export=size)


def print_result(result: Measured, *, export: int) -> None:
    """Print bytes read and stored, the largest first; `export` is its size in bytes."""
    reads = Counter(statement.label.partition(" ")[0] for statement in result.refresh)
    of_raw = bytes_read(one for one in result.refresh if re.fullmatch(r"refresh of [\d-]+", one.label))
    read = bytes_read(result.refresh)
    print(
        f"The refresh of all periods read {read / MIB:.1f} MiB in {reads.total()} statements, {of_raw / export:.0%}"
    )
    print("of the export by those that read it, one a period. Tables:", end=" ")
    print(", ".join(f"{name} {size / export:.1%}" for name, size in result.tables.items()), "of its size.\n")
    print("| detection | bytes read after a refresh | seconds | bytes read from the raw export | seconds |")
    print("|---|---|---|---|---|")
    for id, bytes_ in result.after.bytes_of.most_common():
        raw = (
            f"{result.raw.bytes_of[id] / MIB:.1f} MiB | {result.raw.seconds_of[id]:.1f}"
            if result.raw
            else "|"
        )
        print(f"| {id} | {bytes_ / MIB:.2f} MiB | {result.after.seconds_of[id]:.1f} | {raw} |")
    total, seconds = result.after.bytes_of.total(), sum(result.after.seconds_of.values())
    raw = "|"
    if result.raw:
        raw_total, raw_seconds = result.raw.bytes_of.total(), sum(result.raw.seconds_of.values())
        raw = f"**{raw_total / MIB:.1f} MiB**, of which {total / raw_total:.1%} | {raw_seconds:.0f}"
    everything = f"**all detections**, {total / export:.0%} of the export"
    print(f"| {everything} | **{total / MIB:.1f} MiB** | {seconds:.0f} | {raw} |")
    print(
        f"\nThe refresh took {result.refresh_seconds:.0f} s. A whole scan, with root causes and owners, read "
        f"{bytes_read(result.scan) / MIB:.1f} MiB in {len(result.scan)} statements and took "
        f"{result.scan_seconds:.0f} s.",
        flush=True,
    )


if __name__ == "__main__":
    main()
