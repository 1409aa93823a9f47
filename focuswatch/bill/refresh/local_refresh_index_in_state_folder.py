"""The index of an export's state: every unit as the last refresh read it, and the history of deliveries.

A refresh replaces the index last and in one step, so that every file in the index is complete.
"""

import hashlib
import json
import os
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from focuswatch.bill.ingest.detect_focus_columns_or_reject_file import ShapePart
from focuswatch.bill.ingest.select_deliveries_and_flat_files import PeriodDelivery
from focuswatch.bill.refresh.query_period_facts_and_export_grain import PeriodFacts, Periods
from focuswatch.errors import ExportError

INDEX = "export.json"
# Digits of the cost in a delivery row; further digits depend on the order in which threads add doubles.
MONEY_DIGITS = 6


class Unit(BaseModel):
    """A delivery as it was read."""

    model_config = ConfigDict(frozen=True)

    digest: str
    delivered_at: datetime
    bytes: int
    parts: tuple[ShapePart, ...]
    kept_bytes: dict[str, int]  # sizes of the files in `folder`, by name
    # Below `kept/`: its part of the kept tables, and its charges by day if they had to be folded.
    folder: str
    is_folded: bool  # otherwise queries read the delivered files directly
    periods: Periods
    facts: tuple[PeriodFacts, ...]
    providers: dict[str, int] = {}  # charges of providers other than AWS
    duplicate_of: str | None = None  # unit with the same charges that is counted instead
    rates: dict[str, float] = {}  # units of a billing currency for one US dollar, if stated


class DeliveryRow(BaseModel):
    """A billing period as a refresh found it; a row of the table `deliveries`."""

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
    """Return the index of the last refresh; empty before the first one. Raises ExportError if it is damaged."""
    path = state / INDEX
    if not path.exists():
        return Index(made_by=made_by)
    try:
        kept = json.loads(path.read_bytes())
        if kept["made_by"] != made_by:  # its units may have another format
            kept = {"made_by": made_by, "deliveries": kept["deliveries"]}
        return Index.model_validate(kept)
    except (ValueError, TypeError, KeyError, RecursionError) as error:  # not JSON, or other fields
        raise ExportError(
            f"{path} is damaged: focuswatch cannot read the index of the last scan. Delete this file and scan again "
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
    """Return a digest of the names, sizes and stamps of the files; touching a local file also changes it."""
    lines = sorted(f"{file.name}\t{file.size}\t{file.stamp}" for file in delivery.files)
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
