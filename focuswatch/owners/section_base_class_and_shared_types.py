"""Types that several sections of owners.toml share: the base class, names, amounts and account ids. Pure."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=255)]
# Bounded because reports divide by it as a double: larger values overflow to infinity, smaller ones underflow to 0.
Amount = Annotated[Decimal, Field(gt=0, le=Decimal("1e15"), decimal_places=12)]
ACCOUNT_ID = re.compile(r"[0-9]{12}")  # `\d` also matches digits of other scripts, which no account id has


class OwnersSection(BaseModel):
    """Base class of sections: unknown keys are mistakes, and the content does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def account_id_problems(key: str, accounts: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each invalid account id in the list `key` of the file."""
    for account in accounts:
        if not ACCOUNT_ID.fullmatch(account):
            yield f"{key}: found '{account}', expected a 12-digit account ID."
