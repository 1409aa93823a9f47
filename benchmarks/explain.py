"""Whether an explanation names the planted cause first, against the truth of simulated organisations.

    python benchmarks/explain.py --seeds 101 102 103

Each bill is scanned as of several days, with a ledger of its own each time, so that every incident is told while it is
news. A finding that is a planted incident is right where the first part of its explanation is the cause that the
simulation's own lines give: meter, region, service and account, and the resource where it is one. The parts of every
explanation must add up to its excess, to the last decimal. The seeds are none that a threshold was tuned on (1 to 9).
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

from organisations import over_seeds

from focuswatch.bill.bill import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.catalog import Catalog
from focuswatch.detect.scan import scan
from focuswatch.findings.explanation import CostDriver
from focuswatch.findings.finding import Finding
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners

NAMED = ("detection", "sub_account_id", "region_id", "service_name", "resource_id")
WANTED = 0.95


def told(folder: Path, *, days: list[date]) -> Iterator[Finding]:
    """Every explainable finding that a first scan as of each of `days` tells."""
    catalog, owners = Catalog.load(), Owners.load(folder / "owners.toml")
    detections = [detection for detection in catalog.detections.values() if detection.header.explain]
    for day in days:
        inputs = BillInputs(
            str(folder / "focus"), state=folder / "state", activity=folder / "activity.parquet",
            accounts=folder / "accounts.parquet", as_of=day,
        )  # fmt: skip
        with open_local_bill(inputs, catalog=catalog, owners=owners, progress=lambda _text: None) as bill:
            scanned = scan(
                bill.engine, as_of=day, currency=bill.summary.currency, catalog=catalog, detections=detections,
                owners=owners, ledger=SqliteLedger(folder / f"ledger-{day}.db"), progress=lambda _text: None,
            )  # fmt: skip
        for outcome in scanned.failures:
            raise RuntimeError(outcome.error)
        yield from (news.finding for news in scanned.notifications)


def incident_of(finding: Finding, incidents: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The planted incident that a finding is, with its cause; the one whose days it tells, where there are several."""
    explanation = finding.explanation
    same = [one for one in incidents if all(one[name] == getattr(finding, name) for name in NAMED)]
    if explanation is None or not same:
        return None
    first, last = str(explanation.first_day), str(explanation.last_day)
    meant = [one for one in same if one["start"] <= last and (one["end"] is None or first < one["end"])]
    return next((one for one in meant if "cause_meter" in one), None)


def is_cause(part: CostDriver, incident: dict[str, Any]) -> bool:
    """Whether a part is what was planted; the bill's meter has its region's prefix in front."""
    meter = incident["cause_meter"]
    return (
        part.sub_account_id == incident["sub_account_id"]
        and part.service_name == incident["cause_service_name"]
        and part.region_id == incident["cause_region_id"]
        and (meter == part.meter or meter.endswith(f"-{part.meter}"))
        and incident["cause_resource_id"] in (None, part.resource_id)
    )


def judged(folder: Path, *, scans: int) -> dict[str, Counter[str]]:
    """Counts by detection of findings whose first part is right, or among the parts, or not; the wrong are printed."""
    truth = json.loads((folder / "truth.json").read_text())
    as_of = date.fromisoformat(truth["as_of"])
    days = [as_of - timedelta(days=7 * back) for back in range(scans)]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for finding in told(folder, days=days):
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
    """Judge every seed and print one table; exit 1 where less than is wanted was named first, or a sum is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103, 104, 105])
    parser.add_argument("--scans", type=int, default=3, help="weeks apart, the last as of the bill's end")
    parser.add_argument("--data", type=Path, default=Path("/tmp/focuswatch-explain"))
    arguments = parser.parse_args()
    total = over_seeds(
        arguments.seeds, data=arguments.data, judged=lambda folder: judged(folder, scans=arguments.scans)
    )
    every = sum(total.values(), Counter[str]())
    print(f"\nseeds {arguments.seeds}, {arguments.scans} scans each\n")
    print("| detection | explained | adds up | planted | named first | among the parts | share |")
    print("|---|---|---|---|---|---|---|")
    for detection, counts in [*sorted(total.items()), ("all", every)]:
        print(_line(detection, counts))
    sys.exit(0 if _share(every) >= WANTED and not every["inexact"] else 1)


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
