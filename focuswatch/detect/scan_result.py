"""Define the result of a scan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from focuswatch.detect.check_bill_completeness_before_resolving_findings import Coverage
from focuswatch.detect.run_detection_and_check_rows import Outcome
from focuswatch.findings.count_each_cost_once import without_double_counts
from focuswatch.findings.finding import Finding
from focuswatch.ledger import LedgerSnapshot, Notification


@dataclass(frozen=True)
class ScanResult:
    """The result of a scan.

    `findings` are open or just resolved, highest cost first. `notifications` are to be sent. `suppressed` is the number
    of open findings that are left out because they are suppressed. `unevaluated` has the reason by detection id, for
    detections that ran without recent recommendations. `ledger` is the state of the ledger after the scan.
    """

    as_of: date
    currency: str
    findings: tuple[Finding, ...]
    notifications: tuple[Notification, ...]
    outcomes: tuple[Outcome, ...]
    coverage: Coverage
    suppressed: int
    seconds: float
    notes: tuple[str, ...] = ()
    unevaluated: Mapping[str, str] = field(default_factory=dict)
    not_run: tuple[str, ...] = ()  # ids of detections that did not run for lack of time
    ledger: LedgerSnapshot = field(default_factory=lambda: LedgerSnapshot({}, ()))

    @property
    def failures(self) -> list[Outcome]:
        """The outcomes of the detections that failed."""
        return [outcome for outcome in self.outcomes if outcome.error]

    @property
    def lacking(self) -> dict[str, list[str]]:
        """The ids of the detections that could not be evaluated, by reason: the input that they lacked."""
        reasons = {one.detection.id: one.lacks_input for one in self.outcomes if one.lacks_input}
        lacking: dict[str, list[str]] = {}
        for id, reason in {**reasons, **self.unevaluated}.items():
            lacking.setdefault(reason, []).append(id)
        return lacking

    @property
    def monthly_waste(self) -> Decimal:
        """The monthly savings of all waste findings that are not resolved; each dollar is counted once."""
        return _monthly_waste(self._counted)

    @property
    def unresolved(self) -> tuple[Finding, ...]:
        """The findings that are not resolved."""
        return tuple(finding for finding in self.findings if finding.status != "resolved")

    @property
    def unowned(self) -> tuple[Finding, ...]:
        """The findings without an owner that are not resolved. Their amounts differ in meaning and are not summed."""
        return tuple(finding for finding in self.unresolved if finding.owned_by == "fallback")

    @property
    def unowned_waste(self) -> Decimal:
        """The part of `monthly_waste` that has no owner."""
        return _monthly_waste(finding for finding in self._counted if finding.owned_by == "fallback")

    @property
    def _counted(self) -> list[Finding]:
        """The unresolved findings whose cost is not part of another finding, so that they can be added up."""
        return without_double_counts(self.unresolved)


def _monthly_waste(findings: Iterable[Finding]) -> Decimal:
    return sum((finding.monthly_cost for finding in findings if finding.category == "waste"), Decimal(0))
