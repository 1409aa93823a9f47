"""Measure a first scan and its steps for increasing numbers of accounts and the same number of rows."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from process_usage import measure
from scan import scan_command, simulated

from scaling.subprocess_runs import count_findings, program, run_program
from scaling.table import growth, head, line

DAYS = 90
SLOWEST = 5  # detections that are listed


def measured(sizes: Sequence[int], *, millions: int, data: Path) -> None:
    """Print the table."""
    data.mkdir(parents=True, exist_ok=True)
    original_bill = simulated(data, kind="daily", millions=millions, days=DAYS)
    print(f"### Accounts, at {millions} million rows, daily, {DAYS} days\n")
    head(
        [
            "accounts",
            "first scan, time",
            "first scan, peak memory",
            "first scan, time per row",
            "findings",
            "refresh, time",
            "slowest detections, time",
        ]
    )
    walls, peaks, parts = [], [], []
    for accounts in sizes:
        bill = data / f"{original_bill.name}-{accounts}-accounts"
        if not bill.exists():
            measure(program("spread_over_accounts", original_bill, bill, "--accounts", accounts))
        state = data / "state"
        shutil.rmtree(state, ignore_errors=True)
        run = measure(scan_command(bill, state))
        findings = count_findings(state)
        shutil.rmtree(state)
        steps, _ = run_program(program("scan_steps", bill, "--state", state))
        seconds = steps["wall"]
        shutil.rmtree(state)
        walls.append(run.wall_seconds)
        peaks.append(run.peak_gib)
        parts.append(steps["cpu"])
        rows = steps["charges"]
        slow = sorted(seconds.keys() - {"refresh"}, key=lambda name: -seconds[name])[:SLOWEST]
        line(
            f"{accounts:,} accounts",
            f"{run.wall_seconds:.1f} s",
            f"{run.peak_gib:.2f} GiB",
            f"{run.wall_seconds / rows * 1e6:.1f} µs",
            f"{findings:,} findings",
            f"{seconds['refresh']:.1f} s",
            ", ".join(f"{name} {seconds[name]:.2f} s" for name in slow),
        )
    growth(
        "accounts",
        [float(one) for one in sizes],
        {
            "first scan, time": walls,
            "first scan, peak memory": peaks,
            "refresh, CPU time": [one["refresh"] for one in parts],
            "detections, CPU time": [sum(one.values()) - one["refresh"] for one in parts],
        },
    )
