"""What AWS said, into the ledger, where it is news that is told like any other."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from focuswatch.aws_alerts.alert_findings import ANOMALY, BUDGET
from focuswatch.findings.exchange_rates import Rates, rate_of
from focuswatch.findings.finding import Finding
from focuswatch.ledger.decide import Decision, DetectionRun, decide
from focuswatch.ledger.ledger_entry import LedgerEntry, Suppression
from focuswatch.ledger.ledger_protocol import Ledger

DETECTIONS = frozenset((BUDGET, ANOMALY))
OVER_DAYS = 45  # nobody says that a budget or an anomaly is over: so long after the last word it is


def record(ledger: Ledger, finding: Finding, *, today: date, rates: Rates | None = None) -> Decision:
    """Write it down: news where it is new or materially larger, nothing where it was known.

    Those of both detections that have not been heard of for OVER_DAYS are closed without a word.
    """

    def decided(known: Mapping[str, LedgerEntry], silences: Sequence[Suppression]) -> Decision:
        run = DetectionRun(
            as_of=today,
            findings={finding.fingerprint: _newest(finding, known.get(finding.fingerprint))},
            ran=DETECTIONS,
            notified_once=DETECTIONS,
            per_usd=rate_of(finding.currency, rates=rates).per_usd,
            not_evaluated={id for id, entry in known.items() if not _is_over(entry, today=today)},
        )
        return decide(known, silences, run)

    return ledger.update(decided, evaluated=())


def _newest(finding: Finding, entry: LedgerEntry | None) -> Finding:
    """Messages come in any order: an older one takes nothing back."""
    return entry.finding if entry and entry.finding.last_seen > finding.last_seen else finding


def _is_over(entry: LedgerEntry, *, today: date) -> bool:
    return today - entry.finding.last_seen > timedelta(days=OVER_DAYS)
