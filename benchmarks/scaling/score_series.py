"""Score series of gamma noise in a separate process.

python benchmarks/scaling/score_series.py SERIES DAYS --out FILE
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from focuswatch.detect.anomaly import score_daily_costs


def main() -> None:
    """Write the seconds of the scorer, without the generation of the series, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", type=int)
    parser.add_argument("days", type=int)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    costs = np.random.default_rng(1).gamma(100, 1, (arguments.series, arguments.days))
    score_daily_costs(costs[:100], first_weekday=0)  # the first call includes one-time costs
    started, cpu = time.monotonic(), time.process_time()
    score_daily_costs(costs, first_weekday=0)
    seconds = {"wall": time.monotonic() - started, "cpu": time.process_time() - cpu}
    arguments.out.write_text(json.dumps(seconds))


if __name__ == "__main__":
    main()
