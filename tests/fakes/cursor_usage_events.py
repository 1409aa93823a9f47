"""A fake of Cursor's Admin API, written from its documentation; Cursor publishes no description to validate against.

https://cursor.com/docs/account/teams/admin-api (Get Usage Events, Get Spending Data)
"""

from base64 import b64encode
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.fakes.vendor_server import Reply

KEY = "key_admin_of_a_test"
MOST_MILLISECONDS = 30 * 86_400_000
PAGE = 2  # events per page, fewer than a client requests


@dataclass(frozen=True)
class Event:
    """A usage event of a user; `at` is in UTC."""

    at: str
    cents: float
    user: str = "ana@example.com"
    model: str = "claude-4.5-sonnet"
    kind: str = "Usage-based"
    chargeable: bool = True
    tokens: tuple[int, int, int, int] | None = (100, 10, 5, 1)

    @property
    def milliseconds(self) -> int:
        return int(datetime.fromisoformat(self.at).replace(tzinfo=UTC).timestamp() * 1000)


@dataclass
class CursorTeam:
    """A team and its events; `missing` more events are in the total count, but on no page."""

    events: list[Event] = field(default_factory=list)
    missing: int = 0

    def spend_cents(self) -> Decimal:
        """Return the usage that exceeds the plan, as /teams/spend does."""
        return sum(
            (Decimal(str(event.cents)) for event in self.events if event.kind == "Usage-based"), Decimal(0)
        )

    def reply(self, path: str, query: dict[str, list[str]], body: Any, headers: dict[str, str]) -> Reply:
        if headers.get("Authorization") != f"Basic {b64encode(f'{KEY}:'.encode()).decode()}":
            return 401, {}, {"error": "Unauthorized", "message": "Invalid API key"}
        assert path == "/teams/filtered-usage-events" and not query
        assert set(body) <= {"startDate", "endDate", "userId", "page", "pageSize", "email"}
        start, end = body["startDate"], body["endDate"]
        assert isinstance(start, int) and 0 < end - start <= MOST_MILLISECONDS
        matching = [event for event in reversed(self.events) if start <= event.milliseconds <= end]
        page = body.get("page", 1)
        shown = matching[(page - 1) * PAGE : page * PAGE]
        response = {
            "totalUsageEventsCount": len(matching) + self.missing,
            "pagination": {
                "numPages": -(-len(matching) // PAGE),
                "currentPage": page,
                "pageSize": PAGE,
                "hasNextPage": page * PAGE < len(matching),
                "hasPreviousPage": page > 1,
            },
            "usageEvents": [self._event(event) for event in shown],
            "period": {"startDate": start, "endDate": end},
        }
        return 200, {}, response

    def _event(self, event: Event) -> Any:
        content: dict[str, Any] = {
            "timestamp": str(event.milliseconds),
            "userEmail": event.user,
            "model": event.model,
            "kind": event.kind,
            "maxMode": False,
            "requestsCosts": 1.4,
            "isTokenBasedCall": event.tokens is not None,
            "isChargeable": event.chargeable,
            "isHeadless": False,
            "chargedCents": event.cents,
            "isFreeBugbot": False,
        }
        if event.tokens:
            names = ("inputTokens", "outputTokens", "cacheWriteTokens", "cacheReadTokens")
            content["tokenUsage"] = dict(zip(names, event.tokens, strict=True)) | {"totalCents": event.cents}
        return content
