"""Measure how often an explanation names the planted root cause first, on simulated organizations.

    python benchmarks/explain.py --seeds 101 102 103

Each bill is scanned as of several days, each time with an empty ledger, so that every incident is reported while it
is new. A finding that is a planted incident is right if the first cost driver of its explanation is the cause in the
truth: meter, region, service and account, and the resource if a single one has half of it. The cost drivers of every
explanation must add up to its excess, to the last decimal. No threshold was tuned on these seeds (thresholds were
tuned on 1 to 9).
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from over_seeds import over_seeds

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.findings.cost_increase_explanation_models import CostDriver
from focuswatch.findings.finding import Finding
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners

NAMED = ("detection", "sub_account_id", "region_id", "service_name", "resource_id")
TARGET = 0.95


def reported(folder: Path, *, days: list[date]) -> Iterator[Finding]:
    """Scan as of each day with an empty ledger, and yield the findings of detections with explanations."""
    catalog, owners = Catalog.load(), Owners.load(folder / "owners.toml")
    detections = [detection for detection in catalog.detections.values() if detection.header.explain]
    for day in days:
        inputs = BillInputs(
            str(folder / "focus"),
            state=folder / "state",
            activity=folder / "activity.parquet",
            accounts=folder / "accounts.parquet",
            as_of=day,
        )
        with open_local_bill(inputs, catalog=catalog, owners=owners, progress=lambda _text: None) as bill:
            scanned = scan(
                BillToScan(bill.engine, as_of=day, currency=bill.summary.currency),
                catalog=catalog,
                detections=detections,
                owners=owners,
                ledger=SqliteLedger(folder / f"ledger-{day}.db"),
                progress=lambda _text: None,
            )
        for outcome in scanned.failures:
            raise RuntimeError(outcome.error)
        yield from (notification.finding for notification in scanned.notifications)


def incident_of(finding: Finding, incidents: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the planted incident that a finding reports, if it has a cause and overlaps the finding's days."""
    explanation = finding.explanation
    same = [
        incident for incident in incidents if all(incident[name] == getattr(finding, name) for name in NAMED)
    ]
    if explanation is None or not same:
        return None
    first, last = str(explanation.first_day), str(explanation.last_day)
    overlapping = [
        incident
        for incident in same
        if incident["start"] <= last and (incident["end"] is None or first < incident["end"])
    ]
    return next((incident for incident in overlapping if "cause_meter" in incident), None)


def is_cause(part: CostDriver, incident: dict[str, Any]) -> bool:
    """Return whether a cost driver is the planted cause; the bill's meter starts with the region's prefix."""
    meter = incident["cause_meter"]
    return (
        part.sub_account_id == incident["sub_account_id"]
        and part.service_name == incident["cause_service_name"]
        and part.region_id == incident["cause_region_id"]
        and (meter == part.meter or meter.endswith(f"-{part.meter}"))
        and incident["cause_resource_id"] in (None, part.resource_id)
    )


def evaluated(folder: Path, *, scans: int) -> dict[str, Counter[str]]:
    """Return counts by detection of causes named first, later or not at all; print each that is not named first."""
    truth = json.loads((folder / "truth.json").read_text())
    as_of = date.fromisoformat(truth["as_of"])
    days = [as_of - timedelta(days=7 * back) for back in range(scans)]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for finding in reported(folder, days=days):
        explanation = finding.explanation
        if explanation is None:
            counts[finding.detection]["unexplained"] += 1
            continue
        exact = sum((part.excess for part in explanation.parts), explanation.others) == explanation.excess
        exact &= explanation.by_volume + explanation.by_price == explanation.excess
        counts[finding.detection]["exact" if exact else "inexact"] += 1
        incident = incident_of(finding, truth["incidents"])
        if incident is None:
            continue
        places = [place for place, part in enumerate(explanation.parts) if is_cause(part, incident)]
        verdict = "first" if places[:1] == [0] else "later" if places else "missed"
        counts[finding.detection][verdict] += 1
        if verdict != "first":
            named = [
                (part.meter, part.region_id, part.resource_id, part.excess) for part in explanation.parts
            ]
            print(f"  {verdict}: {[incident[name] for name in NAMED]} {incident['note']}: {named}")
            print(f"    planted: {[value for name, value in incident.items() if name.startswith('cause')]}")
    return counts


def main() -> None:
    """Evaluate every seed and print one table; exit 1 if the share named first is too low, or a sum is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103, 104, 105])
    parser.add_argument("--scans", type=int, default=3, help="weeks apart, the last as of the bill's end")
    parser.add_argument("--data", type=Path, default=Path("/tmp/focuswatch-explain"))
    arguments = parser.parse_args()
    total = over_seeds(
        arguments.seeds, data=arguments.data, evaluate=lambda folder: evaluated(folder, scans=arguments.scans)
    )
    every = sum(total.values(), Counter[str]())
    print(f"\nseeds {arguments.seeds}, {arguments.scans} scans each\n")
    print(
        "| detection | explained findings | root causes that add up | planted findings | cause named first "
        "| cause among the cost drivers | share named first |"
    )
    print("|---|---|---|---|---|---|---|")
    for detection, counts in [*sorted(total.items()), ("all", every)]:
        print(_line(detection, counts))
    sys.exit(0 if _share(every) >= TARGET and not every["inexact"] else 1)


def _share(counts: Counter[str]) -> Decimal:
    planted = counts["first"] + counts["later"] + counts["missed"]
    return Decimal(counts["first"]) / planted if planted else Decimal(1)


def _line(detection: str, counts: Counter[str]) -> str:
    explained = counts["exact"] + counts["inexact"]
    planted = counts["first"] + counts["later"] + counts["missed"]
    named = counts["first"] + counts["later"]
    share = f"{_share(counts):.3f}" if planted else ""
    return f"| {detection} | {explained} | {counts['exact']} | {planted} | {counts['first']} | {named} | {share} |"


if __name__ == "__main__":
    main()
