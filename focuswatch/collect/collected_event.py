"""Define an operational event as a row of the table `events`."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class CollectedEvent:
    """An operational event; `occurred_at` is in UTC and has no time zone."""

    occurred_at: datetime
    sub_account_id: str
    region_id: str | None
    service_name: str | None
    resource_id: str | None
    kind: str
    reference: str | None

    @property
    def row(self) -> dict[str, Any]:
        """Return the event as a row, by column name."""
        return asdict(self)
