"""Notifications that earlier scans left pending are part of the result of the next scan."""

from datetime import timedelta
from decimal import Decimal

from focuswatch.detect.check_bill_completeness_before_resolving_findings import Coverage
from focuswatch.detect.merge_pending_notifications import with_pending_notifications
from focuswatch.detect.scan_result import ScanResult
from focuswatch.detect.select_open_and_just_resolved_findings import current_findings
from focuswatch.findings.fast_model_copy import copy_with
from focuswatch.ledger import SqliteLedger, decide
from tests.given.one_line_findings import DAY, finding, run


def scanned(ledger, *findings, on=DAY):
    """Return the result of a scan with these findings."""
    ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, run(*findings, on=on)), evaluated=()
    )
    snapshot = ledger.snapshot()
    current, suppressed = current_findings(snapshot, as_of=on, notified=[])
    return ScanResult(
        as_of=on,
        currency="USD",
        findings=current,
        notifications=(),
        outcomes=(),
        coverage=Coverage(),
        suppressed=suppressed,
        seconds=0.0,
        ledger=snapshot,
    )


def test_pending_notifications_have_the_order_of_the_findings(tmp_path):
    """Highest stake first: an anomaly with a high cost if it continues comes before waste with a higher cost so far."""
    ledger = SqliteLedger(tmp_path / "ledger.db")
    waste = finding("waste", cost="1000")
    anomaly = copy_with(
        finding("rising", cost="900", category="anomaly"), {"monthly_cost_if_continues": Decimal(30_000)}
    )
    scanned(ledger, waste)
    merged = with_pending_notifications(
        scanned(ledger, waste, anomaly, on=DAY + timedelta(days=1)), ledger.pending_notifications()
    )
    resources = [notification.finding.resource_id for notification in merged.notifications]
    assert resources == [one.resource_id for one in merged.findings] == ["rising", "waste"]
