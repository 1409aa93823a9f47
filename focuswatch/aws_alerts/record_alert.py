"""Record alerts of AWS in the ledger, which notifies of them as of any finding."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from focuswatch.findings.aws_alert_detections import AWS_ALERTS
from focuswatch.findings.exchange_rates import Rates, rate_of
from focuswatch.findings.finding import Finding
from focuswatch.findings.same_cause import IncidentRules
from focuswatch.ledger.decide_ledger_changes import decide
from focuswatch.ledger.detection_run_findings import DetectionRun
from focuswatch.ledger.ledger_changes import Decision
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.ledger.suppression import Suppression

OVER_DAYS = 45  # AWS does not report the end of an alert; it is closed this long after the last one


def record(
    ledger: Ledger,
    finding: Finding,
    *,
    today: date,
    rates: Rates | None = None,
    incident_rules: IncidentRules | None = None,
) -> Decision:
    """Record an alert. It notifies if it is new or materially larger, and joins the incident of the same cost.

    Alerts of both detections that were not repeated for OVER_DAYS are closed without a notification.
    """

    def decide_run(entries: Mapping[str, LedgerEntry], suppressions: Sequence[Suppression]) -> Decision:
        run = DetectionRun(
            as_of=today,
            findings={finding.fingerprint: _newest(finding, entries.get(finding.fingerprint))},
            ran=AWS_ALERTS,
            notified_once=AWS_ALERTS,
            per_usd=rate_of(finding.currency, rates=rates).per_usd,
            incident_rules=incident_rules,
            not_evaluated={id for id, entry in entries.items() if not _is_over(entry, today=today)},
        )
        return decide(entries, suppressions, run)

    return ledger.update(decide_run, evaluated=())


def _newest(finding: Finding, entry: LedgerEntry | None) -> Finding:
    """Return the newer finding: messages arrive in any order."""
    return entry.finding if entry and entry.finding.last_seen > finding.last_seen else finding


def _is_over(entry: LedgerEntry, *, today: date) -> bool:
    return today - entry.finding.last_seen > timedelta(days=OVER_DAYS)
