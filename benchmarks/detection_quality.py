"""Recall and precision of every detection against the truth of simulated organisations.

    python benchmarks/detection_quality.py --seeds 101 102 103

Each bill is scanned as a deployment would: day after day over the last --days-scanned days, with one ledger. An
incident counts as found where it is told by the day on which it must be; what is told and was not planted is false.
The seeds are none that a threshold was tuned on (those are 1 to 9).
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from organisations import over_seeds

from focuswatch.bill.bill import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.catalog import Catalog
from focuswatch.detect.scan import scan
from focuswatch.findings.finding import Finding
from focuswatch.ledger import SqliteLedger
from focuswatch.owners.owners_file import Owners

Identity = tuple[str, str | None, str | None, str | None, str | None]
AT_ONCE = ("new_region", "new_service", "gpu_burst")  # must be told on the first export that shows them


@dataclass(frozen=True)
class Told:
    """A finding and the day on which it was told as new."""

    day: date
    finding: Finding


def identity(of: Finding | dict[str, Any]) -> Identity:
    """What a finding and a planted incident are the same by."""
    keys = ("detection", "sub_account_id", "region_id", "service_name", "resource_id")
    given = of if isinstance(of, dict) else of.model_dump()
    return tuple(given[key] for key in keys)  # type: ignore[return-value]


def scanned_daily(folder: Path, *, days: int) -> Iterator[Told]:
    """Everything told as new by a scan on each of the last `days` days, with one ledger."""
    truth = json.loads((folder / "truth.json").read_text())
    catalog, owners = Catalog.load(), Owners.load(folder / "owners.toml")
    ledger = SqliteLedger(folder / "ledger.db")
    as_of = date.fromisoformat(truth["as_of"])
    for day in (as_of - timedelta(days=back) for back in range(days - 1, -1, -1)):
        inputs = BillInputs(
            str(folder / "focus"), state=folder / "state", activity=folder / "activity.parquet",
            accounts=folder / "accounts.parquet", as_of=day,
        )  # fmt: skip
        with open_local_bill(inputs, catalog=catalog, owners=owners, progress=lambda _text: None) as bill:
            scanned = scan(
                bill.engine, as_of=day, currency=bill.summary.currency, catalog=catalog, detections=catalog.live,
                owners=owners, ledger=ledger, progress=lambda _text: None,
            )  # fmt: skip
        for outcome in scanned.failures:
            raise RuntimeError(outcome.error)
        yield from (Told(day, news.finding) for news in scanned.notifications if news.kind == "new")


def judged(folder: Path, *, days: int) -> dict[str, Counter[str]]:
    """Counts of found, late, missed, right and false for each detection; prints what is missed or false."""
    truth = json.loads((folder / "truth.json").read_text())
    as_of = date.fromisoformat(truth["as_of"])
    first_day = as_of - timedelta(days=days - 1)
    told: dict[Identity, date] = {}
    for one in scanned_daily(folder, days=days):
        told.setdefault(identity(one.finding), one.day)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    allowed = {identity(one) for one in truth.get("either", [])}
    planted = {identity(one) for one in truth["incidents"]}
    for incident in truth["incidents"]:
        expected_by = max(date.fromisoformat(incident["expected_by"]), first_day)
        visible_until = date.fromisoformat(incident["visible_until"] or truth["as_of"])
        if expected_by > min(as_of, visible_until) or identity(incident) in allowed:
            continue
        day = told.get(identity(incident))
        verdict = "missed" if day is None else "late" if day > expected_by else "found"
        counts[incident["detection"]][verdict] += 1
        if verdict != "found":
            print(
                f"  {verdict}: {identity(incident)} expected by {expected_by}, told {day}: {incident['note']}"
            )
    negatives = {identity(one): one["kind"] for one in truth["hard_negatives"]}
    for known, day in told.items():
        if known in allowed:
            continue
        verdict = "right" if known in planted else "false"
        counts[known[0]][verdict] += 1
        if verdict == "false":
            print(f"  false: {known} told {day} {negatives.get(known, '')}")
    counts["hard negatives"].update(
        reported=len(negatives.keys() & told.keys() - planted - allowed), planted=len(negatives)
    )
    return counts


def main() -> None:
    """Judge every seed and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103, 104, 105])
    parser.add_argument("--days-scanned", type=int, default=14)
    parser.add_argument("--data", type=Path, default=Path("/tmp/focuswatch-quality"))
    arguments = parser.parse_args()
    total = over_seeds(
        arguments.seeds,
        data=arguments.data,
        judged=lambda folder: judged(folder, days=arguments.days_scanned),
    )
    negatives = total.pop("hard negatives")
    print(f"\nseeds {arguments.seeds}, {arguments.days_scanned} days scanned, one ledger each\n")
    print("| detection | planted | recall | on the day | told | precision |")
    print("|---|---|---|---|---|---|")
    for detection, counts in sorted(total.items()):
        print(_line(detection, counts))
    print(f"\nhard negatives reported: {negatives['reported']} of {negatives['planted']}")
    short = [id for id in AT_ONCE if total[id]["late"] + total[id]["missed"]]
    sys.exit(f"not told at once: {', '.join(short)}" if short else 0)


def _line(detection: str, counts: Counter[str]) -> str:
    planted = counts["found"] + counts["late"] + counts["missed"]
    told = counts["right"] + counts["false"]
    recall = f"{(counts['found'] + counts['late']) / planted:.3f}" if planted else ""
    on_day = f"{counts['found'] / planted:.3f}" if planted else ""
    return f"| {detection} | {planted} | {recall} | {on_day} | {told} | {counts['right'] / told if told else 1:.3f} |"


if __name__ == "__main__":
    main()
