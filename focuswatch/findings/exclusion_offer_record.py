"""The suggestion to exclude a detection for an account or team, after repeated dismissals of its findings there."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

OfferScope = Literal["account", "team"]


class ExclusionOffer(BaseModel):
    """A suggested exclusion. `value` is the account ID or team; `dismissed` is its number of dismissed findings."""

    model_config = ConfigDict(frozen=True)
    scope: OfferScope
    value: str
    dismissed: int
