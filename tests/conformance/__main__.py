"""Compare both engines on thousands of random bills: `python -m tests.conformance --bills 5000 --seed 1`.

Each difference is reduced to the smallest bill that shows it. The bill is stored, and tests/engines/test_conformance.py
runs it again.
"""

import argparse
import sys
import time

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from tests.conformance.reduce import keep, smallest
from tests.conformance.run_both import BatchEntry, Both, case_bills, random_batches
from tests.fakes.local_trino import lacking, trino


def main() -> int:
    """Return exit code 1 if the engines differed on any bill, otherwise 0."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--bills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if missing := lacking():
        sys.exit(missing)
    connection, catalog, started, difference_count, done = connect(), Catalog.load(), time.monotonic(), 0, 0
    cases = case_bills(catalog, connection=connection)
    with trino(for_hours=True) as local_trino:
        both = Both(local_trino, connection, catalog)
        for batch in random_batches(cases, catalog=catalog, bills=options.bills, seed=options.seed):
            for difference in both.differences(batch):
                difference_count += 1
                print(f"{difference.bill.name} {difference.id}: {difference.text}", flush=True)
                bill = smallest(
                    difference.bill,
                    lambda bill, id=difference.id: bool(both.differences([BatchEntry(bill, [id])])),
                )
                print(f"  kept with {len(bill)} rows in {keep(bill, entry=difference.id)}", flush=True)
            done += len(batch)
            print(
                f"{done} bills, {difference_count} differences, {time.monotonic() - started:.0f} s",
                flush=True,
            )
    return min(difference_count, 1)


if __name__ == "__main__":
    sys.exit(main())
