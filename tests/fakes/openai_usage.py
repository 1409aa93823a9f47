"""A fake of OpenAI's costs and usage API, as described in https://github.com/openai/openai-openapi."""

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.fakes.vendor_server import Description, Reply

DATA = Path(__file__).parents[1] / "data"
OPENAI = Description(json.loads((DATA / "openai_usage_api.json").read_text(encoding="utf-8")))
KEY = "sk-admin-of-a-test"
PAGE_DAYS = 3  # fewer than a client requests, so that it must request further pages
COSTS, USAGE = "/organization/costs", "/organization/usage/completions"


@dataclass(frozen=True)
class Cost:
    """The cost of a line item on one day."""

    day: str
    value: float
    line_item: str | None = "gpt-4o-2024-08-06, input"
    project: str | None = "proj_search"
    key: str | None = "key_ana"
    quantity: float | None = None
    unit: str | None = None
    currency: str = "usd"


@dataclass(frozen=True)
class Completions:
    """The usage of an API key by a user on one day."""

    day: str
    user: str | None
    project: str | None = "proj_search"
    key: str | None = "key_ana"


@dataclass
class OpenAIUsage:
    """The organization that the API reports on; a test changes `costs` to restate past days."""

    costs: list[Cost] = field(default_factory=list)
    completions: list[Completions] = field(default_factory=list)
    projects: dict[str, str] = field(default_factory=lambda: {"proj_search": "search"})
    users: dict[str, str] = field(default_factory=lambda: {"user_ana": "ana@example.com"})
    may_list: bool = True

    def total(self, *, until: str) -> Decimal:
        return sum((Decimal(str(cost.value)) for cost in self.costs if cost.day < until), Decimal(0))

    def reply(self, path: str, query: dict[str, list[str]], body: Any, headers: dict[str, str]) -> Reply:
        if headers.get("Authorization") != f"Bearer {KEY}":
            return 401, {}, {"error": {"message": f"Incorrect API key: {headers.get('Authorization')}"}}
        OPENAI.check_query(path, query)
        if path in (COSTS, USAGE):
            content = self._report(path, query)
        elif self.may_list:
            content = self._list(path, query)
        else:
            return 403, {}, {"error": {"message": "Missing scopes: api.management.read"}}
        OPENAI.check_response(path, content)
        return 200, {}, content

    def _report(self, path: str, query: dict[str, list[str]]) -> Any:
        first, until = (
            datetime.fromtimestamp(int(query[name][0]), UTC) for name in ("start_time", "end_time")
        )
        limit = int(query.get("limit", ["7"])[0])
        assert 1 <= limit <= (180 if path == COSTS else 31), limit
        first = datetime.fromisoformat(query["page"][0]) if "page" in query else first
        starts = [
            first + timedelta(days=n)
            for n in range(min(limit, PAGE_DAYS))
            if first + timedelta(days=n) < until
        ]
        after = starts[-1] + timedelta(days=1)
        return {
            "object": "page",
            "data": [self._bucket(path, start, query["group_by"]) for start in starts],
            "has_more": after < until,
            "next_page": after.isoformat() if after < until else None,
        }

    def _bucket(self, path: str, start: datetime, group_by: list[str]) -> Any:
        day = start.date()
        results = self._costs(day, group_by) if path == COSTS else self._usage(day, group_by)
        return {
            "object": "bucket",
            "start_time": int(start.timestamp()),
            "end_time": int((start + timedelta(days=1)).timestamp()),
            "results": results,
        }

    def _costs(self, day: date, group_by: list[str]) -> list[Any]:
        assert {"line_item", "project_id", "api_key_id"} <= set(group_by)
        return [
            {
                "object": "organization.costs.result",
                "amount": {"value": cost.value, "currency": cost.currency},
                "line_item": cost.line_item,
                "project_id": cost.project,
                "api_key_id": cost.key,
                "quantity": cost.quantity,
                "quantity_unit": cost.unit,
            }
            for cost in self.costs
            if cost.day == str(day)
        ]

    def _usage(self, day: date, group_by: list[str]) -> list[Any]:
        """Return usage by the requested groups; without `user_id` in `group_by`, the users of a key are one result."""
        groups: dict[tuple[str | None, ...], int] = defaultdict(int)
        for one in self.completions:
            if one.day == str(day):
                values = {"project_id": one.project, "api_key_id": one.key, "user_id": one.user}
                groups[tuple(values[name] if name in group_by else None for name in values)] += 1
        return [
            {
                "object": "organization.usage.completions.result",
                "input_tokens": 1000 * count,
                "output_tokens": 100 * count,
                "num_model_requests": count,
                "project_id": project,
                "api_key_id": key,
                "user_id": user,
                "model": None,
            }
            for (project, key, user), count in groups.items()
        ]

    def _list(self, path: str, query: dict[str, list[str]]) -> Any:
        """Return a page with one item."""
        items = self._projects() if path.endswith("projects") else self._users()
        ids = [item["id"] for item in items]
        place = ids.index(query["after"][0]) + 1 if "after" in query else 0
        shown = items[place : place + 1]
        return {
            "object": "list",
            "data": shown,
            "first_id": shown[0]["id"] if shown else None,
            "last_id": shown[-1]["id"] if shown else None,
            "has_more": place + 1 < len(items),
        }

    def _projects(self) -> list[Any]:
        return [
            {"id": id_, "object": "organization.project", "name": name, "created_at": 1, "status": "active"}
            for id_, name in self.projects.items()
        ]

    def _users(self) -> list[Any]:
        return [
            {"id": id_, "object": "organization.user", "email": email, "role": "reader", "added_at": 1}
            for id_, email in self.users.items()
        ]
