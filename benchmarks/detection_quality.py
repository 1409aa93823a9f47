"""Measure recall and precision of every detection against the truth of simulated organizations.

    python benchmarks/detection_quality.py --seeds 101 102 103

Each bill is scanned as in a deployment: once a day over the last --days-scanned days, with one ledger. An incident
counts as found if it is reported by its `expected_by`; a reported finding that is no incident is false. No threshold
was tuned on these seeds (thresholds were tuned on 1 to 9).
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from over_seeds import over_seeds

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.findings.finding import Finding
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners

Identity = tuple[str, str | None, str | None, str | None, str | None]
# Detections that must report an incident from the first export that contains it.
AT_ONCE = ("new_region", "new_service", "gpu_burst", "new_ai_principal")


@dataclass(frozen=True)
class Reported:
    """A finding and the day on which it was reported as new."""

    day: date
    finding: Finding


def identity(item: Finding | dict[str, Any]) -> Identity:
    """Return the fields that identify a finding or a planted incident."""
    keys = ("detection", "sub_account_id", "region_id", "service_name", "resource_id")
    fields = item if isinstance(item, dict) else item.model_dump()
    return tuple(fields[key] for key in keys)  # type: ignore[return-value]


def scanned_daily(folder: Path, *, days: int, only: Collection[str] = ()) -> Iterator[Reported]:
    """Scan on each of the last `days` days with one ledger, and yield every finding that is reported as new."""
    truth = json.loads((folder / "truth.json").read_text())
    catalog, owners = Catalog.load(), Owners.load(folder / "owners.toml")
    detections = [detection for detection in catalog.enabled if not only or detection.id in only]
    ledger = SqliteLedger(folder / "ledger.db")
    as_of = date.fromisoformat(truth["as_of"])
    for day in (as_of - timedelta(days=back) for back in range(days - 1, -1, -1)):
        inputs = BillInputs(
            str(folder / "focus"),
            state=folder / "state",
            activity=folder / "activity.parquet",
            accounts=folder / "accounts.parquet",
            recommendations=folder / "recommendations.parquet",
            principals=folder / "principals.parquet",
            token_hours=folder / "token_hours.parquet",
            as_of=day,
        )
        with open_local_bill(inputs, catalog=catalog, owners=owners, progress=lambda _text: None) as bill:
            scanned = scan(
                BillToScan(bill.engine, as_of=day, currency=bill.summary.currency),
                catalog=catalog,
                detections=detections,
                owners=owners,
                ledger=ledger,
                progress=lambda _text: None,
            )
        for outcome in scanned.failures:
            raise RuntimeError(outcome.error)
        yield from (Reported(day, one.finding) for one in scanned.notifications if one.kind == "new")


def evaluated(folder: Path, *, days: int, only: Collection[str] = ()) -> dict[str, Counter[str]]:
    """Return the counts of found, late, missed, right and false by detection; print each late, missed or false one."""
    truth = _only(json.loads((folder / "truth.json").read_text()), only)
    as_of = date.fromisoformat(truth["as_of"])
    first_day = as_of - timedelta(days=days - 1)
    reported: dict[Identity, date] = {}
    for report in scanned_daily(folder, days=days, only=only):
        reported.setdefault(identity(report.finding), report.day)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    allowed = {identity(incident) for incident in truth.get("either", [])}
    planted = {identity(incident) for incident in truth["incidents"]}
    for incident in truth["incidents"]:
        expected_by = max(date.fromisoformat(incident["expected_by"]), first_day)
        visible_until = date.fromisoformat(incident["visible_until"] or truth["as_of"])
        if expected_by > min(as_of, visible_until) or identity(incident) in allowed:
            continue
        day = reported.get(identity(incident))
        verdict = "missed" if day is None else "late" if day > expected_by else "found"
        counts[incident["detection"]][verdict] += 1
        if verdict != "found":
            print(
                f"  {verdict}: {identity(incident)} expected by {expected_by}, reported {day}: {incident['note']}"
            )
    negatives = {identity(case): case["kind"] for case in truth["hard_negatives"]}
    for finding, day in reported.items():
        if finding in allowed:
            continue
        verdict = "right" if finding in planted else "false"
        counts[finding[0]][verdict] += 1
        if verdict == "false":
            print(f"  false: {finding} reported {day} {negatives.get(finding, '')}")
    counts["hard negatives"].update(
        reported=len(negatives.keys() & reported.keys() - planted - allowed), planted=len(negatives)
    )
    return counts


def _only(truth: dict[str, Any], detections: Collection[str]) -> dict[str, Any]:
    """Return the truth about some detections; about all if none is named."""
    lists = ("incidents", "either", "hard_negatives")
    kept = {
        name: [case for case in truth.get(name, []) if not detections or case["detection"] in detections]
        for name in lists
    }
    return {**truth, **kept}


def main() -> None:
    """Evaluate every seed and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103, 104, 105])
    parser.add_argument("--days-scanned", type=int, default=14)
    parser.add_argument("--data", type=Path, default=Path("/tmp/focuswatch-quality"))
    parser.add_argument("--only", nargs="+", default=[], help="detections; by default all")
    arguments = parser.parse_args()
    total = over_seeds(
        arguments.seeds,
        data=arguments.data,
        evaluate=lambda folder: evaluated(folder, days=arguments.days_scanned, only=arguments.only),
    )
    negatives = total.pop("hard negatives")
    print(f"\nseeds {arguments.seeds}, {arguments.days_scanned} days scanned, one ledger each\n")
    print("| detection | planted incidents | recall | reported on time | findings | precision |")
    print("|---|---|---|---|---|---|")
    for detection, counts in sorted(total.items()):
        print(_line(detection, counts))
    print(f"\nhard negatives reported: {negatives['reported']} of {negatives['planted']}")
    at_once = [id for id in AT_ONCE if not arguments.only or id in arguments.only]
    short = [id for id in at_once if total[id]["late"] + total[id]["missed"]]
    sys.exit(f"not reported at once: {', '.join(short)}" if short else 0)


def _line(detection: str, counts: Counter[str]) -> str:
    planted = counts["found"] + counts["late"] + counts["missed"]
    reported = counts["right"] + counts["false"]
    recall = f"{(counts['found'] + counts['late']) / planted:.3f}" if planted else ""
    on_day = f"{counts['found'] / planted:.3f}" if planted else ""
    precision = f"{counts['right'] / reported if reported else 1:.3f}"
    return f"| {detection} | {planted} | {recall} | {on_day} | {reported} | {precision} |"


if __name__ == "__main__":
    main()
