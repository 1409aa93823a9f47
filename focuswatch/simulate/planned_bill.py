"""The plan of a simulated bill: lines, activity and planted cases.

The export writer later adds noise and makes the newest days incomplete.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random
from typing import Any

from focuswatch.simulate.bill_calendar import BILL_START_DAYS, FIRST_SCAN_DAYS, SETTLE_DAYS, Calendar
from focuswatch.simulate.billing_meter_record_and_region_price_factors import Meter
from focuswatch.simulate.meter_catalog import meters
from focuswatch.simulate.organization import Lifecycle, SimulatedAccount, SimulatedOrganization
from focuswatch.simulate.planned_charge_line import FLAT, Line, Week
from focuswatch.simulate.planned_recommendation import PlannedRecommendation

Identity = tuple[str | None, str | None, str | None, str | None]  # sub-account, region, service, resource

USE_CASE_TAG = "use_case"
UNUSED_REGIONS = ("ap-south-1", "sa-east-1")  # not used in the organization before the incidents
FOREIGN_REGIONS = (
    "us-west-1",
    "ca-central-1",
    "eu-west-2",
    "eu-north-1",
    "ap-northeast-2",
    "ap-southeast-1",
    "ap-southeast-2",
)


def use_case_identity(name: str) -> Identity:
    """Return the identity of findings about a use case."""
    return (None, None, None, f"use case {name}")


@dataclass(frozen=True)
class ObservedActivity:
    """A metric of a resource in the activity file, one value per day; `on` overrides the values of single days."""

    account: SimulatedAccount
    region: str
    namespace: str
    metric: str
    resource: str
    first: date
    last: date  # exclusive
    daily: float
    week: Week
    on: Mapping[date, float]

    def value(self, day: date) -> float:
        return float(self.on.get(day, round(self.daily * self.week[day.weekday()])))


@dataclass(frozen=True)
class PlantedCase:
    """An incident, or a hard negative if `kind` states why its detection must not report it.

    Without `expected_by`, the case only describes an incident, whose days `expected/` computes from all lines of the
    plan.
    """

    detection: str
    identity: Identity
    start: date
    end: date | None  # exclusive; None: it continues
    note: str
    kind: str | None = None
    expected_by: date | None = None  # day of the first scan that must report it
    visible_until: date | None = None  # day of the last one; None: every later scan must
    certain: bool = True  # False: near a threshold, a scan may report it or not


@dataclass
class BillPlan:
    calendar: Calendar
    organization: SimulatedOrganization
    rng: Random
    lines: list[Line] = field(default_factory=list)
    activity: list[ObservedActivity] = field(default_factory=list)
    cases: list[PlantedCase] = field(default_factory=list)
    claimed: set[tuple[str, ...]] = field(default_factory=set)
    use_cases: dict[str, dict[str, Any]] = field(default_factory=dict)  # options in owners.toml by use case
    launched_profile: str | None = None  # inference profile of the launch that owners.toml announces
    recommendations: list[PlannedRecommendation] = field(default_factory=list)

    def charge(
        self,
        account: SimulatedAccount | None,
        meter: str | Meter,
        region: str | None,
        *,
        daily: float,
        **options: Any,
    ) -> Line:
        """Add a line with `options` as its fields. By default, it starts and ends with the account."""
        known = meters()[meter] if isinstance(meter, str) else meter
        bounds = {"first": self.begins(account), "last": self.ends(account)}
        line = Line(account, region, known, daily, **(bounds | options))
        self.lines.append(line)
        return line

    def resize(self, line: Line, *, daily: float) -> None:
        """Change the daily quantity of the line that was added last."""
        assert self.lines[-1] is line
        self.lines[-1] = replace(line, daily=daily)

    def begins(self, account: SimulatedAccount | None) -> date:
        joined = account.joined_on if account else None
        return max(joined, self.calendar.first) if joined else self.calendar.first

    def ends(self, account: SimulatedAccount | None) -> date:
        """Return the day after the account's last charge."""
        return (account.gone_on if account else None) or self.calendar.as_of

    def observe(
        self,
        account: SimulatedAccount,
        region: str,
        resource: str,
        *,
        of: tuple[str, str],
        daily: float = 0.0,
        week: Week = FLAT,
        on: Mapping[date, float] | None = None,
        first: date | None = None,
    ) -> None:
        """Add activity of a resource; `of` is the namespace and the metric.

        Without `daily` and `on`, all values are 0.
        """
        since, until = first or self.begins(account), self.ends(account)
        self.activity.append(
            ObservedActivity(account, region, *of, resource, since, until, daily, week, on or {})
        )

    def incident(
        self,
        detection: str,
        identity: Identity,
        *,
        note: str,
        since: date | None = None,
        until: date | None = None,
        found_after: int | None = None,
        found_until: date | None = None,
        history: int = 0,
        certain: bool = True,
    ) -> None:
        """State an incident that scans must report from `found_after` days after `since`, until `found_until`.

        Without `found_after`, the incident is only described, and `expected/` computes its days. Nothing is stated if
        the bill has fewer than `history` days before the incident, or ends before a scan must report it. A scan may,
        but need not, report an incident that is not `certain`.
        """
        start = max(since or self.calendar.first, self.calendar.first)
        end = None if until and until >= self.calendar.as_of else until
        due = None if found_after is None else start + timedelta(days=found_after)
        if due and due > min(found_until or self.calendar.as_of, self.calendar.as_of):
            return
        if (start - self.calendar.first).days < history:
            return
        self.cases.append(
            PlantedCase(
                detection,
                identity,
                start,
                end,
                note,
                expected_by=due,
                visible_until=found_until,
                certain=certain,
            )
        )

    def at_once(
        self,
        detection: str,
        identity: Identity,
        *,
        note: str,
        since: date,
        until: date | None = None,
        shown_on: date | None = None,
        history: int = BILL_START_DAYS,
    ) -> None:
        """State an incident that scans must report as soon as they see its first day, even if that day is incomplete.

        A first scan must report it while `shown_on` (by default, the incident's last day) is among the newest seven
        days.
        """
        last = shown_on or (until or self.calendar.as_of) - timedelta(days=1)
        self.incident(
            detection,
            identity,
            note=note,
            since=since,
            until=until,
            found_after=1,
            found_until=last + timedelta(days=FIRST_SCAN_DAYS),
            history=history,
        )

    def after_lookback(
        self,
        detection: str,
        identity: Identity,
        *,
        lookback: int,
        note: str,
        since: date | None = None,
        until: date | None = None,
        used_on: Collection[date] = (),
    ) -> None:
        """State an incident for each period without use that is at least as long as the lookback.

        A day of use ends the incident as soon as a scan sees it. If the charges end at `until`, a scan sees this only
        when the days after it are complete.
        """
        start = since or self.calendar.first
        settle = timedelta(days=SETTLE_DAYS)
        for used in sorted(used_on):
            self._idle_stretch(detection, identity, (start, used), used, lookback=lookback, note=note)
            start = used + timedelta(days=1)
        gone = until + settle if until else None
        self._idle_stretch(detection, identity, (start, until), gone, lookback=lookback, note=note)

    def _idle_stretch(
        self,
        detection: str,
        identity: Identity,
        days: tuple[date, date | None],
        found_until: date | None,
        *,
        lookback: int,
        note: str,
    ) -> None:
        self.incident(
            detection,
            identity,
            note=note,
            since=days[0],
            until=days[1],
            found_after=lookback + SETTLE_DAYS,
            found_until=found_until,
        )

    def hard_negative(
        self,
        detection: str,
        identity: Identity,
        *,
        kind: str,
        note: str,
        since: date | None = None,
        until: date | None = None,
    ) -> None:
        """State a case that must not be reported; `kind` is the reason why `detection` must not report it."""
        self.cases.append(PlantedCase(detection, identity, since or self.calendar.first, until, note, kind))

    def random_id(self, length: int) -> str:
        return "".join(self.rng.choice("0123456789abcdef") for _ in range(length))

    def arn(self, service: str, region: str | None, account: SimulatedAccount, resource: str) -> str:
        return f"arn:aws:{service}:{region or ''}:{account.id}:{resource}"

    def instance(self, account: SimulatedAccount, region: str) -> str:
        return self.arn("ec2", region, account, f"instance/i-0{self.random_id(16)}")

    def pick(
        self,
        *claim: str,
        lifecycles: Sequence[Lifecycle] = ("steady",),
        where: Callable[[SimulatedAccount], bool] = lambda _: True,
    ) -> SimulatedAccount:
        """Return an account that was not picked under this claim before, and claim it.

        Raises LookupError if none is left: there are more planted cases than accounts.
        """
        suitable = [account for account in self.organization.of(*lifecycles) if where(account)]
        for account in self.rng.sample(suitable, len(suitable)):
            if (*claim, account.id) not in self.claimed:
                self.claimed.add((*claim, account.id))
                return account
        raise LookupError(f"no account is left for {' '.join(claim)}")

    def random_account(
        self,
        *,
        lifecycles: Sequence[Lifecycle] = ("steady",),
        where: Callable[[SimulatedAccount], bool] = lambda _: True,
    ) -> SimulatedAccount:
        return self.rng.choice([account for account in self.organization.of(*lifecycles) if where(account)])

    def unused_region(self, account: SimulatedAccount, *, among: Sequence[str] = FOREIGN_REGIONS) -> str:
        """Return a region that the account does not use, and claim it."""
        free = [region for region in among if ("region", account.id, region) not in self.claimed]
        region = self.rng.choice(free)
        self.claimed.add(("region", account.id, region))
        return region
