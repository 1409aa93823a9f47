"""Bytes that Athena's bill counts: the refresh, all detections after it, and the same detections over the raw export.

    python -m benchmarks.athena_bytes --rows 300000 --grains daily hourly

The statements are those that a Lambda sends, over HTTP, to the tests' Athena, which hands them to a real Trino 435
over Glue's tables in S3; counted is what that Trino read from S3. The raw export is asked as people ask it today:
the same SQL, its tables views over `focus_export`. Activity and accounts, small and the same in both, are not there.
Needs Java 17 and Maven.
"""

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3

from focuswatch.bill.ingest.s3_source import list_s3
from focuswatch.bill.refresh.athena_refresh import AthenaTables
from focuswatch.bill.refresh.athena_statements import tables_as_of
from focuswatch.bill.refresh.local_views import daily_select
from focuswatch.bill.refresh.table_files import Files
from focuswatch.bill.schema.glue_columns import PERIOD_TABLES
from focuswatch.bill.schema.table_columns import KEPT_TABLES
from focuswatch.catalog.catalog import Catalog
from focuswatch.detect.run_detection import DetectionInput, first_new_day, run_detection
from focuswatch.engines.athena_engine import AthenaEngine, Executed
from focuswatch.owners.owners_file import Owners
from focuswatch.simulate import Simulated, simulate
from tests.fakes.local_athena_tables import create_tables
from tests.fakes.local_athena_trino import CONNECTOR, over_trino
from tests.fakes.local_aws import LocalAws, local_aws
from tests.fakes.local_trino import trino

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET, DATABASE, WORKGROUP, EXPORT = "bills", "focuswatch", "benchmark", "focus"
MIB = 1 << 20
# As a Trino plans for itself, dynamic filters and all; the tests' has to be quick with little.
OWN_WAY: Mapping[str, object] = {"query_max_stage_count": 1000}
# A real bill's files are hundreds of times these. So that no more is read of these than of those, in proportion, small
# files are not read whole, nor what lies between two columns: https://trino.io/docs/435/connector/hive.html
AS_OF_LARGE_FILES = {**CONNECTOR, "parquet.small-file-threshold": "0B", "parquet.max-merge-distance": "4kB"}
ROWS_A_FILE = 10_000_000


@dataclass(frozen=True)
class Measured:
    """Bytes: of the tables a refresh made, of its statements, of each detection after it and over the raw export."""

    tables: dict[str, int]
    refresh: list[Executed]
    after: Counter[str]
    raw: Counter[str] | None


