"""Select the findings that a scan reports from the ledger: those that are open or were just resolved."""

from collections.abc import Collection
from datetime import date

from focuswatch.findings.fast_model_copy import copy_with
from focuswatch.findings.finding import Finding
from focuswatch.ledger import LedgerSnapshot, SuppressionIndex


def current_findings(
    ledger: LedgerSnapshot, *, as_of: date, notified: Collection[str]
) -> tuple[tuple[Finding, ...], int]:
    """Return the findings that are open or were just resolved, and the number of suppressed ones.

    `notified` are the fingerprints of the findings notified in this scan; all others have the status open.
    """
    suppressions = SuppressionIndex(ledger.suppressions)
    findings, suppressed = [], 0
    for entry in ledger.entries.values():
        is_notified = entry.fingerprint in notified
        if entry.state == "closed" or (entry.state == "resolved" and not is_notified):
            continue
        if suppressions.suppresses(entry.finding, on=as_of):
            suppressed += 1
        elif is_notified or entry.finding.status == "open":
            findings.append(entry.finding)
        else:
            findings.append(copy_with(entry.finding, {"status": "open"}))
    findings.sort(key=lambda finding: (-finding.stake, finding.detection, finding.fingerprint))
    return tuple(findings), suppressed
