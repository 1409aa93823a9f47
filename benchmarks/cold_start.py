"""Measure seconds and memory to import each Lambda handler in a new process.

    python benchmarks/cold_start.py --runs 5 --python "$(python -m tests.fakes.lambda_interpreter)"

--python is the interpreter: here that of the Lambdas, with only the packages of their layers. The first row is the
start of the interpreter. A Lambda has a different processor and loads its layers first: on AWS see `Init Duration` in
the log (docs/deploy.md has the command).
"""

import argparse
import statistics
import sys
from pathlib import Path

from process_usage import Measured, measure

ROOT = Path(__file__).resolve().parent.parent
HANDLERS = tuple(
    sorted(path.stem for path in (ROOT / "lambdas").glob("*.py") if "def handler(" in path.read_text())
)
ENVIRONMENT = "import os, sys; sys.path.insert(0, {root!r}); os.environ['AWS_DEFAULT_REGION'] = 'us-east-1'; "


def started(code: str, *, python: str, runs: int) -> list[Measured]:
    """Measure new processes that run `code`, after an additional one that fills the disk cache."""
    command = [python, "-c", ENVIRONMENT.format(root=str(ROOT)) + code]
    return [measure(command) for _ in range(runs + 1)][1:]


def main() -> None:
    """Print a row for the interpreter and for each handler."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--python", default=sys.executable)
    arguments = parser.parse_args()
    print(
        "| Lambda function | median import time | maximum import time | resident memory |\n|---|---|---|---|"
    )
    for name, code in (
        ("none (Python only)", "pass"),
        *((handler, f"import lambdas.{handler}") for handler in HANDLERS),
    ):
        figures = started(code, python=arguments.python, runs=arguments.runs)
        seconds = [run.wall_seconds for run in figures]
        peak = max(run.peak_gib for run in figures) * 1024
        print(
            f"| {name} | {statistics.median(seconds):.2f} s | {max(seconds):.2f} s | {peak:.0f} MiB |",
            flush=True,
        )


if __name__ == "__main__":
    main()
