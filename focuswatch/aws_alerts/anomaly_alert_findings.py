"""Convert alerts from AWS Cost Anomaly Detection, which are JSON, to findings.

Example of a message: https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html
"""

import re
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from focuswatch.aws_alerts.build_alert_finding import CURRENCY, alert_finding, owner_of
from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.aws_alert_detection_ids import ANOMALY
from focuswatch.findings.fill_action_with_safe_commands import action_of
from focuswatch.findings.finding import Finding
from focuswatch.owners.owners_file import Owners

MOST_CAUSES = 5
MOST_USD = 10**30  # no anomaly costs that much; a larger number is not an amount
SHOWN_CHARACTERS = 80  # maximum length of an invalid value in the reason


def _day(text: object) -> date | None:
    """Return the day of a timestamp such as `2026-11-20T00:00:00Z`."""
    try:
        return date.fromisoformat(str(text)[:10]) if text else None
    except ValueError:
        raise PydanticCustomError("day", "Input should be a date such as 2026-11-20") from None


AlertDay = Annotated[date | None, BeforeValidator(_day)]
AmountUsd = Annotated[Decimal | None, Field(gt=-MOST_USD, lt=MOST_USD)]


class _AnomalyMessage(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel)


class CauseImpact(_AnomalyMessage):
    """The cost that a root cause adds."""

    contribution: AmountUsd = None


class AlertCause(_AnomalyMessage):
    """A root cause: where the cost occurred."""

    service: str | None = None
    region: str | None = None
    linked_account: str | None = None
    linked_account_name: str | None = None
    usage_type: str | None = None
    impact: CauseImpact | None = None

    def __str__(self) -> str:
        account = self.linked_account_name or self.linked_account
        text = " · ".join(filter(None, (self.service, self.usage_type, self.region, account)))
        contribution = self.impact.contribution if self.impact else None
        return f"{text}: {amount(contribution)} {CURRENCY}" if contribution is not None else text


class Impact(_AnomalyMessage):
    """The amounts of the anomaly so far, in USD."""

    total_impact: AmountUsd = None
    total_actual_spend: AmountUsd = None
    total_expected_spend: AmountUsd = None


class Anomaly(_AnomalyMessage):
    """The alert message. Only the id is required, because it identifies repeated alerts."""

    anomaly_id: str = Field(min_length=1)
    account_id: str | None = None  # payer account, which owns the anomaly monitor
    anomaly_start_date: AlertDay = None
    anomaly_end_date: AlertDay = None
    anomaly_details_link: str | None = None
    dimensional_value: str | None = None
    monitor_name: str | None = None
    impact: Impact = Impact()
    root_causes: list[AlertCause] | None = None


def anomaly_finding(document: dict[str, Any], *, owners: Owners, today: date) -> Finding:
    """Return the finding for an alert. Raises ValueError with the first invalid field if it is not an alert."""
    try:
        anomaly = Anomaly.model_validate(document)
    except ValidationError as error:
        raise ValueError(_first_problem(error)) from error
    causes = anomaly.root_causes or []
    cause = causes[0] if causes else AlertCause()
    first = anomaly.anomaly_start_date or today
    last = max(anomaly.anomaly_end_date or first, first)
    service = cause.service or anomaly.dimensional_value
    return alert_finding(
        ANOMALY,
        identity=anomaly.anomaly_id,
        category="anomaly",
        title="Cost anomaly detected by AWS",
        reason=_reason(anomaly.impact, service=service, days=(first, last)),
        action=_action(anomaly, cause=cause, first=first),
        evidence={
            "anomaly_id": anomaly.anomaly_id,
            "usage_type": cause.usage_type,
            "expected": _money(anomaly.impact.total_expected_spend),
            "actual": _money(anomaly.impact.total_actual_spend),
            "first_day": first.isoformat(),
            "last_day": last.isoformat(),
            "root_causes": [str(root_cause) for root_cause in causes[:MOST_CAUSES]],
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


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    text = f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
    if problem["type"] == "missing":
        return text
    value = repr(problem["input"])
    return f"{text}, found {value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + '…'}"


def _money(value: Decimal | None) -> str | None:
    return None if value is None else f"{amount(value)} {CURRENCY}"


def _reason(impact: Impact, *, service: str | None, days: tuple[date, date]) -> str:
    first, last = days
    when = f"On {first}" if first == last else f"From {first} to {last}"
    cost = f"{service or 'service'} cost"
    more = f"{_money(impact.total_impact)} more" if impact.total_impact is not None else "more"
    if impact.total_actual_spend is None or impact.total_expected_spend is None:
        return f"{when}, {cost} was {more} than AWS expected."
    actual, expected = _money(impact.total_actual_spend), _money(impact.total_expected_spend)
    return f"{when}, {cost} was {actual}, {more} than the {expected} that AWS expected."


def _action(anomaly: Anomaly, *, cause: AlertCause, first: date) -> str:
    link = anomaly.anomaly_details_link or ""
    is_link = link.startswith("https://") and not re.search(r"\s", link)
    values = {
        "link": link,
        "account": cause.linked_account_name or cause.linked_account or "the account",
        "usage": " ".join(
            filter(None, ("the usage", cause.usage_type, cause.region and f"in {cause.region}"))
        ),
        "first": first.isoformat(),
        "anomaly_id": anomaly.anomaly_id,
    }
    steps = (
        "Open the anomaly in the AWS console: {link}"
        if is_link
        else "Open AWS Cost Anomaly Detection in the payer account and find the anomaly.",
        "Ask the owner of {account} who started {usage} on {first}. If the usage is not needed, stop it.",
        "If the usage was planned, mark the anomaly as planned activity: aws ce provide-anomaly-feedback "
        "--anomaly-id {anomaly_id} --feedback PLANNED_ACTIVITY",
    )
    template = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    return action_of(template, values, words=values)
