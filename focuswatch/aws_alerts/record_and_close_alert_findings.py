"""Record the finding of an AWS alert in the ledger, and close alerts that AWS no longer repeats."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from focuswatch.findings.aws_alert_detection_ids import AWS_ALERTS
from focuswatch.findings.finding import Finding
from focuswatch.findings.lead_order_and_incident_properties_of_detections import IncidentRules
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rates, rate_of
from focuswatch.ledger.decide_ledger_changes_and_notifications import decide
from focuswatch.ledger.findings_and_resolvable_scope_of_run import DetectionRun
from focuswatch.ledger.ledger_decision_model import Decision
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.ledger.suppression import Suppression

# AWS does not report the end of an alert, so its finding is closed this many days after the last alert.
CLOSE_AFTER_DAYS = 45


def record_alert_finding(
    ledger: Ledger,
    finding: Finding,
    *,
    today: date,
    rates: Rates | None = None,
    incident_rules: IncidentRules | None = None,
) -> Decision:
    """Record the finding of an alert. It is notified if it is new or its cost increased materially.

    With `incident_rules`, the finding joins the incident of findings with the same cause. Findings of earlier alerts
    that were not repeated for CLOSE_AFTER_DAYS are closed without a notification.
    """

    def decide_run(entries: Mapping[str, LedgerEntry], suppressions: Sequence[Suppression]) -> Decision:
        run = DetectionRun(
            as_of=today,
            findings={finding.fingerprint: _newest(finding, entries.get(finding.fingerprint))},
            ran=AWS_ALERTS,
            closed_when_not_found=AWS_ALERTS,
            per_usd=rate_of(finding.currency, rates=rates).per_usd,
            incident_rules=incident_rules,
            not_evaluated={id for id, entry in entries.items() if not _is_expired(entry, today=today)},
        )
        return decide(entries, suppressions, run)

    return ledger.update(decide_run, evaluated=())


def _newest(finding: Finding, entry: LedgerEntry | None) -> Finding:
    """Return the recorded finding if it is newer, because messages can arrive in any order."""
    return entry.finding if entry and entry.finding.last_seen > finding.last_seen else finding


def _is_expired(entry: LedgerEntry, *, today: date) -> bool:
    return today - entry.finding.last_seen > timedelta(days=CLOSE_AFTER_DAYS)
