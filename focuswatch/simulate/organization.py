"""Generate the simulated organization: its accounts, teams and regions, and the lifecycle of each account.

Incidents are planted in random accounts of a suitable `lifecycle`.
"""

from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Literal

from focuswatch.errors import ConfigError
from focuswatch.simulate.bill_calendar import Calendar

Lifecycle = Literal["shared", "steady", "sandbox", "dormant", "new", "gone", "sparse"]

COMPANY = "Meadowlark"
HOME_REGIONS = ("us-east-1", "us-west-2", "eu-west-1", "eu-central-1")
PRODUCT_TEAMS = (
    "assistants",
    "search",
    "checkout",
    "catalog",
    "payments",
    "recommendations",
    "fraud",
    "mobile",
    "support-desk",
    "data-platform",
    "ml-platform",
    "analytics",
    "media",
)
DEVELOPED = (*PRODUCT_TEAMS[:7], "data-platform", "ml-platform")
BEDROCK_ALWAYS = "assistants-prod"
BEDROCK_ACCOUNTS = 7  # accounts with everyday Bedrock usage; the others have none


@dataclass(frozen=True)
class SimulatedAccount:
    id: str
    name: str
    team: str  # empty in sandboxes
    environment: str
    ou_path: str
    lifecycle: Lifecycle
    regions: tuple[str, ...]
    uses_bedrock: bool
    tags: dict[str, str] = field(hash=False)
    joined_on: date | None  # None: joined long before the start of the bill
    closed_on: date | None
    gone_on: date | None  # day after the last charge; None: the account is still charged

    @property
    def email(self) -> str:
        return f"aws+{self.name}@{COMPANY.lower()}.example"


@dataclass(frozen=True)
class SimulatedOrganization:
    payer: SimulatedAccount
    accounts: tuple[SimulatedAccount, ...]  # the payer first

    def of(self, *lifecycles: Lifecycle) -> list[SimulatedAccount]:
        return [account for account in self.accounts if account.lifecycle in lifecycles]

    def named(self, name: str) -> SimulatedAccount:
        return next(account for account in self.accounts if account.name == name)


@dataclass(frozen=True)
class _Entry:
    name: str
    team: str
    environment: str
    ou_path: str
    lifecycle: Lifecycle
    joined: int | None = None  # days before the end of the bill
    gone: int | None = None  # days before the end of the bill
    closed: bool = False


def _product(team: str, environment: str) -> _Entry:
    return _Entry(f"{team}-{environment}", team, environment, f"/{environment}/{team}", "steady")


ROSTER = (
    _Entry("meadowlark-payer", "platform", "prod", "/", "shared"),
    _Entry("security-audit", "security", "prod", "/security", "shared"),
    _Entry("log-archive", "security", "prod", "/security", "shared"),
    _Entry("network-hub", "platform", "prod", "/platform", "shared"),
    *(_product(team, "prod") for team in PRODUCT_TEAMS),
    *(_product(team, "dev") for team in DEVELOPED),
    *(_Entry(f"sandbox-{name}", "", "sandbox", "/sandbox", "sandbox") for name in ("ada", "grace", "edsger")),
    _Entry("hackathon-2024", "", "sandbox", "/sandbox", "dormant"),
    _Entry("sandbox-alan", "", "sandbox", "/sandbox", "dormant"),
    _Entry("partner-trial", "", "sandbox", "/sandbox", "dormant"),
    _Entry("workshop-spring", "", "sandbox", "/sandbox", "dormant"),
    _Entry("loyalty-pilot", "loyalty", "prod", "/prod/loyalty", "dormant", joined=40),
    _Entry("gift-cards-prod", "gift-cards", "prod", "/prod/gift-cards", "new", joined=6),
    _Entry("returns-prod", "returns", "prod", "/prod/returns", "new", joined=11),
    _Entry("legacy-shop", "checkout", "prod", "/prod/checkout", "gone", gone=20, closed=True),
    _Entry("partner-portal", "mobile", "prod", "/prod/mobile", "gone", gone=6),
    _Entry("old-campaigns", "media", "prod", "/prod/media", "gone", gone=45),
    _Entry("disaster-drills", "platform", "prod", "/platform", "sparse"),
)
MIN_ACCOUNTS = len(ROSTER)


def make_organization(rng: Random, *, accounts: int, calendar: Calendar) -> SimulatedOrganization:
    """Return an organization with `accounts` accounts.

    Raises ConfigError if these are too few to hold the planted incidents.
    """
    if accounts < MIN_ACCOUNTS:
        raise ConfigError(
            f"{accounts} accounts are too few for the planted incidents. Specify at least {MIN_ACCOUNTS}."
        )
    entries = (*ROSTER, *(_extra(number) for number in range(accounts - MIN_ACCOUNTS)))
    candidates = [
        entry.name for entry in ROSTER if entry.lifecycle == "steady" and entry.name != BEDROCK_ALWAYS
    ]
    bedrock = {BEDROCK_ALWAYS, *rng.sample(candidates, BEDROCK_ACCOUNTS - 1)}
    ids = rng.sample(range(100_000_000_000, 999_999_999_999), len(entries))
    simulated = tuple(
        _account(rng, entry, id=str(id), calendar=calendar, uses_bedrock=entry.name in bedrock)
        for entry, id in zip(entries, ids, strict=True)
    )
    return SimulatedOrganization(payer=simulated[0], accounts=simulated)


def _extra(number: int) -> _Entry:
    team = PRODUCT_TEAMS[number % len(PRODUCT_TEAMS)]
    environment = ("prod", "dev", "staging")[number % 3]
    name = f"{team}-{environment}-{number // len(PRODUCT_TEAMS) + 2}"
    return _Entry(name, team, environment, f"/{environment}/{team}", "steady")


def _account(
    rng: Random, entry: _Entry, *, id: str, calendar: Calendar, uses_bedrock: bool
) -> SimulatedAccount:
    regions = tuple(rng.sample(HOME_REGIONS, 1 if entry.lifecycle in ("dormant", "new") else 2))
    gone_on = calendar.ago(entry.gone) if entry.gone else None
    return SimulatedAccount(
        id=id,
        name=entry.name,
        team=entry.team,
        environment=entry.environment,
        ou_path=entry.ou_path,
        lifecycle=entry.lifecycle,
        regions=("us-east-1", "eu-west-1") if entry.lifecycle == "shared" else regions,
        uses_bedrock=uses_bedrock,
        tags=_tags(rng, entry),
        joined_on=calendar.ago(entry.joined) if entry.joined else None,
        closed_on=gone_on if entry.closed else None,
        gone_on=gone_on,
    )


def _tags(rng: Random, entry: _Entry) -> dict[str, str]:
    """Return an account's tags: sandboxes and about half of the other non-production accounts have no team tag."""
    if not entry.team:
        return {"environment": "sandbox"}
    if entry.environment != "prod" and rng.random() < 0.5:
        return {"environment": entry.environment}
    return {
        "team": entry.team,
        "environment": entry.environment,
        "cost-center": f"cc-{rng.randrange(100, 999)}",
    }
