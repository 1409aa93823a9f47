"""An explanation as it is kept with its finding and shown: values alone, and bounded whatever a bill holds."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

NAME_CHARACTERS = 500  # an ARN is shorter; a bill may name things at any length
MOST_PARTS = 5
MOST_FALLS = 2
MOST_TURNS = 5
MOST_CHANGES = 10

Money = Annotated[Decimal, PlainSerializer(float, return_type=float, when_used="json")]
Kind = Literal["region", "service", "meter", "operation", "resource"]


def _cut(name: object) -> object:
    if isinstance(name, str) and len(name) > NAME_CHARACTERS:
        return name[: NAME_CHARACTERS - 1] + "…"
    return name


Name = Annotated[str, BeforeValidator(_cut)]


class Value(BaseModel):
    """What the values here have in common."""

    model_config = ConfigDict(frozen=True)


class CostDriver(Value):
    """What one meter, operation and region of an account's service add to the excess; less than 0 where it fell.

    `resource_id` is the one that brings at least half of it, None where no single one does; `resources` is how many
    rose. `by_price` is what the same quantity cost more, the rest of `excess` is volume. `is_new`: never seen in the
    weeks before. `is_billed`: purchases are in it as billed, since their EffectiveCost is 0.
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
        """What more of it cost, at the price of before."""
        return self.excess - self.by_price


class StartedOrStopped(Value):
    """Something seen for the first or the last time on the day the rise began, with its cost a day."""

    kind: Kind
    service_name: Name | None
    name: Name
    daily_cost: Money


class Change(Value):
    """An event of CloudTrail's that created or changed something, and who did it."""

    at: datetime
    event: Name
    region_id: Name
    principal: Name
    resources: Annotated[tuple[Name, ...], Field(max_length=3)] = ()


class Explanation(Value):
    """The excess of `first_day` to `last_day`, both included: `parts`, costliest first, and `others` add up to it, and
    so do `by_volume` and `by_price`.

    `unseen` says why CloudTrail has more than is told, or was not read; None where all of it was.
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
