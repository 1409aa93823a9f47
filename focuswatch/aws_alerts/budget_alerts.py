"""An alert of AWS Budgets, which is a letter in plain text with lines `Budget Name: …` in it.

AWS documents no form; letters as they were received, in the tests of who takes them:
https://github.com/cds-snc/sre-bot/blob/4109b19/app/tests/server/event_handlers/test_aws_handler.py
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from focuswatch.aws_alerts.alert_amounts import Measure
from focuswatch.aws_alerts.alert_findings import BUDGET, CURRENCY, alert_finding, owner_of
from focuswatch.catalog.catalog import Category
from focuswatch.findings.finding import Finding, OwnedBy
from focuswatch.findings.paste_commands import action_of
from focuswatch.owners.owners_file import Owners

KEY = re.compile(r"[A-Za-z][A-Za-z ]{2,40}")
WRITTEN = re.compile(r"AWS Budget Notification\s+([A-Z][a-z]+ \d{1,2}, \d{4})")
ACCOUNT = re.compile(r"AWS Account:?\s+(\d{12})\b")
DAILY = re.compile(r" per day\b")
# A charge where nobody approved any is a door that stands open, whatever it costs: as new_region is.
SECURITY = "unapproved-regions"


@dataclass(frozen=True)
class Alert:
    """What the letter says; whatever it does not say is None."""

    budget: str
    about: str | None  # Cost, Usage, RI Utilization, …
    limit: Measure | None
    threshold: str | None
    reached: Measure | None
    forecast: bool
    account_id: str | None  # whose budget it is: the payer
    day: date
    daily: bool

    @property
    def below(self) -> bool:
        """Whether it tells that something has fallen, as coverage and utilization do."""
        return (self.threshold or "").startswith("<")

    @property
    def identity(self) -> str:
        """The same when it is sent again: one alert of a budget speaks once in its period."""
        period = self.day.isoformat() if self.daily else f"{self.day:%Y-%m}"
        threshold = Measure.read(self.threshold or "")
        kind = "forecast" if self.forecast else "actual"
        return f"{self.account_id} {self.budget} {kind} {threshold or self.threshold} {period}"


def budget_finding(text: str, *, owners: Owners, today: date, deployment: str) -> Finding:
    """The finding that the letter states. Raises ValueError where it names no budget."""
    alert = _read(text, today=today)
    team = _team(alert, owners=owners, deployment=deployment)
    money = alert.reached if alert.reached and alert.reached.is_money else None
    category: Category = "security" if alert.budget == f"{deployment}-{SECURITY}" else "governance"
    if category == "security":
        title, action = "A region that nobody approved is charged", _ask_who(alert)
    else:
        title = "A budget is forecast to be missed" if alert.forecast else "A budget has reached its alert"
        action = _ask_what(alert, team=team[0] if team[1] == "budget" else None)
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
        "budget_type": alert.about,
        "budgeted": str(alert.limit) if alert.limit else None,
        "alert": alert.threshold,
        "forecast" if alert.forecast else "actual": str(alert.reached) if alert.reached else None,
    }


def _read(text: str, *, today: date) -> Alert:
    lines = _lines(text)
    if not lines.get("budget name"):
        raise ValueError("no line begins with Budget Name")
    written, account = WRITTEN.search(text), ACCOUNT.search(text)
    reached = next((key for key in lines if re.match(r"(actual|forecasted) ", key)), "")
    return Alert(
        budget=lines["budget name"],
        about=lines.get("budget type"),
        limit=Measure.read(lines.get("budgeted amount", "")),
        threshold=lines.get("alert threshold"),
        reached=Measure.read(lines.get(reached, "")),
        forecast="forecast" in (lines.get("alert type") or reached).lower(),
        account_id=account[1] if account else None,
        day=datetime.strptime(written[1], "%B %d, %Y").date() if written else today,
        daily=bool(DAILY.search(text)),
    )


def _lines(text: str) -> dict[str, str]:
    """The lines `Key: value` by key; in one pass, since whoever may publish to the topic chooses the text."""
    parted = (line.partition(":") for line in text.split("\n"))
    pairs = ((key.strip(" \t"), value.strip()) for key, _, value in parted)
    return {key.lower(): value for key, value in pairs if value and KEY.fullmatch(key)}


def _team(alert: Alert, *, owners: Owners, deployment: str) -> tuple[str | None, OwnedBy]:
    """The team whose budget it is, by the name that infra/budgets.py gives it; else who owns the account."""
    named = next((team for team in owners.teams if alert.budget == f"{deployment}-team-{team}"), None)
    return (named, "budget") if named else owner_of(alert.account_id, owners=owners)


def _reason(alert: Alert) -> str:
    subject = f"The budget {alert.budget}" + (f" of {alert.limit}" if alert.limit else "")
    if alert.reached is None:
        told = "is forecast to pass" if alert.forecast else "has passed"
        return f"{subject} {told} its alert{f' of {alert.threshold}' if alert.threshold else ''}."
    moved = ("fall to", "fallen to") if alert.below else ("reach", "reached")
    told = f"is forecast to {moved[0]}" if alert.forecast else f"has {moved[1]}"
    return f"{subject} {told} {alert.reached}{_share(alert)}."


def _share(alert: Alert) -> str:
    """How much of the limit that is; rounded down, so that 100 % is all of it."""
    if (
        not (alert.limit and alert.reached and alert.limit.value > 0)
        or alert.limit.unit != alert.reached.unit
    ):
        return ""
    return "" if alert.limit.unit == "%" else f", {int(alert.reached.value / alert.limit.value * 100)} %"


def _ask_what(alert: Alert, *, team: str | None) -> str:
    whose = " --account-id {account_id}" if alert.account_id else ""
    raised = (
        "monthly_budget under [teams.{team}] in config/owners.toml, and deploy again"
        if team
        else "its amount where it is defined (those of focuswatch: config/deployment.toml, and deploy again)"
    )
    return _filled(
        f"1. See what it counts: aws budgets describe-budget{whose} --budget-name {{budget}}\n"
        f"2. See what is charged by day: {_charged(by='SERVICE')}\n"
        f"3. Switch off what nobody needs, open findings first; or, where the spending is meant, raise {raised}.",
        alert,
        team=team,
    )


def _ask_who(alert: Alert) -> str:
    return _filled(
        f"1. See where it is charged: {_charged(by='REGION')}\n"
        "2. Ask who began it there; where nobody knows, take it for an intrusion, and look into CloudTrail of that "
        "region before you stop it.\n"
        "3. Where it is meant, add the region to approved_regions under [budgets] in config/deployment.toml, and "
        "deploy again.",
        alert,
    )


def _charged(*, by: str) -> str:
    return (
        "aws ce get-cost-and-usage --time-period Start={since},End={until} --granularity DAILY "
        f"--metrics UnblendedCost --group-by Type=DIMENSION,Key={by}"
    )


def _filled(template: str, alert: Alert, *, team: str | None = None) -> str:
    values = {
        "account_id": alert.account_id,
        "budget": alert.budget,
        "since": alert.day.replace(day=1),
        "until": alert.day + timedelta(days=1),
        "team": team,
    }
    words = {name: str(value) for name, value in values.items()}
    return action_of(template, values, words=words, quoted={"budget"})
