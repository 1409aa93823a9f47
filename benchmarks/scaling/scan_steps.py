"""Measure the steps of a scan in a separate process: the refresh and each detection, run alone.

    python benchmarks/scaling/scan_steps.py BILL --state FOLDER --out FILE [--refresh]

A scan runs two detections at once, so its times are not those of single detections. `--refresh` runs none.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

# Imported here so that no detection's time includes the import of numpy.
import focuswatch.detect.forecast.forecasts_and_budgets_by_group  # noqa: F401
import focuswatch.detect.run_series_detection  # noqa: F401
from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.detection_placeholder_values import DetectionInput, first_new_day
from focuswatch.detect.run_detection_and_check_rows import run_detection
from focuswatch.owners.owners_file import Owners


def measured_steps(bill: Path, *, state: Path, refresh_only: bool) -> dict[str, Any]:
    """Run each step alone; return the number of charges, and the seconds by step."""
    catalog, owners = Catalog.load(), Owners.load(bill / "owners.toml")
    files = {"activity": bill / "activity.parquet", "accounts": bill / "accounts.parquet"}
    inputs = BillInputs(str(bill / "focus"), state=state, **files)
    clock = Clock()
    with open_local_bill(inputs, catalog=catalog, owners=owners, progress=lambda _text: None) as opened:
        clock.lap("refresh")
        since = first_new_day(opened.as_of, evaluated_until=None)
        detection_inputs = DetectionInput(opened.as_of, since, tuple(owners.routing.required_tags))
        for detection in () if refresh_only else catalog.enabled:
            outcome = run_detection(detection, engine=opened.engine, catalog=catalog, inputs=detection_inputs)
            if outcome.error:
                raise RuntimeError(outcome.error)
            clock.lap(detection.id)
        return {"charges": opened.summary.charges, "wall": clock.wall, "cpu": clock.cpu}


class Clock:
    """Seconds of each step, by name."""

    def __init__(self) -> None:
        self.wall: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self._before = time.monotonic(), time.process_time()

    def lap(self, name: str) -> None:
        """Record the time since the previous step."""
        now = time.monotonic(), time.process_time()
        self.wall[name], self.cpu[name] = now[0] - self._before[0], now[1] - self._before[1]
        self._before = now


def main() -> None:
    """Write the seconds as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bill", type=Path)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--refresh", action="store_true")
    arguments = parser.parse_args()
    arguments.out.write_text(
        json.dumps(measured_steps(arguments.bill, state=arguments.state, refresh_only=arguments.refresh))
    )


if __name__ == "__main__":
    main()
