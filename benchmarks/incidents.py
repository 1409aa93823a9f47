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

from focuswatch.bill.bill_input_files import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.scan_and_record_findings import scan
from focuswatch.findings.finding import Finding
from focuswatch.ledger import DetectionRun, Notification, SqliteLedger, decide
from focuswatch.owners.owners_file_and_assignment import Owners

MOST_PER_CAUSE, LEAST_PRECISION = 1.05, 0.99
PLANTED = "planted"


@dataclass(frozen=True)
class Reported:
    """A finding that was new, its incident (None: each finding by itself), and what it follows from."""

    finding: Finding
    incident: str
    planted: str | None


def scanned_daily(folder: Path, *, days: int) -> list[Notification]:
    """Return the notifications of a scan on each of the last `days` days, with one ledger."""
    truth = json.loads((folder / "truth.json").read_text())
    catalog, owners = Catalog.load(), Owners.load(folder / "owners.toml")
    ledger = SqliteLedger(folder / "ledger.db")
    as_of, sent = date.fromisoformat(truth["as_of"]), list[Notification]()
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
        if scanned.failures:
            raise RuntimeError(scanned.failures[0].error)
        sent += scanned.notifications
    return sent


def planted_of(finding: Finding, incidents: Iterable[dict[str, Any]]) -> str | None:
    """Return what a finding follows from; of several incidents with its identity, that of its days."""
    same = [incident for incident in incidents if identity(incident) == identity(finding)]
    started = finding.started_on or finding.first_seen
    same.sort(key=lambda one: abs((date.fromisoformat(one["start"]) - started).days))
    return str(same[0][PLANTED]) if same else None


def evaluated(folder: Path, *, days: int) -> dict[str, Counter[str]]:
    """Return counts of one organization, with incidents and without; print the pairs that are wrong or missing."""
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
    known = [one for one in reported if one.planted]
    return Counter(
        findings=len(known),
        other=len(reported) - len(known),
        causes=len({one.planted for one in known}),
        messages=len({one.incident for one in known}),
        pairs=sum(1 for _ in _pairs(known)),
        right=sum(one.planted == other.planted for one, other in _pairs(known)),
        same_cause=sum(one.planted == other.planted for one, other in combinations(known, 2)),
    )


def _pairs(reported: list[Reported]) -> Iterable[tuple[Reported, Reported]]:
    by_incident: dict[str, list[Reported]] = defaultdict(list)
    for one in reported:
        by_incident[one.incident].append(one)
    for found in by_incident.values():
        yield from combinations(found, 2)


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
    """Return counts of notifications of a rollout of two security services."""
    from tests.given.incidents import MONDAY, scanned, security_rollout

    found = security_rollout(accounts=accounts, regions=regions)
    a_run: DetectionRun = scanned(*found, on=MONDAY + timedelta(days=1))
    sent = decide({}, [], a_run).notifications
    messages = [one for one in sent if not one.in_incident]
    return Counter(findings=len(sent), messages=len(messages), topic=sum(one.on_topic for one in sent))


def main() -> int:
    """Print the counts; return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[102, 103, 104, 105])
    parser.add_argument("--days-scanned", type=int, default=14)
    parser.add_argument("--data", type=Path, default=Path("/tmp/focuswatch-incidents"))
    given = parser.parse_args()
    total = over_seeds(
        given.seeds, data=given.data, evaluate=lambda folder: evaluated(folder, days=given.days_scanned)
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
    found = total["with grouping"]
    per_cause, precision = found["messages"] / found["causes"], found["right"] / max(found["pairs"], 1)
    is_met = 1 <= per_cause <= MOST_PER_CAUSE and precision >= LEAST_PRECISION
    return 0 if is_met and counts["messages"] == counts["topic"] == 1 else 1


def _row(name: str, counts: Counter[str]) -> str:
    precision = f"{counts['right'] / counts['pairs']:.3f}" if counts["pairs"] else "-"
    recall = f"{counts['right'] / counts['same_cause']:.3f}" if counts["same_cause"] else "-"
    per_cause = counts["messages"] / counts["causes"]
    cells = (
        name, counts["findings"], counts["causes"], counts["messages"], f"{per_cause:.3f}", counts["pairs"],
        precision, recall,
    )  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the rollout is given by the tests
    sys.exit(main())