@contextmanager
def account(bill: Simulated, folder: Path) -> Iterator[LocalAws]:
    """An AWS with the export delivered, nothing refreshed, and a Trino behind its Athena."""
    with (
        trino(heap_gib=8) as raised,
        local_aws(folder) as aws,
        aws.used(),
        over_trino(aws, raised, session=OWN_WAY, connector=AS_OF_LARGE_FILES),
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
    """What a Lambda asks with."""
    return AthenaEngine(
        session=boto3.Session(), database=DATABASE, workgroup=WORKGROUP, results=f"s3://{BUCKET}/unloaded/",
        run_id=run_id, tables=dict(tables or {}),
    )  # fmt: skip


def over_raw(catalog: Catalog, as_of_tables: Mapping[str, str]) -> dict[str, str]:
    """Every table as a view over the raw export."""
    return {
        "folded_charges": daily_select("focus_export").replace("FROM (focus_export)", "FROM focus_export"),
        "daily_charges": catalog.tables["daily_charges"].sql,
        **{name: catalog.tables[name].sql for name in KEPT_TABLES},
        **as_of_tables,
    }


def measured(bill: Simulated, folder: Path, *, with_raw: bool) -> Measured:
    """Refresh all periods, then ask all detections of the tables, and perhaps once more of the raw export."""
    catalog, owners = Catalog.load(), Owners.load(bill.owners)
    with account(bill, folder):
        session, refreshing = boto3.Session(), engine("refresh")
        keeper = AthenaTables(
            refreshing, session.client("glue"), Files(session.client("s3"), BUCKET, "refresh"), catalog
        )
        listing = list_s3(f"s3://{BUCKET}/{EXPORT}", mirror=folder / "mirror")
        refreshed = keeper.refresh(listing, owners=owners, progress=lambda _: None)
        as_of_tables = tables_as_of(catalog, as_of=refreshed.as_of, names_resources=owners.names_resources)
        question = DetectionInput(
            as_of=refreshed.as_of,
            first_new_day=first_new_day(refreshed.as_of, evaluated_until=None),
            required_tags=("team",),
        )
        raw_tables = over_raw(catalog, as_of_tables)
        return Measured(
            tables={name: stored_bytes(session.client("s3"), f"tables/{name}/") for name in PERIOD_TABLES},
            refresh=refreshing.executed,
            after=scanned(as_of_tables, catalog=catalog, question=question),
            raw=scanned(raw_tables, catalog=catalog, question=question) if with_raw else None,
        )


def stored_bytes(s3: "S3Client", prefix: str) -> int:
    """The size of all objects below a prefix."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
    return sum(found["Size"] for page in pages for found in page.get("Contents", []))


def scanned(tables: Mapping[str, str], *, catalog: Catalog, question: DetectionInput) -> Counter[str]:
    """Bytes by detection, all its statements together."""
    bytes_of: Counter[str] = Counter()
    for detection in catalog.live:
        asked = engine(detection.id, tables)
        outcome = run_detection(detection, engine=asked, catalog=catalog, inputs=question)
        if outcome.error:
            raise SystemExit(f"{detection.id}: {outcome.error}")
        bytes_of[detection.id] = sum(one.scanned_bytes for one in asked.executed)
        print(f"{detection.id}: {bytes_of[detection.id]:,}", file=sys.stderr, flush=True)
    return bytes_of


def main() -> None:
    """Print a table for each grain."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--grains", nargs="+", default=["daily", "hourly"], choices=["daily", "hourly"])
    parser.add_argument(
        "--without-raw", action="store_true", help="leave out the raw export, which takes longest"
    )
    args = parser.parse_args()
    for grain in args.grains:
        with tempfile.TemporaryDirectory() as scratch:
            bill = simulate(Path(scratch) / "bill", days=90, seed=5, rows=args.rows, grain=grain)
            size = sum(path.stat().st_size for path in bill.export.rglob("*.parquet"))
            found = measured(bill, Path(scratch), with_raw=not args.without_raw)
        print(
            f"\n{grain}, {args.rows:,} rows, {size / MIB:.1f} MiB of Parquet, {size / args.rows:.0f} bytes a row"
        )
        told(found, export=size)


def told(found: Measured, *, export: int) -> None:
    """Print what was read and what is stored, costliest first; `export` is its size in bytes."""
    reads = Counter(one.label.partition(" ")[0] for one in found.refresh)
    of_raw = sum(one.scanned_bytes for one in found.refresh if re.fullmatch(r"refresh of [\d-]+", one.label))
    read = sum(one.scanned_bytes for one in found.refresh)
    print(
        f"The refresh of all periods read {read / MIB:.1f} MiB in {reads.total()} statements, {of_raw / export:.0%}"
    )
    print("of the export in those that read it, one a period. Tables made of it:", end=" ")
    print(", ".join(f"{name} {size / export:.1%}" for name, size in found.tables.items()), "of its size.\n")
    print("| detection | after a refresh, MiB | over the raw export, MiB |\n|---|---|---|")
    for id, bytes_ in found.after.most_common():
        print(
            f"| {id} | {bytes_ / MIB:.2f} | {found.raw[id] / MIB:.1f} |"
            if found.raw
            else f"| {id} | {bytes_ / MIB:.2f} | |"
        )
    total = found.after.total()
    beside = (
        f"{found.raw.total() / MIB:.1f}**, of which {total / found.raw.total():.1%}" if found.raw else "**"
    )
    print(f"| **all**, {total / export:.0%} of the export | **{total / MIB:.1f}** | **{beside} |", flush=True)


if __name__ == "__main__":
    main()
