"""Measure the anomaly scorer for increasing numbers of series."""

from collections.abc import Sequence

from scaling.subprocess_runs import program, run_program
from scaling.table import growth, head, line


def measured(sizes: Sequence[int], *, days: int) -> None:
    """Print the table."""
    print(f"### Series of {days} days, scored\n")
    head(
        [
            "time series",
            "wall time",
            "CPU time",
            "time per series",
            "peak memory of the process",
            "size of the costs in memory",
        ]
    )
    walls, peaks = [], []
    for series in sizes:
        seconds, run = run_program(program("score_series", series, days))
        walls.append(seconds["wall"])
        peaks.append(run.peak_gib)
        line(
            f"{series:,} time series",
            f"{seconds['wall']:.2f} s",
            f"{seconds['cpu']:.2f} s",
            f"{seconds['wall'] / series * 1e6:.0f} µs",
            f"{run.peak_gib:.2f} GiB",
            f"{series * days * 8 / 1024**3:.2f} GiB",
        )
    growth("time series", [float(size) for size in sizes], {"wall time": walls, "peak memory": peaks})
