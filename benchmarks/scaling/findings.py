"""Measure scans, lists, pages and a DynamoDB ledger for increasing numbers of findings and the same number of rows."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from process_usage import Measured, measure
from scan import FOCUSWATCH

from scaling.subprocess_runs import count_findings, program, run_program
from scaling.table import growth, head, line

CREATED_ON, RESOLVED_ON = "2026-05-21", "2026-05-29"  # days of scaling/orphaned_volumes_bill.py's bill
ON_DYNAMODB = [sys.executable, "-m", "benchmarks.scaling.record_and_publish"]


def measured(sizes: Sequence[int], *, data: Path) -> None:
    """Print the tables."""
    data.mkdir(parents=True, exist_ok=True)
    print(f"### Findings, of {max(sizes):,} volumes\n")
    runs: list[dict[str, Measured]] = []
    recorded: list[dict[str, float]] = []
    for count in sizes:
        bill = data / f"disks-{max(sizes)}-{count}"
        if not bill.exists():
            measure(program("orphaned_volumes_bill", bill, "--disks", max(sizes), "--found", count))
        state = data / "state"
        shutil.rmtree(state, ignore_errors=True)
        ran, seconds = _run_commands(bill, state=state, count=count)
        if not runs:
            head(["findings", *ran])
        runs.append(ran)
        recorded.append(seconds)
        line(
            f"{count:,} findings",
            *(f"{one.wall_seconds:.1f} s, {one.peak_gib:.2f} GiB" for one in ran.values()),
        )
    of = [float(one) for one in sizes]
    growth("findings", of, {name: [ran[name].wall_seconds for ran in runs] for name in runs[0]})
    growth("findings", of, {f"{name}, CPU time": [ran[name].cpu_seconds for ran in runs] for name in runs[0]})
    growth("findings", of, {f"{name}, peak memory": [ran[name].peak_gib for ran in runs] for name in runs[0]})
    print("The ledger of a deployment, on a table in memory with DynamoDB's interface, CPU seconds:\n")
    head(["findings", *recorded[0]])
    for count, seconds in zip(sizes, recorded, strict=True):
        line(f"{count:,} findings", *(f"{one:.2f} s" for one in seconds.values()))
    growth("findings", of, {name: [one[name] for one in recorded] for name in recorded[0]})


def _run_commands(bill: Path, *, state: Path, count: int) -> tuple[dict[str, Measured], dict[str, float]]:
    """Run every command once, in an order in which the scans create, keep and resolve the findings."""
    export, kept = str(bill / "focus"), ["--state", str(state)]
    scan = [FOCUSWATCH, "scan", export, *kept, "--owners", str(bill / "owners.toml")]
    list_command = [FOCUSWATCH, "findings", "--export", export, *kept]
    page = [FOCUSWATCH, "page", export, *kept, "--as-of", CREATED_ON, "--out", str(state / "page.html")]
    ran = {
        "first scan": measure([*scan, "--as-of", CREATED_ON, "--format", "json"]),
        "unchanged": measure([*scan, "--as-of", CREATED_ON, "--format", "json"]),
        "as a table": measure([*scan, "--as-of", CREATED_ON]),
        "list": measure(list_command),
        "list, JSON": measure([*list_command, "--format", "json"]),
        "page": measure([*page, "--owners", str(bill / "owners.toml")]),
    }
    if (actual := count_findings(state)) != count:
        raise RuntimeError(f"{bill}: {actual} findings, expected {count}.")
    seconds, _ = run_program([*ON_DYNAMODB, str(next(state.glob("*/ledger.db")))])
    ran["all resolved"] = measure([*scan, "--as-of", RESOLVED_ON, "--format", "json"])
    if (still_open := count_findings(state, state_of="open")) != 0:
        raise RuntimeError(f"{bill}: {still_open} findings are open, expected none.")
    shutil.rmtree(state)
    return ran, seconds
