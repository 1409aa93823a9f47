"""Measure scans for increasing numbers of rows.

It measures the minimum, a first scan and its steps, and scans after no billing period or one of them changed.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from process_usage import Measured, measure
from scan import scan_command, simulated

from scaling.subprocess_runs import program, run_program
from scaling.table import growth, head, line, ratio

MINIMUM = Path(__file__).resolve().parent.parent / "scan_baseline.py"
PERIODS = ("2026-05", "2026-06")  # a complete month of the simulated bill, and the current one


@dataclass(frozen=True)
class Size:
    """The measurements of one bill."""

    charges: int  # may be more than requested
    minimum: Measured
    first: Measured
    second: Measured
    wall: dict[str, float]  # seconds of the refresh and of each detection
    cpu: dict[str, float]  # likewise
    # Share of the export, seconds of the refresh, and whole scan, by billing period.
    changed: dict[str, tuple[float, float, Measured]]

    @property
    def millions(self) -> float:
        """Return millions of rows."""
        return self.charges / 1e6


def measured(kind: str, *, millions: Sequence[int], days: int, data: Path) -> None:
    """Print the tables of one kind of bill."""
    data.mkdir(parents=True, exist_ok=True)
    print(f"### Rows, {kind}, {days} days\n")
    head(
        [
            "rows",
            "minimum, time",
            "minimum, peak memory",
            "first scan, time",
            "first scan / minimum, time",
            "first scan, peak memory",
            "refresh, time",
            "second scan, time",
        ]
    )
    sizes = []
    for number in millions:
        bill = simulated(data, kind=kind, millions=number, days=days)
        sizes.append(_size(bill, kind=kind, scratch=data / "state"))
        _line(sizes[-1])
    of = [size.millions for size in sizes]
    growth(
        "million rows",
        of,
        {
            "minimum, time": [size.minimum.wall_seconds for size in sizes],
            "first scan, time": [size.first.wall_seconds for size in sizes],
            "first scan, peak memory": [size.first.peak_gib for size in sizes],
            "first scan, CPU time": [size.first.cpu_seconds for size in sizes],
            "refresh, time": [size.wall["refresh"] for size in sizes],
            "second scan, time": [size.second.wall_seconds for size in sizes],
        },
    )
    _changes(sizes)
    _detections(sizes, of=of)


def _size(bill: Path, *, kind: str, scratch: Path) -> Size:
    states = {name: scratch / name for name in ("whole", "apart")}
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    written = scratch / "minimum.parquet"
    folds = [] if kind == "daily" else ["--write", str(written)]
    minimum = measure([sys.executable, str(MINIMUM), str(bill / "focus" / "data"), *folds])
    written.unlink(missing_ok=True)
    whole = scan_command(bill, states["whole"])
    first, second = measure(whole), measure(whole)
    parts, _ = run_program(program("scan_steps", bill, "--state", states["apart"]))
    changed = {}
    for period in PERIODS:
        share = redelivered(bill / "focus", period)
        scan = measure(whole)
        refresh, _ = run_program(program("scan_steps", bill, "--state", states["apart"], "--refresh"))
        changed[period] = share, refresh["wall"]["refresh"], scan
    shutil.rmtree(scratch)
    return Size(parts["charges"], minimum, first, second, parts["wall"], parts["cpu"], changed)


def redelivered(export: Path, period: str) -> float:
    """Replace a billing period's files and manifest by copies, as a delivery does; return their share of all bytes."""
    written = [
        file
        for area in ("data", "metadata")
        for file in (export / area / f"billing_period={period}").iterdir()
    ]
    for file in written:
        again = file.with_name(f"{file.name}.again")
        shutil.copyfile(file, again)
        again.replace(file)
    every = sum(file.stat().st_size for file in (export / "data").rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in written) / every


def _line(size: Size) -> None:
    line(
        f"{size.millions:.3g} million rows",
        f"{size.minimum.wall_seconds:.1f} s",
        f"{size.minimum.peak_gib:.2f} GiB",
        f"{size.first.wall_seconds:.1f} s",
        f"{size.first.wall_seconds / size.minimum.wall_seconds:.2f}",
        f"{size.first.peak_gib:.2f} GiB",
        f"{size.wall['refresh']:.1f} s",
        f"{size.second.wall_seconds:.1f} s",
    )


def _changes(sizes: Sequence[Size]) -> None:
    """Print the times of scans after a billing period was delivered again."""
    print()
    head(
        [
            "rows",
            "billing period delivered again",
            "share of the bill's bytes",
            "refresh, time",
            "share of the first refresh's time",
            "whole scan, time",
            "whole scan, peak memory",
        ]
    )
    for size in sizes:
        for period, (share, refresh, scan) in size.changed.items():
            of_first = refresh / size.wall["refresh"]
            line(
                f"{size.millions:.3g} million rows",
                period,
                f"{share:.0%}",
                f"{refresh:.1f} s",
                f"{of_first:.0%}",
                f"{scan.wall_seconds:.1f} s",
                f"{scan.peak_gib:.2f} GiB",
            )
    print()


def _detections(sizes: Sequence[Size], *, of: Sequence[float]) -> None:
    """Print a row for each detection, slowest first, with the growth of its CPU time."""
    columns = [f"{size.millions:.3g} million rows, wall / CPU time" for size in sizes]
    expected = of[-1] / of[0]
    head(["step (run alone)", *columns, f"CPU for x {expected:,.1f} rows"])
    last = sizes[-1].wall
    for name in sorted(last, key=lambda name: -last[name]):
        cells = (f"{size.wall[name]:.2f} s / {size.cpu[name]:.2f} s" for size in sizes)
        line(name, *cells, ratio(sizes[0].cpu[name], sizes[-1].cpu[name], expected=expected))
    cells = (f"{sum(size.wall.values()):.2f} s / {sum(size.cpu.values()):.2f} s" for size in sizes)
    line("all", *cells, ratio(sum(sizes[0].cpu.values()), sum(sizes[-1].cpu.values()), expected=expected))
    print(flush=True)
