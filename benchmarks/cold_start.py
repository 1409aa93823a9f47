"""What a Lambda needs before its first line of work: seconds and memory to import each handler, in a fresh process.

    python benchmarks/cold_start.py --runs 5 --python "$(python -m tests.fakes.local_lambda_python)"

--python says on which: here on the Lambdas' own, bare but for the packages of their layers. The interpreter's own start
is shown beside it. A Lambda's processor is another, and fetches its layers first: on AWS the log's `Init Duration` says
the whole (docs/deploy.md names the command).
"""

import argparse
import statistics
import sys
from pathlib import Path

from measure import Measured, measure

ROOT = Path(__file__).resolve().parent.parent
HANDLERS = tuple(
    sorted(path.stem for path in (ROOT / "lambdas").glob("*.py") if "def handler(" in path.read_text())
)
ENVIRONMENT = "import os, sys; sys.path.insert(0, {root!r}); os.environ['AWS_DEFAULT_REGION'] = 'us-east-1'; "


def started(code: str, *, python: str, runs: int) -> list[Measured]:
    """Fresh processes that run `code` and end; one more before them fills the disk's cache."""
    command = [python, "-c", ENVIRONMENT.format(root=str(ROOT)) + code]
    return [measure(command) for _ in range(runs + 1)][1:]


def main() -> None:
    """Print a line for the interpreter and for each handler."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--python", default=sys.executable)
    arguments = parser.parse_args()
    print("| process | seconds (median) | most | resident |\n|---|---|---|---|")
    for name, code in (("nothing", "pass"), *((one, f"import lambdas.{one}") for one in HANDLERS)):
        figures = started(code, python=arguments.python, runs=arguments.runs)
        seconds = [one.wall_seconds for one in figures]
        peak = max(one.peak_gib for one in figures) * 1024
        print(
            f"| {name} | {statistics.median(seconds):.2f} | {max(seconds):.2f} | {peak:.0f} MiB |", flush=True
        )


if __name__ == "__main__":
    main()
