"""The finding: its fields, its fingerprint and its severity, made from a row of a detection.

Pure: nothing is queried or stored here.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from focuswatch.catalog.sql_catalog import Detection
from focuswatch.catalog.sql_headers import Category
from focuswatch.engines import Row
from focuswatch.findings.changed_copy import share_field_names
from focuswatch.findings.exclusion_offer import ExclusionOffer
from focuswatch.findings.explanation import Explanation
from focuswatch.findings.finding_size import limit_size
from focuswatch.findings.incident_extent import RelatedFinding, Rollout
from focuswatch.findings.incident_extent import Severity as Severity
from focuswatch.findings.paste_commands import COMMAND, action_of
from focuswatch.findings.provider_names import is_aws
from focuswatch.findings.stake import DAYS_A_MONTH as DAYS_A_MONTH
from focuswatch.findings.stake import EVENTS, Stake, stake_of, weight
from focuswatch.findings.verified_saving import Money as Money
from focuswatch.findings.verified_saving import VerifiedSaving

ONE_DAY = re.compile(r"\bfrom (\d{4}-\d{2}-\d{2}) to \1\b")  # a range of one day is a date
CONTRACT = ("sub_account_id", "region_id", "resource_id", "monthly_cost")
CARRIED = (
    "service_name",
    "not_evaluated",
    "nobody_looked",  # the old name of not_evaluated
    "team",
    "minor",
    "monthly_cost_if_continues",
)  # columns with a meaning of their own that a row may have
ANY_AMOUNT = Context(
    prec=400
)  # digits of the greatest double with six decimals; the default of 28 fails from 1e22 on

Status = Literal["new", "open", "changed", "resolved"]
OwnedBy = Literal["resource tag", "account tag", "account", "ou", "budget", "plan", "fallback"]
# Columns of numbers that are not money; whole values are shown without decimals.
WHOLE_FROM = 100  # amounts from here on are rounded to whole ones
MEASURE = re.compile(r"(^|_)(hours|percent|share|utilization|tokens|days|gb)(_|$)")
SEVERITIES: tuple[Severity, ...] = ("low", "medium", "high", "critical")

# The lowest stake of each severity, in USD. Waste and governance: per month. Anomaly and security: the cost so far,
# and of another week where it continues.
SEVERITY_FROM: dict[Category, dict[Severity, Decimal]] = {
    "waste": {"medium": Decimal(100), "high": Decimal(1_000), "critical": Decimal(10_000)},
    "security": {"high": Decimal("-Infinity"), "critical": Decimal(1_000)},
    "anomaly": {"medium": Decimal(500), "high": Decimal(3_000), "critical": Decimal(15_000)},
    "governance": {"medium": Decimal(1_000), "high": Decimal(20_000)},
}


class Finding(BaseModel):
    """A finding of a detection; its JSON is stored, printed and published."""

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
    monthly_cost: Money  # waste, governance: of a month; anomaly, security: so far
    cost_so_far: Money | None = None  # anomaly, security
    monthly_cost_if_continues: Money | None = None  # anomaly, security; 0: it ended, None: unknown
    started_on: date | None = None
    ended_on: date | None = None
    currency: str
    provider: str | None = None  # None: AWS, or several
    bills: tuple[str, ...] = ()  # of a finding without an account: the bills that it was found in
    title: str
    reason: str
    action: str
    evidence: dict[str, Any]
    explanation: Explanation | None = None  # of a cost increase, once it was notified
    exclusion_offer: ExclusionOffer | None = None  # in a notification, after repeated dismissals
    verified_saving: VerifiedSaving | None = None  # of resolved waste, once the bill shows it
    first_seen: date
    last_seen: date
    as_of: date
    incident: str | None = (
        None  # the same for all findings with the same cause; None: from before there were incidents
    )
    incident_lead: bool | None = None  # the finding that a message is about
    also_detected: tuple[RelatedFinding, ...] = ()  # of a lead: the other findings; of the others: the lead
    related_findings: int = 0  # the number of other findings in the incident; `also_detected` may list fewer
    rollout: Rollout | None = None  # of the lead of a rollout
    counted_in: str | None = (
        None  # fingerprint of a finding whose cost includes this one's: totals leave this one out
    )

    @property
    def incident_id(self) -> str:
        """The key of what is sent once per incident: a message, an issue, an alert."""
        return self.incident or self.fingerprint

    @property
    def spans_teams(self) -> bool:
        """Whether it leads a rollout in accounts of several teams, which FinOps is notified of."""
        return self.rollout is not None and len(self.rollout.teams) > 1

    @property
    def incident_severity(self) -> Severity:
        """The highest severity of the findings that a message about this one names."""
        named = (self.severity, *(one.severity for one in self.also_detected))
        return max(named, key=SEVERITIES.index) if self.incident_lead else self.severity

    @property
    def tags(self) -> Mapping[str, Any]:
        """The tags of its resource; empty where the detection does not state them."""
        return self.evidence.get("tags") or {}

    @property
    def suppressible_by_team(self) -> bool:
        """Whether its team may suppress it: not a security finding whose team comes from the resource's own tag."""
        return is_suppressible_by_team(category=self.category, owned_by=self.owned_by)

    @property
    def stake(self) -> Decimal:
        """The amount by which findings are compared, in the billing currency: see focuswatch.findings.stake."""
        return weight(
            self.category, cost=self.monthly_cost, monthly_if_continues=self.monthly_cost_if_continues
        )

    @property
    def is_event(self) -> bool:
        """Whether its amounts are the cost so far and if it continues, and not monthly savings."""
        return self.category in EVENTS


