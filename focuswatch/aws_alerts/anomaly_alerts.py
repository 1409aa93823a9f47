"""An anomaly of AWS Cost Anomaly Detection, which is JSON.

https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html shows a message whole.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from focuswatch.aws_alerts.alert_findings import ANOMALY, CURRENCY, alert_finding, owner_of
from focuswatch.findings.finding import Finding, amount
from focuswatch.findings.paste_commands import action_of
from focuswatch.owners.owners_file import Owners

MOST_CAUSES = 5


class _AnomalyMessage(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel)


class CauseImpact(_AnomalyMessage):
    """What a root cause adds."""

    contribution: Decimal | None = None


class AlertCause(_AnomalyMessage):
    """Where the money went."""

    service: str | None = None
    region: str | None = None
    linked_account: str | None = None
    linked_account_name: str | None = None
    usage_type: str | None = None
    impact: CauseImpact | None = None

    def __str__(self) -> str:
        account = self.linked_account_name or self.linked_account
        said = " · ".join(filter(None, (self.service, self.usage_type, self.region, account)))
        added = self.impact.contribution if self.impact else None
        return f"{said}: {amount(added)} {CURRENCY}" if added is not None else said


class Impact(_AnomalyMessage):
    """How much it came to so far, in USD."""

    total_impact: Decimal | None = None
    total_actual_spend: Decimal | None = None
    total_expected_spend: Decimal | None = None


class Anomaly(_AnomalyMessage):
    """The message; the id alone is asked for, since it alone makes it the same when it is told again."""

    anomaly_id: str = Field(min_length=1)
    account_id: str | None = None  # whose monitor it is: the payer's
    anomaly_start_date: str | None = None
    anomaly_end_date: str | None = None
    anomaly_details_link: str | None = None
    dimensional_value: str | None = None
    monitor_name: str | None = None
    impact: Impact = Impact()
    root_causes: list[AlertCause] | None = None


def anomaly_finding(told: dict[str, Any], *, owners: Owners, today: date) -> Finding:
    """The finding that the message states. Raises ValueError (pydantic's) where it is no anomaly."""
    anomaly = Anomaly.model_validate(told)
    causes = anomaly.root_causes or []
    cause = causes[0] if causes else AlertCause()
    first = _day(anomaly.anomaly_start_date) or today
    last = max(_day(anomaly.anomaly_end_date) or first, first)
    service = cause.service or anomaly.dimensional_value
    return alert_finding(
        ANOMALY,
        identity=anomaly.anomaly_id,
        category="anomaly",
        title="AWS sees a cost out of its pattern",
        reason=_reason(anomaly.impact, service=service, days=(first, last)),
        action=_action(anomaly, cause=cause, first=first),
        evidence={
            "anomaly_id": anomaly.anomaly_id,
            "usage_type": cause.usage_type,
            "expected": _money(anomaly.impact.total_expected_spend),
            "actual": _money(anomaly.impact.total_actual_spend),
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
            "root_causes": [str(one) for one in causes[:MOST_CAUSES]],
            "anomaly_details": anomaly.anomaly_details_link,
        },
        owner=owner_of(cause.linked_account, owners=owners),
        days=(first, last),
        cost=anomaly.impact.total_impact,
        account=(cause.linked_account, cause.linked_account_name),
        region_id=cause.region,
        service_name=service,
        rates=owners.exchange_rates,
    )


def _day(told: str | None) -> date | None:
    return date.fromisoformat(told[:10]) if told else None


def _money(value: Decimal | None) -> str | None:
    return None if value is None else f"{amount(value)} {CURRENCY}"


def _reason(impact: Impact, *, service: str | None, days: tuple[date, date]) -> str:
    first, last = days
    when = f"on {first}" if first == last else f"from {first} to {last}"
    cost = f"{service or 'Something'} cost"
    more = f"{_money(impact.total_impact)} more" if impact.total_impact is not None else "more"
    if impact.total_actual_spend is None or impact.total_expected_spend is None:
        return f"{cost} {more} than AWS expected {when}."
    actual, expected = _money(impact.total_actual_spend), _money(impact.total_expected_spend)
    return f"{cost} {actual} {when} where AWS expected {expected}: {more}."


def _action(anomaly: Anomaly, *, cause: AlertCause, first: date) -> str:
    link = anomaly.anomaly_details_link or ""
    opened = link.startswith("https://") and not re.search(r"\s", link)
    values = {
        "link": link,
        "whose": cause.linked_account_name or cause.linked_account or "the account",
        "what": " ".join(filter(None, (cause.usage_type, cause.region and f"in {cause.region}"))) or "it",
        "first": first.isoformat(),
        "anomaly_id": anomaly.anomaly_id,
    }
    steps = (
        "Look at what AWS shows of it: {link}" if opened else "Look it up in the payer's Cost Explorer.",
        "Ask in {whose} who began {what} on {first}, and stop what nobody ordered.",
        "Where it was planned, tell AWS so: aws ce provide-anomaly-feedback "
        "--anomaly-id {anomaly_id} --feedback PLANNED_ACTIVITY",
    )
    template = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    return action_of(template, values, words=values)
