"""The index of an export's state: every unit as the last refresh read it, and the history of deliveries.

A refresh replaces the index last and in one step, so that every file in the index is complete.
"""

import hashlib
import json
import os
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from focuswatch.bill.ingest.choose_newest_deliveries import PeriodDelivery
from focuswatch.bill.ingest.format_and_focus_columns import ShapePart
from focuswatch.bill.refresh.period_facts_and_grain import PeriodFacts, Periods
from focuswatch.errors import ExportError

INDEX = "export.json"


class Unit(BaseModel):
    """A delivery as it was read."""

    model_config = ConfigDict(frozen=True)

    digest: str
    delivered_at: datetime
    bytes: int
    parts: tuple[ShapePart, ...]
    kept_bytes: dict[str, int]  # sizes of the files in `folder`, by name
    folder: (
        str  # under `kept/`: its part of the kept tables, and its charges by day where they had to be folded
    )
    is_folded: bool  # else queries read the files themselves
    periods: Periods
    facts: tuple[PeriodFacts, ...]
    providers: dict[str, int] = {}  # charges of providers other than AWS
    duplicate_of: str | None = None  # a unit with the same charges, which is counted in its place
    rates: dict[str, float] = {}  # units of a billing currency for one US dollar, where the unit says so


class DeliveryRow(BaseModel):
    """A billing period as a refresh found it."""

    model_config = ConfigDict(frozen=True)

    billing_period: date
    delivered_at: datetime
    refreshed_at: datetime
    charges: int
    billed_cost: float


class Index(BaseModel):
    """The content of the index; units that were read or folded with another `made_by` are read again."""

    model_config = ConfigDict(frozen=True)

    made_by: str
    units: dict[str, Unit] = {}
    deliveries: tuple[DeliveryRow, ...] = ()


def load_index(state: Path, *, made_by: str) -> Index:
    """Return the index of the last refresh, an empty one before the first. Raises ExportError for a damaged one."""
    path = state / INDEX
    if not path.exists():
        return Index(made_by=made_by)
    try:
        kept = json.loads(path.read_bytes())
        if kept["made_by"] != made_by:  # its units were read in another way, and may not even look like ours
            kept = {"made_by": made_by, "deliveries": kept["deliveries"]}
        return Index.model_validate(kept)
    except (ValueError, TypeError, KeyError, RecursionError) as error:  # no JSON, or not of this shape
        raise ExportError(
            f"{path} is damaged; expected the index of an earlier scan. Delete this file and scan again "
            "(this also deletes the delivery history)"
        ) from error


def store_index(state: Path, index: Index) -> None:
    """Replace the index in one step."""
    temporary = state / f"{INDEX}.new"
    with temporary.open("w", encoding="utf-8") as file:
        file.write(index.model_dump_json())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(state / INDEX)


def digest_of(delivery: PeriodDelivery) -> str:
    """Changes when a file comes, goes, or changes in size or stamp, so when one is merely touched too."""
    lines = sorted(f"{file.name}\t{file.size}\t{file.stamp}" for file in delivery.files)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