def account_label(name: str | None, id: str | None) -> str | None:
    """Return `name (id)`, or only one of them if the other is missing: two accounts may share a name."""
    return f"{name} ({id})" if name and id else name or id


def owner_rule(owned_by: OwnedBy) -> str:
    """Return the rule that determined the owner: `by account tag`, `by OU`."""
    return {"ou": "by OU", "budget": "from budget name", "plan": "by use case or budget"}.get(
        owned_by, f"by {owned_by}"
    )


def owner_label(finding: Finding) -> str:
    """Return the owning team and how it was determined: `search (by account tag)`."""
    return f"{finding.team} ({owner_rule(finding.owned_by)})"


def fingerprint(detection: str, row: Mapping[str, Any]) -> str:
    """Return a finding's identity over time: 20 hex digits of detection, account, region, service and resource."""
    identity = [
        detection,
        *(row.get(key) for key in ("sub_account_id", "region_id", "service_name", "resource_id")),
    ]
    return hashlib.sha256(json.dumps(identity, ensure_ascii=False).encode()).hexdigest()[:20]


def severity_of(category: Category, stake_usd: Decimal, *, minor: bool = False) -> Severity:
    """Return the severity by category and stake in USD; low where the detection's row is `minor`."""
    if minor:
        return "low"
    reached: list[Severity] = [name for name, limit in SEVERITY_FROM[category].items() if stake_usd >= limit]
    return max(reached, key=SEVERITIES.index, default="low")


def is_minor(finding: Finding) -> bool:
    """Return whether a finding is notified only in a digest: a security finding is low only if it is minor."""
    return finding.category == "security" and finding.severity == "low"


def money(value: float | Decimal | None) -> Decimal:
    """Return an amount with six decimals, as a bill has; null and what rounds to -0 are 0."""
    amount = Decimal(repr(value) if isinstance(value, float) else value or 0)
    return amount.quantize(Decimal("0.000001"), context=ANY_AMOUNT) + 0


def json_value(value: Any) -> Any:
    """Return a column's value as in JSON: dates as text, decimals as numbers."""
    match value:
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return json_value(float(value))
        case list() | tuple():
            return [json_value(element) for element in value]
        case dict():
            return {str(key): json_value(element) for key, element in value.items()}
        case float():
            return round(value, 6) if math.isfinite(value) else None  # JSON has neither NaN nor Infinity
    return value


def display_values(row: Mapping[str, Any]) -> dict[str, str]:
    """Return the text that replaces `{column}` in a `reason` or `action`."""
    return {key: _shown(value, is_measure=MEASURE.search(key) is not None) for key, value in row.items()}


