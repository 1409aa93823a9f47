"""The offer to exclude a detection for an account or team whose findings of it were dismissed repeatedly."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

OfferScope = Literal["account", "team"]


class ExclusionOffer(BaseModel):
    """The scope of the exclusion: an account id or a team; `dismissed` is the number of dismissed findings in it."""

    model_config = ConfigDict(frozen=True)
    scope: OfferScope
    value: str
    dismissed: int
