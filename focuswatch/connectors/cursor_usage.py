"""Fetch the charges of a Cursor team: its usage events, summed by day, user, model and kind.

https://cursor.com/docs/account/teams/admin-api

`/teams/spend` is not read, because it contains the same charges per billing cycle, without days. No API returns the
price of seats.
"""

from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from pydantic import BaseModel, Field

from focuswatch.connectors.daily_bucket_pages import midnight
from focuswatch.connectors.vendor_api import VendorApi
from focuswatch.connectors.vendor_charge_record import Fetched, VendorCharge
from focuswatch.errors import FetchError

CURSOR = "Cursor"
CURSOR_URL = "https://api.cursor.com"
CURSOR_KEY = "CURSOR_ADMIN_KEY"
KEY_HELP = "Create an Admin API key for the team at https://cursor.com/dashboard."
EVENTS = "/teams/filtered-usage-events"
MOST_DAYS = timedelta(days=30)  # maximum period per request
PAGE_EVENTS = 500
CURRENCY, MINOR_UNITS = "USD", 100
INCLUDED = "included"  # part of the kind of events that the plan includes, such as `Included in Business`


class EventTokens(BaseModel):
    """The tokens of a usage event."""

    input_tokens: int = Field(0, alias="inputTokens")
    output_tokens: int = Field(0, alias="outputTokens")
    cache_write_tokens: int = Field(0, alias="cacheWriteTokens")
    cache_read_tokens: int = Field(0, alias="cacheReadTokens")

    @property
    def total(self) -> int:
        """Return all tokens."""
        return self.input_tokens + self.output_tokens + self.cache_write_tokens + self.cache_read_tokens


class UsageEvent(BaseModel):
    """One request of a user; `charged_cents` includes the cost of the model and Cursor's fee."""

    at: datetime = Field(alias="timestamp")  # milliseconds since 1970, as text
    user: str | None = Field(None, alias="userEmail")
    model: str
    kind: str
    charged_cents: Decimal = Field(alias="chargedCents")
    is_chargeable: bool = Field(True, alias="isChargeable")
    tokens: EventTokens | None = Field(None, alias="tokenUsage")

    @property
    def is_billed(self) -> bool:
        """Return whether the event is billed in addition to the plan; events in the plan can be chargeable too."""
        return self.is_chargeable and INCLUDED not in self.kind.lower()


class EventPagination(BaseModel):
    """Whether more pages follow."""

    has_next_page: bool = Field(alias="hasNextPage")


class EventPage(BaseModel):
    """A page of events, and the number of events on all pages."""

    events: list[UsageEvent] = Field(alias="usageEvents")
    count: int = Field(alias="totalUsageEventsCount")
    pagination: EventPagination


@dataclass(frozen=True)
class EventGroup:
    """The values that events of one charge have in common."""

    day: date
    user: str | None
    model: str
    kind: str
    is_billed: bool


def cursor_api(key: str, *, url: str = CURSOR_URL) -> VendorApi:
    """Return the Cursor API for an Admin API key, which is sent as user name of Basic authentication."""
    credentials = b64encode(f"{key}:".encode()).decode()
    return VendorApi(
        CURSOR,
        url,
        key_variable=CURSOR_KEY,
        key=key,
        key_help=KEY_HELP,
        headers={"Authorization": f"Basic {credentials}"},
    )


def fetch_cursor(api: VendorApi, *, first: date, until: date) -> Fetched:
    """Return the charges of the days [first, until)."""
    groups: dict[EventGroup, list[UsageEvent]] = defaultdict(list)
    for event in _events(api, start=midnight(first), end=midnight(until)):
        day = event.at.astimezone(UTC).date()
        groups[EventGroup(day, event.user, event.model, event.kind, event.is_billed)].append(event)
    return Fetched(charges=tuple(_cursor_charge(group, events) for group, events in groups.items()))


def _events(api: VendorApi, *, start: datetime, end: datetime) -> Iterator[UsageEvent]:
    """Yield the events in [start, end); each request covers a window of at most MOST_DAYS."""
    while start < end:
        window_end = min(start + MOST_DAYS, end)
        for event in _window(api, start=start, end=window_end):
            if start <= event.at < window_end:  # the API can include both ends of a window
                yield event
        start = window_end


def _window(api: VendorApi, *, start: datetime, end: datetime) -> list[UsageEvent]:
    """Return all events in a window. Raises FetchError if events were added or removed between two pages."""
    found: list[UsageEvent] = []
    page = 1
    while True:
        body = {
            "startDate": _milliseconds(start),
            "endDate": _milliseconds(end),
            "page": page,
            "pageSize": PAGE_EVENTS,
        }
        response = api.post(EVENTS, body, shape=EventPage)
        found += response.events
        if not response.pagination.has_next_page:
            break
        page += 1
    if len(found) != response.count:
        raise FetchError(
            f"{CURSOR}: found {len(found)} usage events in total; expected {response.count}. Run the command again"
        )
    return found


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1000


def _cursor_charge(group: EventGroup, events: list[UsageEvent]) -> VendorCharge:
    charged = sum((event.charged_cents for event in events), Decimal(0)) / MINOR_UNITS
    tokens = sum(event.tokens.total for event in events if event.tokens)
    item = f"{group.model}, {group.kind}"
    return VendorCharge(
        day=group.day,
        service=CURSOR,
        meter=item,
        description=item,
        model=group.model,
        user=group.user,
        billed=charged if group.is_billed else Decimal(0),
        listed=charged,
        currency=CURRENCY,
        quantity=Decimal(tokens) if tokens else None,
        unit="Tokens" if tokens else None,
    )
