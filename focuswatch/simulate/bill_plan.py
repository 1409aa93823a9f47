"""The plan of a bill: its lines, what was watched, what was planted; everything but noise is decided here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from random import Random
from typing import Any

from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.billing_meters import Meter
from focuswatch.simulate.charge_lines import FLAT, Line, Week
from focuswatch.simulate.list_prices import meters
from focuswatch.simulate.organization import Life, SimulatedAccount, SimulatedOrganization

Identity = tuple[str | None, str | None, str | None, str | None]  # sub-account, region, service, resource

UNHEARD_OF_REGIONS = ("ap-south-1", "sa-east-1")  # nobody in the organisation is there before the incidents
FOREIGN_REGIONS = (
    "us-west-1", "ca-central-1", "eu-west-2", "eu-north-1", "ap-northeast-2", "ap-southeast-1",
    "ap-southeast-2",
)  # fmt: skip


@dataclass(frozen=True)
class ObservedActivity:
    """One metric of one resource in `activity`, a value a day; a day in `on` overrides the everyday value."""

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
class Intent:
    """What a planted thing is meant to be: an incident, or (`quiet_on` says which row) a hard negative."""

    detection: str
    identity: Identity
    start: date
    end: date | None
    note: str
    quiet_on: str | None = None


@dataclass
class BillPlan:
    calendar: Calendar
    organisation: SimulatedOrganization
    rng: Random
    lines: list[Line] = field(default_factory=list)
    watches: list[ObservedActivity] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    claimed: set[tuple[str, ...]] = field(default_factory=set)
    use_cases: dict[str, dict[str, Any]] = field(default_factory=dict)  # as owners.toml says them

    def charge(
        self,
        account: SimulatedAccount | None,
        meter: str | Meter,
        region: str | None,
        *,
        daily: float,
        **options: Any,
    ) -> Line:
        """Add a line; `options` are Line's. It lasts as long as the account, unless they say otherwise."""
        known = meters()[meter] if isinstance(meter, str) else meter
        bounds = {"first": self.begins(account), "last": self.ends(account)}
        line = Line(account, region, known, daily, **(bounds | options))
        self.lines.append(line)
        return line

    def resize(self, line: Line, *, daily: float) -> None:
        """Give the line added last another everyday quantity."""
        assert self.lines[-1] is line
        self.lines[-1] = replace(line, daily=daily)

    def begins(self, account: SimulatedAccount | None) -> date:
        joined = account.joined_on if account else None
        return max(joined, self.calendar.first) if joined else self.calendar.first

    def ends(self, account: SimulatedAccount | None) -> date:
        """The day after the account's last charge."""
        return (account.gone_on if account else None) or self.calendar.as_of

    def watch(
        self, account: SimulatedAccount, region: str, resource: str, *, of: tuple[str, str], daily: float = 0.0,
        week: Week = FLAT, on: Mapping[date, float] | None = None, first: date | None = None,
    ) -> None:  # fmt: skip
        """Add activity of a resource, none unless `daily` or `on` say so; `of` is namespace and metric."""
        since, until = first or self.begins(account), self.ends(account)
        self.watches.append(
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
    ) -> None:
        self.intents.append(Intent(detection, identity, since or self.calendar.first, until, note))

    def quiet(
        self, detection: str, identity: Identity, *, kind: str, note: str, since: date | None = None,
        until: date | None = None,
    ) -> None:  # fmt: skip
        """Note a hard negative; `kind` is the row of the catalog that keeps `detection` quiet."""
        self.intents.append(Intent(detection, identity, since or self.calendar.first, until, note, kind))

    def opaque(self, length: int) -> str:
        return "".join(self.rng.choice("0123456789abcdef") for _ in range(length))

    def arn(self, service: str, region: str | None, account: SimulatedAccount, resource: str) -> str:
        return f"arn:aws:{service}:{region or ''}:{account.id}:{resource}"

    def instance(self, account: SimulatedAccount, region: str) -> str:
        return self.arn("ec2", region, account, f"instance/i-0{self.opaque(16)}")

    def pick(
        self,
        *claim: str,
        lives: Sequence[Life] = ("steady",),
        where: Callable[[SimulatedAccount], bool] = lambda _: True,
    ) -> SimulatedAccount:
        """An account that nobody picked under this claim before.

        Raises LookupError when the organisation has none left: then there are more plants than accounts.
        """
        suitable = [account for account in self.organisation.of(*lives) if where(account)]
        for account in self.rng.sample(suitable, len(suitable)):
            if (*claim, account.id) not in self.claimed:
                self.claimed.add((*claim, account.id))
                return account
        raise LookupError(f"no account is left for {' '.join(claim)}")

    def any(
        self,
        *,
        lives: Sequence[Life] = ("steady",),
        where: Callable[[SimulatedAccount], bool] = lambda _: True,
    ) -> SimulatedAccount:
        return self.rng.choice([account for account in self.organisation.of(*lives) if where(account)])

    def abroad(self, account: SimulatedAccount, *, among: Sequence[str] = FOREIGN_REGIONS) -> str:
        """A region in which the account has nothing yet, and now has what is planted."""
        free = [region for region in among if ("region", account.id, region) not in self.claimed]
        region = self.rng.choice(free)
        self.claimed.add(("region", account.id, region))
        return region
