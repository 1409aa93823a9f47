"""Measure wall time and peak memory of whole scans, compared with the minimum of benchmarks/scan_baseline.py.

    python benchmarks/scan.py --millions 1 10 50 --kinds daily hourly csv --data /tmp/bills

Each figure is a whole process. The bills are simulated once into --data and kept there. Scan and minimum run
alternately, --runs times; the ratio is that of their medians.
"""

import argparse
import os
import shutil
import statistics
import sys
from pathlib import Path

from process_usage import Measured, measure

HERE = Path(__file__).resolve().parent
FOCUSWATCH = str(Path(sys.executable).parent / "focuswatch")
MEMBERS = 60


def simulated(data: Path, *, kind: str, millions: int, days: int) -> Path:
    """Return the folder of a simulated bill; create it if it does not exist."""
    out = data / f"{kind}-{millions}m"
    if not (out / "truth.json").exists():
        shutil.rmtree(out, ignore_errors=True)
        grain, form = ("hourly", "csv") if kind == "csv" else (kind, "parquet")
        options = {"--rows": millions * 1_000_000, "--grain": grain, "--format": form, "--days": days}
        words = [str(word) for option in options.items() for word in option]
        run = measure([FOCUSWATCH, "simulate", str(out), "--accounts", str(MEMBERS), "--seed", "5", *words])
        print(f"simulated {out.name}: {run.wall_seconds:.0f} s, {run.peak_gib:.1f} GiB", flush=True)
    return out


def scan_command(bill: Path, state: Path) -> list[str]:
    """Return the command that scans a bill with its activity, accounts and owners."""
    files = {"--activity": "activity.parquet", "--accounts": "accounts.parquet", "--owners": "owners.toml"}
    options = [word for option, name in files.items() for word in (option, str(bill / name))]
    return [FOCUSWATCH, "scan", str(bill / "focus"), "--state", str(state), "--format", "json", *options]


def compared(bill: Path, *, kind: str, runs: int, scratch: Path) -> dict[str, list[Measured]]:
    """Measure the minimum, a first scan and a second scan, alternately."""
    state, written = scratch / "state", scratch / "minimum.parquet"
    figures: dict[str, list[Measured]] = {"minimum": [], "first scan": [], "second scan": []}
    for _ in range(runs):
        shutil.rmtree(state, ignore_errors=True)
        minimum = [sys.executable, str(HERE / "scan_baseline.py"), str(bill / "focus" / "data")]
        figures["minimum"].append(
            measure(minimum if kind == "daily" else [*minimum, "--write", str(written)])
        )
        figures["first scan"].append(measure(scan_command(bill, state)))
        figures["second scan"].append(measure(scan_command(bill, state)))
    written.unlink(missing_ok=True)
    return figures


def main() -> None:
    """Print a row for each kind and size."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--millions", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--kinds", nargs="+", default=["daily", "hourly", "csv"])
    parser.add_argument("--days", type=int, default=90)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--data", type=Path, default=Path("/tmp/focuswatch-bills"))
    arguments = parser.parse_args()
    arguments.data.mkdir(parents=True, exist_ok=True)
    print(f"{os.cpu_count()} cores, medians of {arguments.runs} runs, {arguments.days} days of bill\n")
    print(
        "| bill | minimum (time of the DuckDB statement) | time of the first scan | first scan / minimum "
        "| peak memory of the first scan | peak memory of the DuckDB statement | time of the second scan |"
    )
    print("|---|---|---|---|---|---|---|")
    for kind in arguments.kinds:
        for millions in arguments.millions:
            bill = simulated(arguments.data, kind=kind, millions=millions, days=arguments.days)
            figures = compared(bill, kind=kind, runs=arguments.runs, scratch=arguments.data)
            print(_line(f"{kind}, {millions} million rows", figures), flush=True)


def _line(name: str, figures: dict[str, list[Measured]]) -> str:
    wall = {key: statistics.median(run.wall_seconds for run in runs) for key, runs in figures.items()}
    peak = {key: max(run.peak_gib for run in runs) for key, runs in figures.items()}
    return (
        f"| {name} | {wall['minimum']:.1f} s | {wall['first scan']:.1f} s | {wall['first scan'] / wall['minimum']:.2f} "
        f"| {peak['first scan']:.2f} GiB | {peak['minimum']:.2f} GiB | {wall['second scan']:.1f} s |"
    )


if __name__ == "__main__":
    main()
