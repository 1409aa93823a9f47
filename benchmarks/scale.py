"""Nothing grows faster than its input: time and memory over rows, accounts, findings and series, and their growth.

    python benchmarks/scale.py rows --millions 1 10 50 100 --kinds daily hourly --data /tmp/bills
    python benchmarks/scale.py accounts --accounts 10 100 1000 5000 --millions 2 --data /tmp/bills
    python benchmarks/scale.py findings --findings 10 1000 100000 --data /tmp/bills
    python benchmarks/scale.py series --series 1000 10000 100000 1000000

From the root of the repository. Whole processes as users run them; what a whole process cannot tell (the refresh, each
detection alone) is timed in one of its own. Every table ends with its growth: how much more time and memory for how
much more input, all of one run.
"""

import argparse
import os
from pathlib import Path

from scaling import accounts, findings, rows, series


def main() -> None:
    """Print the tables of what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    over = parser.add_subparsers(dest="over", required=True, metavar="rows|accounts|findings|series")
    of_rows, of_accounts, of_findings, of_series = map(
        over.add_parser, ("rows", "accounts", "findings", "series")
    )
    of_rows.add_argument("--millions", type=int, nargs="+", default=[1, 10])
    of_rows.add_argument(
        "--kinds", nargs="+", default=["daily", "hourly"], choices=["daily", "hourly", "csv"]
    )
    of_rows.add_argument("--days", type=int, default=90)
    of_accounts.add_argument("--accounts", type=int, nargs="+", default=[10, 100, 1000, 5000])
    of_accounts.add_argument("--millions", type=int, default=2, help="rows, in millions")
    of_findings.add_argument("--findings", type=int, nargs="+", default=[10, 100, 1000, 10_000])
    of_series.add_argument("--series", type=int, nargs="+", default=[1000, 10_000, 100_000])
    of_series.add_argument("--days", type=int, default=90)
    for one in (of_rows, of_accounts, of_findings):
        one.add_argument("--data", type=Path, default=Path("/tmp/focuswatch-bills"), help="kept there")
    given = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning\n", flush=True)
    match given.over:
        case "rows":
            for kind in given.kinds:
                rows.measured(kind, millions=given.millions, days=given.days, data=given.data)
        case "accounts":
            accounts.measured(given.accounts, millions=given.millions, data=given.data)
        case "findings":
            findings.measured(given.findings, data=given.data)
        case "series":
            series.measured(given.series, days=given.days)


if __name__ == "__main__":
    main()
