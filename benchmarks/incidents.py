"""Measure notifications per cause and the precision of incidents, on simulated organizations and on a rollout.

    python benchmarks/incidents.py --seeds 102 103 104 105

Each bill is scanned as in a deployment: once a day over the last --days-scanned days, with one ledger. `planted` in
truth.json names what each incident follows from; findings that are no planted incident are left out. Notifications are
messages at the top level of a channel, one for each incident that was notified. Two findings in one incident are a
pair; it is right if both follow from the same plant. The rollout is decided, published and delivered by itself.
No part of the rule was tuned on these seeds (it was developed on 1).
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import combinations
from pathlib import Path
from typing import Any

from detection_quality import identity
from over_seeds import over_seeds

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.findings.finding import Finding
from focuswatch.ledger import DetectionRun, Notification, SqliteLedger, decide
from focuswatch.owners.owners_file import Owners

MOST_PER_CAUSE, LEAST_PRECISION = 1.05, 0.99
PLANTED = "planted"


@dataclass(frozen=True)
class Reported:
    """A finding that was reported as new, its incident, and the planted cause that it follows from, if any."""

    finding: Finding
    incident: str
    planted: str | None


def scanned_daily(folder: Path, *, days: int) -> list[Notification]:
    """Scan on each of the last `days` days with one ledger, and return the notifications."""
    truth = json.loads((folder / "truth.json").read_text())
    catalog, owners = Catalog.load(), Owners.load(folder / "owners.toml")
    ledger = SqliteLedger(folder / "ledger.db")
    as_of, sent = date.fromisoformat(truth["as_of"]), list[Notification]()
    for day in (as_of - timedelta(days=back) for back in range(days - 1, -1, -1)):
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
                detections=catalog.enabled,
                owners=owners,
                ledger=ledger,
                progress=lambda _text: None,
            )
        if scanned.failures:
            raise RuntimeError(scanned.failures[0].error)
        sent += scanned.notifications
    return sent


def planted_of(finding: Finding, incidents: Iterable[dict[str, Any]]) -> str | None:
    """Return the planted cause of a finding: that of the incident with its identity and the closest start."""
    same = [incident for incident in incidents if identity(incident) == identity(finding)]
    started = finding.started_on or finding.first_seen
    same.sort(key=lambda one: abs((date.fromisoformat(one["start"]) - started).days))
    return str(same[0][PLANTED]) if same else None


def evaluated(folder: Path, *, days: int) -> dict[str, Counter[str]]:
    """Return the counts of one organization with and without grouping; print the pairs that are wrong or missing."""
    truth = json.loads((folder / "truth.json").read_text())
    planted = [*truth["incidents"], *truth["either"]]
    reported = [
        Reported(one.finding, one.finding.incident_id, planted_of(one.finding, planted))
        for one in scanned_daily(folder, days=days)
        if one.kind == "new"
    ]
    _print_pairs(reported)
    alone = [replace(one, incident=one.finding.fingerprint) for one in reported]
    counts = {"without grouping": _counted(alone), "with grouping": _counted(reported)}
    print(_row(folder.name, counts["with grouping"]), flush=True)
    return counts


def _counted(reported: list[Reported]) -> Counter[str]:
    with_cause = [one for one in reported if one.planted]
    return Counter(
        findings=len(with_cause),
        other=len(reported) - len(with_cause),
        causes=len({one.planted for one in with_cause}),
        messages=len({one.incident for one in with_cause}),
        pairs=sum(1 for _ in _pairs(with_cause)),
        right=sum(one.planted == other.planted for one, other in _pairs(with_cause)),
        same_cause=sum(one.planted == other.planted for one, other in combinations(with_cause, 2)),
    )


def _pairs(reported: list[Reported]) -> Iterable[tuple[Reported, Reported]]:
    by_incident: dict[str, list[Reported]] = defaultdict(list)
    for one in reported:
        by_incident[one.incident].append(one)
    for same_incident in by_incident.values():
        yield from combinations(same_incident, 2)


def _print_pairs(reported: list[Reported]) -> None:
    for one, other in combinations([one for one in reported if one.planted], 2):
        is_together, is_same = one.incident == other.incident, one.planted == other.planted
        if is_together != is_same:
            verdict = "merged" if is_together else "apart"
            print(f"  {verdict}: {_named(one)} and {_named(other)}")


def _named(one: Reported) -> str:
    finding = one.finding
    return f"{finding.detection} {finding.sub_account_name} {finding.region_id} ({one.planted})"


def rollout(*, accounts: int, regions: int) -> Counter[str]:
    """Return the counts of notifications about a rollout of two security services."""
    from tests.given.incidents import MONDAY, scanned, security_rollout

    findings = security_rollout(accounts=accounts, regions=regions)
    detection_run: DetectionRun = scanned(*findings, on=MONDAY + timedelta(days=1))
    sent = decide({}, [], detection_run).notifications
    messages = [one for one in sent if not one.in_incident]
    return Counter(findings=len(sent), messages=len(messages), topic=sum(one.on_topic for one in sent))


def main() -> int:
    """Print the counts; return 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[102, 103, 104, 105])
    parser.add_argument("--days-scanned", type=int, default=14)
    parser.add_argument("--data", type=Path, default=Path("/tmp/focuswatch-incidents"))
    arguments = parser.parse_args()
    total = over_seeds(
        arguments.seeds,
        data=arguments.data,
        evaluate=lambda folder: evaluated(folder, days=arguments.days_scanned),
    )
    print(
        "| grouping | findings | simulated causes | messages | messages per cause | pairs in the same incident "
        "| precision of pairs | recall of pairs |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name in ("without grouping", "with grouping"):
        print(_row(name, total[name]))
    counts = rollout(accounts=200, regions=17)
    print(
        f"\nRollout to 200 accounts and 17 regions: {counts['findings']:,} findings, {counts['messages']} message, "
        f"{counts['topic']} on the security topic."
    )
    grouped = total["with grouping"]
    per_cause, precision = (
        grouped["messages"] / grouped["causes"],
        grouped["right"] / max(grouped["pairs"], 1),
    )
    is_met = 1 <= per_cause <= MOST_PER_CAUSE and precision >= LEAST_PRECISION
    return 0 if is_met and counts["messages"] == counts["topic"] == 1 else 1


def _row(name: str, counts: Counter[str]) -> str:
    precision = f"{counts['right'] / counts['pairs']:.3f}" if counts["pairs"] else "-"
    recall = f"{counts['right'] / counts['same_cause']:.3f}" if counts["same_cause"] else "-"
    per_cause = counts["messages"] / counts["causes"]
    cells = (
        name,
        counts["findings"],
        counts["causes"],
        counts["messages"],
        f"{per_cause:.3f}",
        counts["pairs"],
        precision,
        recall,
    )
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    # The findings of the rollout are in tests/given.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    sys.exit(main())
