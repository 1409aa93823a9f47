"""Plan who calls Bedrock on a simulated bill: everyday callers, and planted new callers, sessions and budgets.

Callers share the charges that the bill already has, so the bill is the same with and without them. The cost of a caller
is fixed, and limited to the charges of the day: a spike on the bill is spend without a caller.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from statistics import median
from typing import Any

from focuswatch.simulate.bill_calendar import FIRST_SCAN_DAYS, Calendar
from focuswatch.simulate.planned_bill import Identity, PlantedCase
from focuswatch.simulate.simulated_truth_models_and_json_file import Incident

NEW, SESSION, BUDGET = "new_ai_principal", "runaway_session", "principal_budget"
RECORDED_DAYS = 60  # newest days for which AWS records callers
CALLED_SHARE = 0.9  # largest share of a day's charges that has callers
# USD of Bedrock per day in accounts with a planted session, so that the session costs more than 20 USD.
LEAST_DAILY_COST = 120.0
WATCHED_DAYS = 3  # days that principal_budget evaluates
AGENTS, JOBS, PEOPLE = "support-agent-runtime", "nightly-enrichment", "DeveloperAccess"


@dataclass(frozen=True)
class Call:
    """The cost of a caller on a day, before it is limited to the day's charges."""

    account: str
    day: date
    principal: str
    cost: float
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Callers:
    """All Bedrock calls of an organization, with the cases planted among them."""

    calendar: Calendar
    costs: Mapping[str, Mapping[date, float]]  # Bedrock cost by account and day
    rng: Random
    calls: list[Call] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    hard_negatives: list[PlantedCase] = field(default_factory=list)
    budgets: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def since(self) -> date:
        """Return the first day with callers."""
        return max(self.calendar.ago(RECORDED_DAYS), self.calendar.first)

    def usual(self, account: str) -> float:
        """Return the account's median Bedrock cost per day."""
        return median(cost for day, cost in self.costs[account].items() if day >= self.since)

    def call(self, account: str, days: Sequence[date], principal: str, share: float, **tags: str) -> None:
        """Add a caller that costs `share` of the account's median day on each of the days with Bedrock charges."""
        cost = share * self.usual(account)
        named = {f"iamPrincipal/{key}": value for key, value in tags.items()}
        self.calls += [
            Call(account, day, principal, cost, named) for day in days if day in self.costs[account]
        ]

    def incident(
        self,
        detection: str,
        identity: Identity,
        *,
        start: date,
        cost: float,
        seen: int | None,
        note: str,
        expected: date | None = None,
    ) -> None:
        """State an incident that scans must report from the day after `start`, or from `expected`.

        They must report it for `seen` days after `start`, or always if `seen` is None.
        """
        until = None if seen is None else start + timedelta(days=seen)
        due = expected or start + timedelta(days=1)
        self.incidents.append(Incident(detection, identity, start, until, cost, due, until, note))

    def hard_negative(self, detection: str, identity: Identity, *, start: date, kind: str, note: str) -> None:
        """State a case that must not be reported."""
        self.hard_negatives.append(PlantedCase(detection, identity, start, None, note, kind))

    def days(self, first: date | None = None, last: date | None = None) -> list[date]:
        """Return the days with callers from `first` until `last` (exclusive)."""
        start, end = max(first or self.since, self.since), last or self.calendar.as_of
        return [start + timedelta(days=number) for number in range((end - start).days)]


def plan_callers(
    costs: Mapping[str, Mapping[date, float]], *, teams: Mapping[str, str], calendar: Calendar, seed: int
) -> Callers:
    """Return the callers of all accounts; `costs` is the Bedrock cost by account and day."""
    callers = Callers(calendar, costs, Random(f"callers {seed}"))
    everyday = [account for account, days in sorted(costs.items()) if _is_everyday(days, callers)]
    for account in sorted(costs):
        if any(day >= callers.since for day in costs[account]):
            _everyday(callers, account, team=teams.get(account, ""))
    large = sorted(account for account in everyday if callers.usual(account) >= LEAST_DAILY_COST)
    if len(everyday) > 4:  # noqa: PLR2004  a case each
        _plant_new_callers(callers, callers.rng.sample(everyday, 5))
    if len(large) > 1:
        agents, jobs = callers.rng.sample(large, 2)
        _plant_agents(callers, agents)
        _plant_jobs(callers, jobs)
    return callers


def _is_everyday(days: Mapping[date, float], callers: Callers) -> bool:
    return all(days.get(day, 0.0) > 0 for day in callers.days())


def role(account: str, name: str, session: str) -> str:
    return f"arn:aws:sts::{account}:assumed-role/{name}/{session}"


def _everyday(callers: Callers, account: str, *, team: str) -> None:
    """Add an application with random session names, two people, and the IAM user of a pipeline."""
    tags = {"team": team} if team else {}
    for day in callers.days():
        session = f"i-0{callers.rng.getrandbits(64):016x}"
        callers.call(account, [day], role(account, "assistant-api", session), 0.3, **tags)
    for person, share in (("ana@acme.example", 0.08), ("joe@acme.example", 0.01)):
        callers.call(account, callers.days(), role(account, PEOPLE, person), share, **tags)
    callers.call(account, callers.days(), f"arn:aws:iam::{account}:user/ci/batch", 0.05)


