"""A fake of Anthropic's cost and usage report API, written from its documentation.

Anthropic publishes no OpenAPI description under a licence that allows copying it. The parameters, fields, enumerations
and limits come from:
https://platform.claude.com/docs/en/api/admin/cost_report
https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages
https://platform.claude.com/docs/en/api/admin/workspaces
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.fakes.vendor_server import Reply

KEY = "sk-ant-admin-of-a-test"
PAGE_DAYS = 4
COSTS, USAGE = "/organizations/cost_report", "/organizations/usage_report/messages"
PARAMETERS = {"starting_at", "ending_at", "bucket_width", "group_by[]", "limit", "page"}
GROUPS = {
    COSTS: {"workspace_id", "description"},
    USAGE: {
        "account_id", "api_key_id", "context_window", "inference_geo", "model", "service_account_id", "service_tier",
        "speed", "workspace_id",
    },
}  # fmt: skip
MODEL = "claude-opus-4-6"


@dataclass(frozen=True)
class AnthropicCost:
    """The cost of one line item on one day; `amount` is in cents, as a decimal string."""

    day: str
    amount: str
    description: str = "Claude Opus 4.6 Usage - Input Tokens"
    workspace: str | None = "wrkspc_search"
    token_type: str | None = "uncached_input_tokens"
    tier: str = "standard"


@dataclass(frozen=True)
class AnthropicTokens:
    """The tokens that a user consumed on one day."""

    day: str
    account: str | None = "user_ana"
    uncached: int = 0
    cached_hour: int = 0
    output: int = 0
    workspace: str | None = "wrkspc_search"
    tier: str = "standard"


@dataclass
class AnthropicUsage:
    """The organization that the API reports on; a test changes `costs` to restate past days."""

    costs: list[AnthropicCost] = field(default_factory=list)
    tokens: list[AnthropicTokens] = field(default_factory=list)

    def total(self) -> Decimal:
        return sum((Decimal(cost.amount) for cost in self.costs), Decimal(0)) / 100

    def reply(self, path: str, query: dict[str, list[str]], body: Any, headers: dict[str, str]) -> Reply:
        if headers.get("x-api-key") != KEY:
            return 401, {}, {"type": "error", "error": {"message": f"invalid {headers.get('x-api-key')}"}}
        assert headers["anthropic-version"] == "2023-06-01"
        if path in (COSTS, USAGE):
            return 200, {}, self._report(path, query)
        assert set(query) <= {"limit", "after_id", "include_archived"} and int(query["limit"][0]) <= 1000
        items = {
            "/organizations/workspaces": [{"type": "workspace", "id": "wrkspc_search", "name": "search"}],
            "/organizations/users": [
                {"type": "user", "id": "user_ana", "email": "ana@example.com", "name": "Ana"}
            ],
        }[path]
        return (
            200,
            {},
            {"data": items, "has_more": False, "first_id": items[0]["id"], "last_id": items[-1]["id"]},
        )

    def _report(self, path: str, query: dict[str, list[str]]) -> Any:
        assert set(query) <= PARAMETERS and query["bucket_width"] == ["1d"], query
        assert set(query["group_by[]"]) <= GROUPS[path]
        first, until = (datetime.fromisoformat(query[name][0]) for name in ("starting_at", "ending_at"))
        limit = int(query.get("limit", ["7"])[0])
        assert 1 <= limit <= 31
        first = datetime.fromisoformat(query["page"][0]) if "page" in query else first
        starts = [
            first + timedelta(days=n)
            for n in range(min(limit, PAGE_DAYS))
            if first + timedelta(days=n) < until
        ]
        after = starts[-1] + timedelta(days=1)
        return {
            "data": [
                {
                    "starting_at": f"{start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
                    "ending_at": f"{start + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}",
                    "results": self._results(path, f"{start:%Y-%m-%d}", query["group_by[]"]),
                }
                for start in starts
            ],
            "has_more": after < until,
            "next_page": after.isoformat() if after < until else None,
        }

    def _results(self, path: str, day: str, grouping: list[str]) -> list[Any]:
        if path == USAGE:
            return self._usage(day, grouping)
        assert set(grouping) == GROUPS[COSTS]
        return [
            {
                "amount": cost.amount,
                "currency": "USD",
                "description": cost.description,
                "workspace_id": cost.workspace,
                "cost_type": "tokens" if cost.token_type else "web_search",
                "token_type": cost.token_type,
                "model": MODEL if cost.token_type else None,
                "service_tier": cost.tier if cost.token_type else None,
                "context_window": "0-200k" if cost.token_type else None,
                "inference_geo": None,
            }
            for cost in self.costs
            if cost.day == day
        ]

    def _usage(self, day: str, grouping: list[str]) -> list[Any]:
        groups: dict[tuple[str | None, ...], list[AnthropicTokens]] = defaultdict(list)
        for usage in self.tokens:
            if usage.day == day:
                values = {
                    "workspace_id": usage.workspace,
                    "account_id": usage.account,
                    "model": MODEL,
                    "service_tier": usage.tier,
                    "context_window": "0-200k",
                }
                groups[tuple(value if name in grouping else None for name, value in values.items())].append(
                    usage
                )
        return [
            {
                "workspace_id": workspace,
                "account_id": account,
                "model": model,
                "service_tier": tier,
                "context_window": window,
                "api_key_id": None,
                "inference_geo": None,
                "service_account_id": None,
                "uncached_input_tokens": sum(usage.uncached for usage in group),
                "cache_creation": {
                    "ephemeral_1h_input_tokens": sum(usage.cached_hour for usage in group),
                    "ephemeral_5m_input_tokens": 0,
                },
                "cache_read_input_tokens": 0,
                "output_tokens": sum(usage.output for usage in group),
                "server_tool_use": {"web_search_requests": 0},
            }
            for (workspace, account, model, tier, window), group in groups.items()
        ]
