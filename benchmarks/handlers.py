"""What every Lambda takes where it is deployed: seconds of its first run and of later ones, and its peak memory.

    python -m benchmarks.handlers --python "$(python -m tests.fakes.local_lambda_python)"

focuswatch is deployed to the tests' AWS by `cdk deploy`; a simulated bill of two months is delivered twice, findings
go to a Slack and a Jira over HTTP, and each function that a schedule calls is called. Athena is the tests' own, over
DuckDB: its seconds are in those of `refresh`, `detect`, `page` and `weekly`, and are another's on AWS. A first run
imports; --python says on which Python.
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
PATIENCE_SECONDS = 1800  # what is put off again and again waits for up to fifteen minutes each time
REPORTED = re.compile(r"REPORT .*?Duration: ([\d.]+) ms")
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def work(deployed: Deployed, bill: Simulated) -> None:
    """Everything that a day has for the functions, twice."""
    activity = pq.read_table(bill.activity)
    days = activity.column("activity_date")
    for day in days.unique().to_pylist():
        deployed.put_table(f"activity/activity_date={day}/all.parquet", activity.filter(pc.equal(days, day)))
    for period in ("", f"{bill.as_of:%Y-%m}"):
        deployed.deliver(bill.export, period=period)
        deployed.await_told()
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
        deployed.await_told()


def peaks(deployed: Deployed) -> dict[str, float]:
    """MiB that the process of every function had at most, by its name; Linux tells of those that live."""
    found: dict[str, float] = {}
    scratch = f"TMPDIR={deployed.aws.log.with_name('scratch')}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
            status = (process / "status").read_text()
        except OSError:  # it is over, or not ours
            continue
        names = [
            one.partition(b"=")[2].decode()
            for one in environment
            if one.startswith(b"AWS_LAMBDA_FUNCTION_NAME=")
        ]
        if names and scratch in environment and (peak := PEAK.search(status)):
            found[names[0]] = max(found.get(names[0], 0.0), int(peak[1]) / 1024)
    return found


def main() -> None:
    """Print a line for every function."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable)
    os.environ["LAMBDA_PYTHON"] = parser.parse_args().python
    with tempfile.TemporaryDirectory() as scratch:
        bill = simulate(Path(scratch) / "bill", days=60, seed=5)
        with deploying(Path(scratch) / "deployed", owners=bill.owners) as deployed:
            work(replace(deployed, patience_seconds=PATIENCE_SECONDS), bill)
            most = peaks(deployed)
            print("| function | runs | first, s | later (median), s | peak, MiB |\n|---|---|---|---|---|")
            for kind in deployed.deployment.kinds:
                seconds = [
                    float(found[1]) / 1000 for line in deployed.lines(kind) if (found := REPORTED.match(line))
                ]
                later = f"{statistics.median(seconds[1:]):.2f}" if seconds[1:] else "—"
                first = f"{seconds[0]:.2f}" if seconds else "—"
                peak = most.get(deployed.deployment.function(kind))
                print(f"| {kind} | {len(seconds)} | {first} | {later} | {peak and f'{peak:.0f}' or '—'} |")


if __name__ == "__main__":
    main()
