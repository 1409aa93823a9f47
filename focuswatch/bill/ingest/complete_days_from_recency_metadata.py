"""Read which days are complete from the recency metadata of FOCUS 1.3, if a provider delivers it with the files.

https://github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec (specification/metadata/recency)
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from focuswatch.bill.ingest.export_file_and_listing_models import ExportFile, Listing

NAME = re.compile(r"recency.*\.json", re.IGNORECASE)


class TimeSector(BaseModel):
    """A span of time, and whether its charges are complete."""

    model_config = ConfigDict(frozen=True)

    start: AwareDatetime = Field(alias="TimeSectorStart")
    end: AwareDatetime = Field(alias="TimeSectorEnd")
    is_complete: bool = Field(alias="TimeSectorComplete")


def is_recency(file: ExportFile) -> bool:
    """Return whether a file is recency metadata, by its name."""
    return bool(NAME.fullmatch(file.name.name))


def complete_until(listing: Listing) -> tuple[date | None, list[str]]:
    """Return the first day that is not complete, and warnings; None if the export has no recency metadata.

    A file that cannot be read only causes a warning; the complete days are then determined without it.
    """
    files = [file for file in listing.files if is_recency(file)]
    listing.fetch(files)
    sectors: list[TimeSector] = []
    warnings = []
    for file in files:
        try:
            sectors.extend(_sectors(json.loads(file.path.read_bytes())))
        except (OSError, ValueError, RecursionError) as error:
            reason = "not JSON" if not isinstance(error, ValidationError) else _problem(error)
            warnings.append(
                f"{file.name} is not FOCUS recency metadata ({reason}); focuswatch ignores this file"
            )
    return _first_incomplete(sectors), warnings


def _sectors(content: Any) -> Iterator[TimeSector]:
    """Yield the time sectors of an object, of a list of objects, or of the collection `Recency` in an object."""
    if isinstance(content, list):
        for one in content:
            yield from _sectors(one)
    elif isinstance(content, dict):
        yield from _sectors(content.get("Recency", []))
        sectors = content.get("TimeSectors", [])
        yield from map(TimeSector.model_validate, sectors if isinstance(sectors, list) else [sectors])


def _first_incomplete(sectors: Sequence[TimeSector]) -> date | None:
    """Return the day of the first incomplete sector, or else the day on which the last complete one ends."""
    if not sectors:
        return None
    incomplete = [sector.start for sector in sectors if not sector.is_complete]
    return min([*incomplete, max(sector.end for sector in sectors)]).astimezone(UTC).date()


def _problem(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
