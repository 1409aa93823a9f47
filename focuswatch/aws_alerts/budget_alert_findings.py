"""Convert alerts from AWS Budgets, which are plain text with lines such as `Budget Name: …`, to findings.

AWS does not document the format. The tests of another project contain messages as received:
https://github.com/cds-snc/sre-bot/blob/4109b19/app/tests/server/event_handlers/test_aws_handler.py
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from focuswatch.aws_alerts.build_alert_finding import CURRENCY, alert_finding, owner_of
from focuswatch.aws_alerts.parse_amount_text_with_currency_or_unit import Measure
from focuswatch.catalog.sql_header_models import Category
from focuswatch.findings.aws_alert_detection_ids import BUDGET
from focuswatch.findings.fill_action_with_safe_commands import action_of
from focuswatch.findings.finding import Finding, OwnedBy
from focuswatch.owners.owners_file import Owners

KEY = re.compile(r"[A-Za-z][A-Za-z ]{2,40}")
DATE_LINE = re.compile(r"AWS Budget Notification\s+([A-Z][a-z]+ \d{1,2}, \d{4})")
ACCOUNT = re.compile(r"AWS Account:?\s+(\d{12})\b")
DAILY = re.compile(r" per day\b")
# Suffix of the budget whose alert reports a charge in an unapproved region: a security finding, as in new_region.
UNAPPROVED_REGIONS_SUFFIX = "unapproved-regions"


@dataclass(frozen=True)
class Alert:
    """The values of an alert; None if the message does not contain the value."""

    budget: str
    budget_type: str | None  # Cost, Usage, RI Utilization, …
    limit: Measure | None
    threshold: Measure | None
    threshold_text: str | None  # with its comparison: `> $10,200.00`
    reached: Measure | None
    forecast: bool
    account_id: str | None  # payer account, which owns the budget
    day: date
    daily: bool

    @property
    def falls_below_threshold(self) -> bool:
        """Return whether the alert reports a value below its threshold, as for coverage and utilization."""
        return (self.threshold_text or "").startswith("<")

    @property
    def identity(self) -> str:
        """Return the text that identifies the alert, because a budget alerts once per threshold and period."""
        period = self.day.isoformat() if self.daily else f"{self.day:%Y-%m}"
        kind = "forecast" if self.forecast else "actual"
        return f"{self.account_id} {self.budget} {kind} {self.threshold or self.threshold_text} {period}"


def budget_finding(text: str, *, owners: Owners, today: date, deployment: str) -> Finding:
    """Return the finding for an alert message. Raises ValueError for a missing budget or an invalid amount or date."""
    alert = _parse(text, today=today)
    team = _team(alert, owners=owners, deployment=deployment)
    money = alert.reached if alert.reached and alert.reached.is_money else None
    category: Category = (
        "security" if alert.budget == f"{deployment}-{UNAPPROVED_REGIONS_SUFFIX}" else "governance"
    )
    if category == "security":
        title, action = "Charge in an unapproved region", _region_action(alert)
    else:
        title = "AWS budget forecast alert" if alert.forecast else "AWS budget alert"
        action = _budget_action(alert, team=team[0] if team[1] == "budget" else None)
    return alert_finding(
        BUDGET,
        identity=alert.identity,
        category=category,
        title=title,
        reason=_reason(alert),
        action=action,
        evidence=_evidence(alert),
        owner=team,
        days=(alert.day, alert.day),
        cost=money.value if money else None,
        currency=(money.unit if money else None) or CURRENCY,
        account=(alert.account_id, None),
        resource_id=alert.budget,
        rates=owners.exchange_rates,
    )


def _evidence(alert: Alert) -> dict[str, str | None]:
    return {
        "budget_type": alert.budget_type,
        "budgeted": str(alert.limit) if alert.limit else None,
        "alert": alert.threshold_text,
        "forecast" if alert.forecast else "actual": str(alert.reached) if alert.reached else None,
    }


def _parse(text: str, *, today: date) -> Alert:
    lines = _lines(text)
    if not lines.get("budget name"):
        raise ValueError("the message has no line that starts with `Budget Name:`")
    account = ACCOUNT.search(text)
    reached = next((key for key in lines if re.match(r"(actual|forecasted) ", key)), "")
    return Alert(
        budget=lines["budget name"],
        budget_type=lines.get("budget type"),
        limit=_measure(lines, "budgeted amount"),
        threshold=_measure(lines, "alert threshold"),
        threshold_text=lines.get("alert threshold"),
        reached=_measure(lines, reached),
        forecast="forecast" in (lines.get("alert type") or reached).lower(),
        account_id=account[1] if account else None,
        day=_day(text) or today,
        daily=bool(DAILY.search(text)),
    )


def _measure(lines: dict[str, str], key: str) -> Measure | None:
    try:
        return Measure.read(lines.get(key, ""))
    except ValueError as error:
        raise ValueError(f"{key.title()}: {error}") from error


def _day(text: str) -> date | None:
    line = DATE_LINE.search(text)
    try:
        return datetime.strptime(line[1], "%B %d, %Y").date() if line else None
    except ValueError:
        raise ValueError(
            f"AWS Budget Notification: expected a date such as November 21, 2026, found {line and line[1]!r}"
        ) from None


def _lines(text: str) -> dict[str, str]:
    """Return the lines `Key: value` by lower-case key. Runs in linear time, because the text is untrusted."""
    parts = (line.partition(":") for line in text.split("\n"))
    pairs = ((key.strip(" \t"), value.strip()) for key, _, value in parts)
    return {key.lower(): value for key, value in pairs if value and KEY.fullmatch(key)}


def _team(alert: Alert, *, owners: Owners, deployment: str) -> tuple[str | None, OwnedBy]:
    """Return the team whose budget infra/payer_budgets.py created, or else the owner of the account."""
    named = next((team for team in owners.teams if alert.budget == f"{deployment}-team-{team}"), None)
    return (named, "budget") if named else owner_of(alert.account_id, owners=owners)


def _reason(alert: Alert) -> str:
    limit, subject = alert.limit, f"The budget {alert.budget}" + (f" of {alert.limit}" if alert.limit else "")
    if alert.reached is None:
        status = "is forecast to exceed" if alert.forecast else "has exceeded"
        return f"{subject} {status} its alert threshold{f' of {alert.threshold_text}' if alert.threshold_text else ''}."
    verbs = ("fall to", "fallen to") if alert.falls_below_threshold else ("reach", "reached")
    status = f"is forecast to {verbs[0]}" if alert.forecast else f"has {verbs[1]}"
    if limit and limit.unit == alert.reached.unit and limit.unit != "%":
        kind = "Spend" if limit.is_money else "Usage"
        share = f" ({percent}%)" if (percent := _percent(alert)) is not None else ""
        reached = f"{alert.reached}".removesuffix(f" {limit.unit}")
        return f"{kind} for the budget {alert.budget} {status} {reached} of {limit}{share}."
    return f"{subject} {status} {alert.reached}."


def _percent(alert: Alert) -> int | None:
    """Return the percentage of the limit that was reached, rounded down so that 100% means the whole limit."""
    if not (alert.limit and alert.reached and alert.limit.value > 0):
        return None
    return int(alert.reached.value / alert.limit.value * 100)


def _budget_action(alert: Alert, *, team: str | None) -> str:
    account = " --account-id {account_id}" if alert.account_id else ""
    increase = (
        "increase monthly_budget under [teams.{team}] in config/owners.toml and deploy again"
        if team
        else "increase the budget amount; if focuswatch created the budget, change the amount in "
        "config/deployment.toml and deploy again"
    )
    return _fill(
        f"1. Show the scope of the budget: aws budgets describe-budget{account} --budget-name {{budget}}\n"
        f"2. Show the cost by day and service: {_cost_command(by='SERVICE')}\n"
        "3. Stop resources that are not needed, starting with resources that have open findings. If the spend is "
        f"intended, {increase}.",
        alert,
        team=team,
    )


def _region_action(alert: Alert) -> str:
    return _fill(
        f"1. Show the cost by region: {_cost_command(by='REGION')}\n"
        "2. Identify who started the usage. If the usage is unauthorized, treat it as an intrusion and check "
        "CloudTrail in "
        "that region before you stop the usage.\n"
        "3. If the usage is intended, add the region to approved_regions under [budgets] in "
        "config/deployment.toml and deploy "
        "again.",
        alert,
    )


def _cost_command(*, by: str) -> str:
    return (
        "aws ce get-cost-and-usage --time-period Start={since},End={until} --granularity DAILY "
        f"--metrics UnblendedCost --group-by Type=DIMENSION,Key={by}"
    )


def _fill(template: str, alert: Alert, *, team: str | None = None) -> str:
    values = {
        "account_id": alert.account_id,
        "budget": alert.budget,
        "since": alert.day.replace(day=1),
        "until": alert.day + timedelta(days=1),
        "team": team,
    }
    words = {name: str(value) for name, value in values.items()}
    return action_of(template, values, words=words, quoted={"budget"})