def is_suppressible_by_team(*, category: str, owned_by: str) -> bool:
    """Return whether a finding's team may suppress it: a resource tag, which an attacker can set, is not enough."""
    return not (category == "security" and owned_by == "resource tag")


def evidence_label(column: str) -> str:
    """Return the name of an evidence column in a message: the column's own, unless that is unclear without the rest."""
    if column.endswith("_before"):
        return f"previous_{column.removesuffix('_before')}"
    return {"continues": "still_occurring", "moved": "changed"}.get(column, column)


def amount(value: float | Decimal) -> str:
    """Return money or a measure as text: two decimals under a hundred, none from there on."""
    return f"{value:,.0f}" if round(abs(float(value)), 2) >= WHOLE_FROM else f"{value:,.2f}"


def _shown(value: Any, *, is_measure: bool = False) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float() | Decimal():
            return amount(value).removesuffix(".00") if is_measure else amount(value)
        case int():
            return f"{value:,}"
        case list() | tuple():
            return ", ".join(map(_shown, value))
        case Mapping():
            return ", ".join(f"{key}={_shown(one)}" for key, one in value.items())
    return str(value)


def to_finding(
    row: Row,
    *,
    detection: Detection,
    as_of: date,
    currency: str,
    account_names: Mapping[str, str],
    per_usd: Decimal = Decimal(1),
    billed_until: date | None = None,
    provider: str | None = None,
    bills: tuple[str, ...] = (),
) -> Finding:
    """Return the finding of a row of `detection`, without an owner and not yet in a ledger.

    `row` keeps the contract, and its values are those of JSON. `per_usd` is units of `currency` for one US dollar;
    `billed_until` the last day on which the account is charged (None: the day before `as_of`). Texts too
    long for a ledger are cut, with a mark. `provider` is None on a bill of AWS alone.
    """
    header, cost = detection.header, money(row["monthly_cost"])
    account = row["sub_account_id"]
    named = row | {
        "sub_account_name": account_names.get(account or "", account),
        "currency": currency,
        "provider": provider or "AWS",
    }
    template = (
        header.action if provider is None or is_aws(provider) else header.action_of_others or header.action
    )
    words = display_values(named)
    last_billed = billed_until or as_of - timedelta(days=1)
    stake = stake_of(header.category, row, cost=cost, as_of=as_of, billed_until=last_billed)
    stated = Finding(
        detection=detection.id,
        fingerprint=fingerprint(detection.id, row),
        category=header.category,
        severity=_severity(header.category, stake, per_usd=per_usd, minor=bool(row.get("minor"))),
        status="new",
        sub_account_id=account,
        sub_account_name=account_names.get(account or ""),
        region_id=row["region_id"],
        resource_id=row["resource_id"],
        service_name=row.get("service_name"),
        team=None,
        owned_by="fallback",
        monthly_cost=stake.cost,
        cost_so_far=stake.cost_so_far,
        monthly_cost_if_continues=stake.monthly_if_continues,
        started_on=stake.started_on,
        ended_on=stake.ended_on,
        currency=currency,
        provider=provider,
        bills=bills,
        title=header.title,
        reason=ONE_DAY.sub(r"on \1", header.reason.strip().format_map(words)),
        action=action_of(template.strip(), named, words=words),
        evidence=_evidence(row),
        first_seen=as_of,
        last_seen=as_of,
        as_of=as_of,
    )
    share_field_names(stated)
    return limit_size(stated)


def _severity(category: Category, stake: Stake, *, per_usd: Decimal, minor: bool) -> Severity:
    weighed = weight(category, cost=stake.cost, monthly_if_continues=stake.monthly_if_continues)
    return severity_of(category, weighed / per_usd, minor=minor)


def _evidence(row: Row) -> dict[str, Any]:
    """Return the columns that prove a finding; a command is None where it may not be offered."""
    evidence = {key: value for key, value in row.items() if key not in (*CONTRACT, *CARRIED)}
    for key in [key for key in evidence if key.endswith("_command")]:
        command = action_of(str(evidence[key]), row, words=display_values(row))
        evidence[key] = command if COMMAND.fullmatch(command) else None
    return evidence
