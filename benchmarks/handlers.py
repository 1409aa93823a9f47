"""Measure seconds of the first and of later runs of every deployed Lambda, and its peak memory.

    python -m benchmarks.handlers --python "$(python -m tests.fakes.lambda_interpreter)"

The benchmark deploys focuswatch to the tests' AWS with `cdk deploy`, delivers a simulated bill of two months twice,
sends findings to a local Slack and Jira over HTTP, and invokes each scheduled function. The Athena test endpoint runs
on DuckDB: its time is part of `refresh`, `detect`, `page` and `weekly`, and differs on AWS. A first run includes
imports; --python is the interpreter of the functions.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from focuswatch.simulate import Simulated, simulate
from tests.fakes.local_deployment import Deployed, deploying

SCHEDULED = ("collect", "pulse", "weekly", "sweep", "page")
PATIENCE_SECONDS = 1800  # each time that work is postponed, it waits for up to fifteen minutes
REPORTED = re.compile(r"REPORT .*?Duration: ([\d.]+) ms")
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def work(deployed: Deployed, bill: Simulated) -> None:
    """Deliver the bill twice, and make all functions do what they do in a day."""
    activity = pq.read_table(bill.activity)
    days = activity.column("activity_date")
    for day in days.unique().to_pylist():
        deployed.put_table(f"activity/activity_date={day}/all.parquet", activity.filter(pc.equal(days, day)))
    for period in ("", f"{bill.as_of:%Y-%m}"):
        deployed.deliver(bill.export, period=period)
        deployed.await_notifications()
        for function in SCHEDULED:
            deployed.invoke(function)
    channels = deployed.slack.workspace.channels.values()
    pressable = [
        (channel, message.ts)
        for channel in channels
        for message in channel.shown
        if "snooze_30" in str(message.blocks)
    ]
    for channel, ts in pressable[:2]:
        deployed.press(deployed.slack.pressed(channel, ts, "snooze_30", user="U0ANNA"))
        deployed.await_notifications()


def peaks(deployed: Deployed) -> dict[str, float]:
    """Return the peak memory in MiB of the running process of each function, by name."""
    peaks_by_function: dict[str, float] = {}
    scratch = f"TMPDIR={deployed.aws.log.with_name('scratch')}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            status = (process / "status").read_text()
        except OSError:  # the process has ended, or belongs to another user
            continue
        names = [
            entry.partition(b"=")[2].decode()
            for entry in environment
            if entry.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")
        ]
        if names and scratch in environment and (peak := PEAK.search(status)):
            peaks_by_function[names[0]] = max(peaks_by_function.get(names[0], 0.0), int(peak[1]) / 1024)
    return peaks_by_function


def main() -> None:
    """Print a row for every function."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable)
    os.environ["LAMBDA_PYTHON"] = parser.parse_args().python
    with tempfile.TemporaryDirectory() as scratch:
        bill = simulate(Path(scratch) / "bill", days=60, seed=5)
        with deploying(Path(scratch) / "deployed", owners=bill.owners) as deployed:
            work(replace(deployed, stalled_seconds=PATIENCE_SECONDS), bill)
            peak_mib = peaks(deployed)
            print(
                "| function | number of runs | time of the first run, s | median time of later runs, s "
                "| peak memory, MiB |\n|---|---|---|---|---|"
            )
            for kind in deployed.deployment.kinds:
                seconds = [
                    float(match[1]) / 1000 for line in deployed.lines(kind) if (match := REPORTED.match(line))
                ]
                later = f"{statistics.median(seconds[1:]):.2f}" if seconds[1:] else "—"
                first = f"{seconds[0]:.2f}" if seconds else "—"
                peak = peak_mib.get(deployed.deployment.function(kind))
                print(f"| {kind} | {len(seconds)} | {first} | {later} | {peak and f'{peak:.0f}' or '—'} |")


if __name__ == "__main__":
    main()
