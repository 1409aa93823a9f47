"""So many series of gamma noise through the scorer, in a process of its own.

python benchmarks/scaling/scored.py SERIES DAYS --told FILE
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from focuswatch.detect.anomaly import score


def main() -> None:
    """Write the seconds of the scorer alone as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", type=int)
    parser.add_argument("days", type=int)
    parser.add_argument("--told", type=Path, required=True)
    given = parser.parse_args()
    costs = np.random.default_rng(1).gamma(100, 1, (given.series, given.days))
    score(costs[:100], first_weekday=0)  # what the first call alone costs is not the scorer's
    started, cpu = time.monotonic(), time.process_time()
    score(costs, first_weekday=0)
    seconds = {"wall": time.monotonic() - started, "cpu": time.process_time() - cpu}
    given.told.write_text(json.dumps(seconds))


if __name__ == "__main__":
    main()