def _plant_new_callers(callers: Callers, accounts: Sequence[str]) -> None:
    ago = callers.calendar.ago
    key = f"BedrockAPIKey-{callers.rng.getrandbits(16):04x}"
    for account, name, back, note in (
        (accounts[0], f"user/{key}", 3, "an API key that no one created on purpose"),
        (accounts[1], "user/backup-svc", 10, "an old user whose access key leaked"),
        (
            accounts[2],
            "assumed-role/OrganizationAccountAccessRole/s",
            1,
            "a role of administrators, yesterday",
        ),
    ):
        service = "sts" if name.startswith("assumed") else "iam"
        arn = f"arn:aws:{service}::{account}:{name}"
        callers.call(account, callers.days(ago(back)), arn, 0.02)
        identity = (account, None, None, arn.removesuffix("/s"))
        cost = 0.02 * callers.usual(account)
        callers.incident(NEW, identity, start=ago(back), cost=cost, seen=FIRST_SCAN_DAYS, note=note)
    excluded = role(accounts[3], "AmazonBedrockExecutionRoleForKnowledgeBase_a1", "kb")
    callers.call(accounts[3], callers.days(ago(4)), excluded, 0.02)
    callers.hard_negative(
        NEW,
        (accounts[3], None, None, excluded.removesuffix("/kb")),
        start=ago(4),
        kind="a service role",
        note="a knowledge base was created",
    )
    person = role(accounts[4], PEOPLE, "new.colleague@acme.example")
    callers.call(accounts[4], callers.days(ago(5)), person, 0.02)
    callers.hard_negative(
        NEW,
        (accounts[4], None, None, role(accounts[4], PEOPLE, "").removesuffix("/")),
        start=ago(5),
        kind="a new person of a known role",
        note="a colleague's first day",
    )
    early = f"arn:aws:iam::{accounts[4]}:user/reporting"
    callers.call(accounts[4], callers.days(callers.since + timedelta(days=8)), early, 0.01)
    callers.hard_negative(
        NEW,
        (accounts[4], None, None, early),
        start=callers.since + timedelta(days=8),
        kind="the first days of callers",
        note="a weekly user, eight days after AWS began to record callers",
    )


def _plant_agents(callers: Callers, account: str) -> None:
    """Plant an agent in a loop, and a daily budget that it exceeds.

    An agent run that is longer than others is a hard negative.
    """
    ago, usual = callers.calendar.ago, callers.usual(account)

    def session() -> str:
        return role(account, AGENTS, f"BedrockAgentCore-{callers.rng.getrandbits(64):016x}")

    for day in callers.days():
        for _ in range(4):
            callers.call(account, [day], session(), 0.01, agent="support")
    runaway, longer, loop = session(), session(), ago(3)
    callers.call(account, [loop], runaway, 0.25, agent="support")
    callers.call(account, [ago(6)], longer, 0.035, agent="support")
    callers.incident(
        SESSION,
        (account, None, None, runaway),
        start=loop,
        cost=0.24 * usual,
        seen=FIRST_SCAN_DAYS,
        note="an agent in a loop",
    )
    callers.hard_negative(
        SESSION,
        (account, None, None, longer),
        start=ago(6),
        kind="less than four times the median",
        note="a longer run",
    )
    person = role(account, PEOPLE, "ana@acme.example")
    callers.hard_negative(
        SESSION,
        (account, None, None, person),
        start=callers.since,
        kind="a session name of every day",
        note="eight times what a colleague of the same role costs",
    )
    callers.budgets["support-agent"] = {"roles": [AGENTS], "daily_budget": round(0.15 * usual, 2)}
    callers.incident(
        BUDGET,
        (None, None, None, "principal budget support-agent, cost a day"),
        start=loop,
        cost=0.14 * usual,
        seen=WATCHED_DAYS,
        note="the agent's day in a loop",
    )
    callers.budgets["support-agent-month"] = {"roles": [AGENTS], "monthly_budget": round(5 * usual, 2)}
    callers.hard_negative(
        BUDGET,
        (None, None, None, "principal budget support-agent-month, cost a month"),
        start=callers.since,
        kind="a pace within the budget",
        note="three times what agents cost a month",
    )


def _plant_jobs(callers: Callers, account: str) -> None:
    """Plant a nightly run that retried all night, and a monthly budget that the runs are on pace to exceed."""
    usual = callers.usual(account)
    for day in callers.days():
        callers.call(account, [day], role(account, JOBS, f"run-{day}"), 0.02)
    night = callers.calendar.ago(9)
    retried = role(account, JOBS, f"retry-{night}")
    callers.call(account, [night], retried, 0.3)
    callers.incident(
        SESSION,
        (account, None, None, retried),
        start=night,
        cost=0.28 * usual,
        seen=FIRST_SCAN_DAYS,
        note="a run that retried all night",
    )
    callers.budgets["nightly-jobs"] = {"roles": [JOBS], "monthly_budget": round(0.2 * usual, 2)}
    callers.incident(
        BUDGET,
        (None, None, None, "principal budget nightly-jobs, cost a month"),
        start=callers.since,
        cost=0.02 * usual,
        seen=None,
        note="half as high as the runs' pace",
        expected=callers.since + timedelta(days=10),
    )


def limited(calls: Sequence[Call], *, charged: float) -> Iterator[tuple[Call, float]]:
    """Yield each call with its share of the day's charges; the shares add up to CALLED_SHARE at most.

    `calls` are those of one account on one day.
    """
    total = sum(call.cost for call in calls)
    scale = min(1.0, CALLED_SHARE * charged / total) / charged
    for call in calls:
        yield call, call.cost * scale
