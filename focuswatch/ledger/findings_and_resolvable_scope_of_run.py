"""The result of a run of detections: its findings, and which previous findings it can resolve. Pure values."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from focuswatch.findings.finding import Finding
from focuswatch.findings.lead_order_and_incident_properties_of_detections import IncidentRules


@dataclass(frozen=True)
class DetectionRun:
    """The findings of a run, and which previous findings it can resolve.

    `closed_when_not_found` and `resolved_without_notification` are detections of events. When their findings are no
    longer found, no one is notified: the former are closed for good, the latter are new when they are found again.
    `steps` are the evidence columns that order a finding's steps, for detections that notify each step once.
    `ran` are the detections that succeeded; `not_evaluated` are fingerprints that they could not evaluate;
    `missing_accounts` are accounts without recent data; `resolves` is False if the data is stale or incomplete.
    `per_usd` is units of the findings' currency per US dollar.
    `accounts` are the accounts of the bills whose charges are complete (None: all); `bills` are the names of the bills.
    `incident_rules` define how findings are grouped by cause; None: each finding is notified by itself.
    """

    as_of: date
    findings: Mapping[str, Finding]
    ran: Collection[str]
    closed_when_not_found: Collection[str] = ()
    resolved_without_notification: Collection[str] = ()
    steps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    not_evaluated: Collection[str] = ()
    missing_accounts: Collection[str] = ()
    resolves: bool = True
    per_usd: Decimal = Decimal(1)
    incident_rules: IncidentRules | None = None
    accounts: Collection[str | None] | None = None
    bills: Collection[str] = ()

    def covers(self, finding: Finding) -> bool:
        """Return whether the run read the bills of a finding; otherwise the absence of the finding proves nothing."""
        if finding.sub_account_id is None:
            return not finding.bills or not self.bills or set(finding.bills) <= set(self.bills)
        return self.accounts is None or finding.sub_account_id in self.accounts


def step_of(finding: Finding, run: DetectionRun) -> tuple[str | float, ...]:
    """Return a finding's current step, which compares greater than earlier steps; empty if it has no steps."""
    return tuple(finding.evidence[column] for column in run.steps.get(finding.detection, ()))
