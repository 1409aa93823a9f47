"""Models of the root cause of a cost increase, stored with its finding: cost drivers, changes and events.

Text lengths and counts are limited, so that a finding stays small whatever the bill contains.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from focuswatch.findings.decimal_money_type_and_rounding import Money
from focuswatch.findings.split_token_cost_increase import TokenDrivers

NAME_CHARACTERS = 500  # longer than most ARNs; names on a bill can have any length
MOST_PARTS = 5
MOST_FALLS = 2
MOST_TURNS = 5
MOST_CHANGES = 10
MOST_EVENTS = 5

Kind = Literal["region", "service", "meter", "operation", "resource"]


def _cut(name: object) -> object:
    if isinstance(name, str) and len(name) > NAME_CHARACTERS:
        return name[: NAME_CHARACTERS - 1] + "…"
    return name


Name = Annotated[str, BeforeValidator(_cut)]


class Value(BaseModel):
    """Base class that makes the models immutable."""

    model_config = ConfigDict(frozen=True)


class CostDriver(Value):
    """A cost driver: one meter and operation of a service, in one account and Region.

    `excess` is the change in cost of the cost driver, negative if the cost decreased. `by_price` is the part of
    `excess` that is due to price changes; the rest of `excess` is due to changes in quantity. `resource_id` is the
    resource that causes at least half of `excess`; null if there is no such resource. `resources` is the number of
    resources whose cost increased. `is_new` is true if the cost driver had no charges in the weeks before. `is_billed`
    is true if `excess` includes purchases at BilledCost, because their EffectiveCost is 0.
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
        """The part of `excess` that is due to changes in quantity, at the previous price."""
        return self.excess - self.by_price


class StartedOrStopped(Value):
    """A Region, service, meter, operation or resource whose charges started or ended when the cost increased."""

    kind: Kind
    service_name: Name | None
    name: Name
    daily_cost: Money


class Change(Value):
    """A CloudTrail event that created or changed resources; `principal` is the IAM principal that made the call."""

    at: datetime
    event: Name
    region_id: Name
    principal: Name
    resources: Annotated[tuple[Name, ...], Field(max_length=3)] = ()


class OperationalEvent(Value):
    """A deployment, an alarm or another operational event, with its service or resource; see docs/events.md."""

    at: datetime
    kind: Name
    region_id: Name | None = None
    service_name: Name | None = None
    resource_id: Name | None = None
    reference: Name | None = None


class Explanation(Value):
    """The root cause of a cost increase.

    `excess` is the cost above the expected cost, from `first_day` to `last_day`. `parts` lists the cost drivers,
    highest cost first. `parts` and `others` add up to `excess`, and so do `by_volume` and `by_price`. `token_drivers`
    splits an increase in Bedrock token cost; null if CloudWatch has no number of calls for these tokens. `unseen`
    states why `changes` is incomplete or why CloudTrail was not read; null if `changes` is complete. `events` lists
    operational events for the same account and the same service or resource, on the first day of the increase or on
    the evening before; these events are not necessarily the cause. `more_events` is the number of events that are not
    listed. `first_hour` is the start of the first hour of the increase, in UTC; null if the export has no hourly
    charges, or if no event is listed.
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
