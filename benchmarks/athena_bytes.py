"""Bytes that Athena's bill counts: the refresh, all detections after it, and the same detections over the raw export.

    python -m benchmarks.athena_bytes --rows 1000000 --grains daily hourly

The statements are those that a Lambda sends, over HTTP, to the tests' Athena, which hands them to a real Trino 435
over Glue's tables in S3; counted is what that Trino read from S3. The raw export is asked as people ask it today:
the same SQL, its tables views over `focus_export`. Activity and accounts, small and the same in both, are not there.
Needs Java 17 and Maven.
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import boto3
from trino.dbapi import Connection

from focuswatch.catalog import Catalog
from focuswatch.columns import KEPT_TABLES
from focuswatch.detect import Question, ask, news_since
from focuswatch.engine.athena import AthenaEngine
from focuswatch.export.s3 import list_s3
from focuswatch.export.views import daily_select
from focuswatch.owners import Owners
from focuswatch.simulate import Simulated, simulate
from focuswatch.warehouse.files import Files
from focuswatch.warehouse.refresh import Warehouse
from focuswatch.warehouse.statements import tables_as_of
from tests.local_athena_tables import create_tables
from tests.local_athena_trino import TrinoRunner, over_trino
from tests.local_aws import LocalAws, local_aws
from tests.local_trino import LocalTrino, trino

BUCKET, DATABASE, WORKGROUP, EXPORT = "bills", "focuswatch", "benchmark", "focus"
MIB = 1 << 20


@dataclass(frozen=True)
class OwnWay(LocalTrino):
    """A Trino that plans as it would for itself, dynamic filters and all; the tests' has to be quick with little."""

    def connect(
        self,
        *,
        catalog: str = "memory",
        schema: str = "default",
        session: Mapping[str, object] = {"query_max_stage_count": 1000},  # noqa: B006 read alone
    ) -> Connection:
        """As LocalTrino.connect."""
        return super().connect(catalog=catalog, schema=schema, session=session)


@contextmanager
def account(bill: Simulated, folder: Path) -> Iterator[LocalAws]:
    """An AWS with the export delivered, nothing refreshed, and a Trino behind its Athena."""
    with (
        trino(heap_gib=8) as raised,
        local_aws(folder) as aws,
        aws.used(),
        over_trino(aws, OwnWay(raised.port)),
    ):
        assert isinstance(aws.athena.runner, TrinoRunner)
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


def measured(bill: Simulated, folder: Path) -> tuple[int, Counter[str], Counter[str]]:
    """Bytes of the refresh, of each detection after it, and of each over the raw export."""
    catalog, owners = Catalog.load(), Owners.load(bill.owners)
    with account(bill, folder):
        session, refreshing = boto3.Session(), engine("refresh")
        keeper = Warehouse(
            refreshing, session.client("glue"), Files(session.client("s3"), BUCKET, "refresh"), catalog
        )
        listing = list_s3(f"s3://{BUCKET}/{EXPORT}", mirror=folder / "mirror")
        refreshed = keeper.refresh(listing, owners=owners, say=lambda _: None)
        as_of_tables = tables_as_of(catalog, as_of=refreshed.as_of)
        question = Question(
            as_of=refreshed.as_of,
            news_since=news_since(refreshed.as_of, looked_until=None),
            required_tags=("team",),
        )
        return (
            sum(one.scanned_bytes for one in refreshing.executed),
            scanned(as_of_tables, catalog=catalog, question=question),
            scanned(over_raw(catalog, as_of_tables), catalog=catalog, question=question),
        )


def scanned(tables: Mapping[str, str], *, catalog: Catalog, question: Question) -> Counter[str]:
    """Bytes by detection, all its statements together."""
    bytes_of: Counter[str] = Counter()
    for detection in catalog.live:
        asked = engine(detection.id, tables)
        outcome = ask(detection, engine=asked, catalog=catalog, question=question)
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
    args = parser.parse_args()
    for grain in args.grains:
        with tempfile.TemporaryDirectory() as scratch:
            bill = simulate(Path(scratch) / "bill", days=90, seed=5, rows=args.rows, grain=grain)
            size = sum(path.stat().st_size for path in bill.export.rglob("*.parquet"))
            refresh, after, raw = measured(bill, Path(scratch))
        print(f"\n{grain}, {args.rows:,} rows, {size / MIB:.1f} MiB of Parquet")
        print(f"The refresh of all periods read {refresh / MIB:.1f} MiB.\n")
        print("| detection | after a refresh, MiB | over the raw export, MiB |\n|---|---|---|")
        for id in sorted(raw, key=lambda id: -after[id]):
            print(f"| {id} | {after[id] / MIB:.2f} | {raw[id] / MIB:.1f} |")
        total, naive = after.total(), raw.total()
        print(
            f"| **all** | **{total / MIB:.1f}** | **{naive / MIB:.1f}**, of which {total / naive:.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
