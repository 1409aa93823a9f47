"""A scan taken apart, in a process of its own: the refresh, and each detection asked alone; wall and CPU seconds.

    python benchmarks/scaling/apart.py BILL --state FOLDER --told FILE [--refresh]

A scan asks two detections at once, so that none of its times is one detection's. `--refresh` asks none.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

# Imported here, so that no detection pays for bringing numpy.
import focuswatch.detect.forecast.budget_plans  # noqa: F401
import focuswatch.detect.series_detection  # noqa: F401
from focuswatch.bill.bill import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.catalog import Catalog
from focuswatch.detect.run_detection import DetectionInput, first_new_day, run_detection
from focuswatch.owners.owners_file import Owners


def apart(bill: Path, *, state: Path, refresh_alone: bool) -> dict[str, Any]:
    """How many charges there are, and seconds by part."""
    catalog, owners = Catalog.load(), Owners.load(bill / "owners.toml")
    beside = {"activity": bill / "activity.parquet", "accounts": bill / "accounts.parquet"}
    inputs = BillInputs(str(bill / "focus"), state=state, **beside)
    clock = Clock()
    with open_local_bill(inputs, catalog=catalog, owners=owners, progress=lambda _text: None) as opened:
        clock.lap("refresh")
        since = first_new_day(opened.as_of, evaluated_until=None)
        question = DetectionInput(opened.as_of, since, tuple(owners.routing.required_tags))
        for detection in () if refresh_alone else catalog.live:
            outcome = run_detection(detection, engine=opened.engine, catalog=catalog, inputs=question)
            if outcome.error:
                raise RuntimeError(outcome.error)
            clock.lap(detection.id)
        return {"charges": opened.summary.charges, "wall": clock.wall, "cpu": clock.cpu}


class Clock:
    """Seconds since the lap before, by name."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self._before = time.monotonic(), time.process_time()

    def lap(self, name: str) -> None:
        """Give what passed a name."""
        now = time.monotonic(), time.process_time()
        self.wall[name], self.cpu[name] = now[0] - self._before[0], now[1] - self._before[1]
        self._before = now


def main() -> None:
    """Write the seconds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bill", type=Path)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--told", type=Path, required=True)
    parser.add_argument("--refresh", action="store_true")
    given = parser.parse_args()
    given.told.write_text(json.dumps(apart(given.bill, state=given.state, refresh_alone=given.refresh)))


if __name__ == "__main__":
    main()
