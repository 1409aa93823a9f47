"""The finding: its fields and its fingerprint.

Pure: nothing is queried or stored here.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from focuswatch.catalog.sql_header_models import Category
from focuswatch.findings.compute_finding_amounts_and_event_end import EVENTS, weight
from focuswatch.findings.cost_increase_explanation_models import Explanation
from focuswatch.findings.decimal_money_type_and_rounding import Money
from focuswatch.findings.exclusion_offer_record import ExclusionOffer
from focuswatch.findings.related_finding_and_region_rollout_models import RelatedFinding, Rollout
from focuswatch.findings.severity import SEVERITIES, Severity
from focuswatch.findings.verified_saving_record import VerifiedSaving

Status = Literal["new", "open", "changed", "resolved"]
OwnedBy = Literal["resource tag", "account tag", "account", "ou", "budget", "plan", "fallback"]


class Finding(BaseModel):
    """A finding of focuswatch. docs/finding.md describes the fields."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)
    schema_: Literal["focuswatch.finding/1"] = Field(default="focuswatch.finding/1", alias="schema")
    detection: str
    fingerprint: str
    category: Category
    severity: Severity
    status: Status
    sub_account_id: str | None
    sub_account_name: str | None
    region_id: str | None
    resource_id: str | None
    service_name: str | None
    team: str | None
    owned_by: OwnedBy
    monthly_cost: Money  # waste, governance: per month; anomaly, security: so far
    cost_so_far: Money | None = None  # anomaly, security
    monthly_cost_if_continues: Money | None = None  # anomaly, security; 0: ended, None: unknown
    started_on: date | None = None
    ended_on: date | None = None
    currency: str
    provider: str | None = None  # None: AWS, or several providers
    bills: tuple[str, ...] = ()  # names of all scanned bills, if the finding has no account
    title: str
    reason: str
    action: str
    evidence: dict[str, Any]
    explanation: Explanation | None = None  # set for a cost increase once it was notified
    exclusion_offer: ExclusionOffer | None = None  # in a notification, after repeated dismissals
    verified_saving: VerifiedSaving | None = None  # set for resolved waste once verified on the bill
    first_seen: date
    last_seen: date
    as_of: date
    # Id shared by all findings with the same cause; None: incidents are disabled, or an earlier version created it.
    incident: str | None = None
    incident_lead: bool | None = None  # True: messages are about this finding
    also_detected: tuple[RelatedFinding, ...] = ()  # lead: other findings; other findings: the lead
    related_findings: int = 0  # number of other findings in the incident; `also_detected` may list fewer
    rollout: Rollout | None = None  # set only for the lead of a rollout
    # Fingerprint of another finding that includes this cost; totals then leave this finding out.
    counted_in: str | None = None

    @property
    def incident_id(self) -> str:
        """The key under which channels send one message, issue or alert per incident."""
        return self.incident or self.fingerprint

    @property
    def spans_teams(self) -> bool:
        """Whether it leads a rollout in accounts of several teams; FinOps is notified of these rollouts."""
        return self.rollout is not None and len(self.rollout.teams) > 1

    @property
    def incident_severity(self) -> Severity:
        """The highest severity among the findings that a message about this finding lists."""
        named = (self.severity, *(one.severity for one in self.also_detected))
        return max(named, key=SEVERITIES.index) if self.incident_lead else self.severity

    @property
    def tags(self) -> Mapping[str, Any]:
        """The tags of its resource; empty if the detection does not return tags."""
        return self.evidence.get("tags") or {}

    @property
    def suppressible_by_team(self) -> bool:
        """Whether its team may suppress it; see `is_suppressible_by_team`."""
        return is_suppressible_by_team(category=self.category, owned_by=self.owned_by)

    @property
    def stake(self) -> Decimal:
        """The amount by which findings are compared, in the billing currency; see `weight`."""
        return weight(
            self.category, cost=self.monthly_cost, monthly_if_continues=self.monthly_cost_if_continues
        )

    @property
    def is_minor(self) -> bool:
        """Whether it is notified only in a digest. A security finding is low only if its row is `minor`."""
        return self.category == "security" and self.severity == "low"

    @property
    def is_event(self) -> bool:
        """Whether its amounts are the cost so far and the cost if it continues, instead of monthly amounts."""
        return self.category in EVENTS


def fingerprint(detection: str, row: Mapping[str, Any]) -> str:
    """Return a finding's permanent id: 20 hex digits of a hash of detection, account, Region, service and resource."""
    identity = [
        detection,
        *(row.get(key) for key in ("sub_account_id", "region_id", "service_name", "resource_id")),
    ]
    return hashlib.sha256(json.dumps(identity, ensure_ascii=False).encode()).hexdigest()[:20]


def is_suppressible_by_team(*, category: str, owned_by: str) -> bool:
    """Return whether the owning team may suppress a finding.

    False for a security finding whose team comes from a resource tag, because an attacker can set resource tags.
    """
    return not (category == "security" and owned_by == "resource tag")
