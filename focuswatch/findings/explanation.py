"""The explanation of a cost increase, stored with its finding: cost drivers, circumstances and changes.

Lengths and counts are limited, whatever the bill contains.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from focuswatch.findings.token_drivers import TokenDrivers

NAME_CHARACTERS = 500  # an ARN is shorter; a bill may name things at any length
MOST_PARTS = 5
MOST_FALLS = 2
MOST_TURNS = 5
MOST_CHANGES = 10
MOST_EVENTS = 5

Money = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
Kind = Literal["region", "service", "meter", "operation", "resource"]


def _cut(name: object) -> object:
    if isinstance(name, str) and len(name) > NAME_CHARACTERS:
        return name[: NAME_CHARACTERS - 1] + "…"
    return name


Name = Annotated[str, BeforeValidator(_cut)]


class Value(BaseModel):
    """The base of the values here: they are immutable."""

    model_config = ConfigDict(frozen=True)


class CostDriver(Value):
    """The part of the excess of one meter, operation and region of an account's service; negative where cost fell.

    `resource_id` is the resource that causes at least half of it, None where there is none; `resources` is the number
    of resources whose cost rose. `by_price` is due to a higher unit price, the rest of `excess` to more usage.
    `is_new`: not charged in the weeks before. `is_billed`: includes purchases at BilledCost, since their
    EffectiveCost is 0.
    """

    sub_account_id: Name | None
    service_name: Name | None
    region_id: Name | None
    meter: Name | None
    operation: Name | None
    resource_id: Name | None
    resources: int
    excess: Money
    by_price: Money
    is_new: bool
    is_billed: bool = False

    @property
    def by_volume(self) -> Decimal:
        """The part of the excess due to more usage, at the previous price."""
        return self.excess - self.by_price


class StartedOrStopped(Value):
    """Something first or last charged on the first day of the cost increase, with its daily cost."""

    kind: Kind
    service_name: Name | None
    name: Name
    daily_cost: Money


class Change(Value):
    """A CloudTrail event that created or changed something, with its principal."""

    at: datetime
    event: Name
    region_id: Name
    principal: Name
    resources: Annotated[tuple[Name, ...], Field(max_length=3)] = ()


class OperationalEvent(Value):
    """A deployment, an alarm or another event, with the service or resource that it names; see docs/events.md."""

    at: datetime
    kind: Name
    region_id: Name | None = None
    service_name: Name | None = None
    resource_id: Name | None = None
    reference: Name | None = None


class Explanation(Value):
    """The excess of `first_day` to `last_day`, both included: `parts`, the cost drivers, highest first, and
    `others` add up to it, and so do `by_volume` and `by_price`.

    `token_drivers` splits an increase of Bedrock tokens by calls; None where CloudWatch has no calls of these tokens.
    `unseen` states why CloudTrail has more events than listed, or was not read; None if the list is complete.
    `events` are operational events of the same account and service or resource, on the first day or the evening before.
    They are not stated as a cause. `more_events` are not listed. `first_hour` is the start of the first hour of the
    increase, in UTC; None where the export has no hours, or no event is listed.
    """

    first_day: date
    last_day: date
    excess: Money
    parts: Annotated[tuple[CostDriver, ...], Field(max_length=MOST_PARTS + MOST_FALLS)]
    others: Money
    by_volume: Money
    by_price: Money
    began: Annotated[tuple[StartedOrStopped, ...], Field(max_length=MOST_TURNS)] = ()
    ended: Annotated[tuple[StartedOrStopped, ...], Field(max_length=MOST_TURNS)] = ()
    changes: Annotated[tuple[Change, ...], Field(max_length=MOST_CHANGES)] = ()
    unseen: Name | None = None
    events: Annotated[tuple[OperationalEvent, ...], Field(max_length=MOST_EVENTS)] = ()
    more_events: int = 0
    first_hour: datetime | None = None
    token_drivers: TokenDrivers | None = None
