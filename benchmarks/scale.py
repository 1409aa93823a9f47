"""Measure how time and memory grow with rows, accounts, findings and series.

    python benchmarks/scale.py rows --millions 1 10 50 100 --kinds daily hourly --data /tmp/bills
    python benchmarks/scale.py accounts --accounts 10 100 1000 5000 --millions 2 --data /tmp/bills
    python benchmarks/scale.py findings --findings 10 1000 100000 --data /tmp/bills
    python benchmarks/scale.py series --series 1000 10000 100000 1000000

Run it from the root of the repository. It measures whole processes as users run them; the refresh and each detection
are timed in a separate process. Every table ends with the growth of time and memory relative to that of the input,
from one run each.
"""

import argparse
import os
from pathlib import Path

from scaling import accounts, findings, rows, scorer_growth


def main() -> None:
    """Print the requested tables."""
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
    for command in (of_rows, of_accounts, of_findings):
        command.add_argument(
            "--data", type=Path, default=Path("/tmp/focuswatch-bills"), help="folder of the simulated bills"
        )
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start\n", flush=True)
    match arguments.over:
        case "rows":
            for kind in arguments.kinds:
                rows.measured(kind, millions=arguments.millions, days=arguments.days, data=arguments.data)
        case "accounts":
            accounts.measured(arguments.accounts, millions=arguments.millions, data=arguments.data)
        case "findings":
            findings.measured(arguments.findings, data=arguments.data)
        case "series":
            scorer_growth.measured(arguments.series, days=arguments.days)


if __name__ == "__main__":
    main()
