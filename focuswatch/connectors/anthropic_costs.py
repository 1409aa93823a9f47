"""Fetch the Claude API charges of an organization: costs from its cost report, tokens and users from its usage report.

https://platform.claude.com/docs/en/api/admin/cost_report and
https://platform.claude.com/docs/en/api/admin/usage_report/retrieve_messages

Only costs become charges, so that no usage is counted twice. A cost and a usage match by day, workspace, model, service
tier, context window and token type. A charge has the tokens of the matching usage if no other cost matches that usage,
and also the user if all of that usage is by one user.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field

from focuswatch.connectors.daily_bucket_pages import daily_results, midnight
from focuswatch.connectors.vendor_api import VendorApi
from focuswatch.connectors.vendor_charge_record import Fetched, VendorCharge
from focuswatch.connectors.vendor_project_and_user_names import Names, list_names

ANTHROPIC, CLAUDE_API = "Anthropic", "Claude API"
ANTHROPIC_URL = "https://api.anthropic.com/v1"
ANTHROPIC_KEY = "ANTHROPIC_ADMIN_KEY"
KEY_HELP = "Create an Admin API key at https://platform.claude.com/settings/admin-keys."
API_VERSION = "2023-06-01"
MOST_DAYS = 31  # days per page
MINOR_UNITS = 100  # cents per USD; all amounts are in USD cents
TOKENS = "Tokens"


class CostItem(BaseModel):
    """The cost of a description and workspace on one day; fields that do not apply are null."""

    amount: Decimal  # in cents
    currency: str
    description: str | None = None
    workspace_id: str | None = None  # null for the default workspace
    model: str | None = None
    token_type: str | None = None
    service_tier: str | None = None
    context_window: str | None = None
    inference_geo: str | None = None


class CacheCreation(BaseModel):
    """Tokens written to the cache, by cache lifetime."""

    ephemeral_1h_input_tokens: int = 0
    ephemeral_5m_input_tokens: int = 0


class MessagesUsage(BaseModel):
    """The tokens of one workspace, model, service tier, context window and user on one day."""

    uncached_input_tokens: int = 0
    cache_creation: CacheCreation = Field(default_factory=CacheCreation)
    cache_read_input_tokens: int = 0
    output_tokens: int = 0
    workspace_id: str | None = None
    model: str | None = None
    service_tier: str | None = None
    context_window: str | None = None
    account_id: str | None = None

    def tokens(self) -> Mapping[str, int]:
        """Return the tokens by `token_type`, as in CostItem."""
        return {
            "uncached_input_tokens": self.uncached_input_tokens,
            "cache_creation.ephemeral_1h_input_tokens": self.cache_creation.ephemeral_1h_input_tokens,
            "cache_creation.ephemeral_5m_input_tokens": self.cache_creation.ephemeral_5m_input_tokens,
            "cache_read_input_tokens": self.cache_read_input_tokens,
            "output_tokens": self.output_tokens,
        }


ReportItem = TypeVar("ReportItem", CostItem, MessagesUsage)


class AnthropicBucket(BaseModel, Generic[ReportItem]):
    """One day of a report."""

    starts_at: datetime = Field(alias="starting_at")
    results: list[ReportItem]


class AnthropicPage(BaseModel, Generic[ReportItem]):
    """A page of a report."""

    data: list[AnthropicBucket[ReportItem]]
    has_more: bool
    next_page: str | None = None


@dataclass(frozen=True)
class TokenKey:
    """The columns that the cost report and the usage report share."""

    day: date
    workspace_id: str | None
    model: str | None
    service_tier: str | None
    context_window: str | None
    token_type: str


@dataclass
class ClaudeTokens:
    """The tokens of one TokenKey, and the users who used them."""

    tokens: int = 0
    users: set[str | None] = field(default_factory=set)


def anthropic_api(key: str, *, url: str = ANTHROPIC_URL) -> VendorApi:
    """Return the Claude Admin API for an Admin API key."""
    return VendorApi(
        ANTHROPIC,
        url,
        key_variable=ANTHROPIC_KEY,
        key=key,
        key_help=KEY_HELP,
        headers={"x-api-key": key, "anthropic-version": API_VERSION},
    )


def fetch_anthropic(api: VendorApi, *, first: date, until: date) -> Fetched:
    """Return the charges of the days [first, until)."""
    workspaces = list_names(
        api, "/organizations/workspaces", after="after_id", parameters={"include_archived": "true"}
    )
    people = list_names(api, "/organizations/users", after="after_id")
    uses = _token_uses(api, first=first, until=until)
    costs = list(_costs(api, first=first, until=until))
    shared = Counter(_key(day, cost) for day, cost in costs)
    charges = []
    for day, cost in costs:
        key = _key(day, cost)
        use = uses.get(key) if key and shared[key] == 1 else None
        charges.append(_anthropic_charge(day, cost, use=use, workspaces=workspaces, people=people))
    return Fetched(charges=tuple(charges), notes=(*workspaces.notes, *people.notes))


def _costs(api: VendorApi, *, first: date, until: date) -> Iterator[tuple[date, CostItem]]:
    parameters = _parameters(("workspace_id", "description"), first=first, until=until)

    def page(cursor: str | None) -> AnthropicPage[CostItem]:
        after = {"page": cursor} if cursor else {}
        return api.get("/organizations/cost_report", parameters | after, shape=AnthropicPage[CostItem])

    return daily_results(page, first=first, until=until, vendor=ANTHROPIC)


def _token_uses(api: VendorApi, *, first: date, until: date) -> dict[TokenKey, ClaudeTokens]:
    grouping = ("workspace_id", "model", "service_tier", "context_window", "account_id")
    parameters = _parameters(grouping, first=first, until=until)

    def page(cursor: str | None) -> AnthropicPage[MessagesUsage]:
        after = {"page": cursor} if cursor else {}
        return api.get(
            "/organizations/usage_report/messages", parameters | after, shape=AnthropicPage[MessagesUsage]
        )

    uses: dict[TokenKey, ClaudeTokens] = defaultdict(ClaudeTokens)
    for day, usage in daily_results(page, first=first, until=until, vendor=ANTHROPIC):
        for token_type, tokens in usage.tokens().items():
            if tokens:
                key = TokenKey(
                    day, usage.workspace_id, usage.model, usage.service_tier, usage.context_window, token_type
                )
                uses[key].tokens += tokens
                uses[key].users.add(usage.account_id)
    return uses


def _parameters(grouping: tuple[str, ...], *, first: date, until: date) -> dict[str, Any]:
    return {
        "starting_at": f"{midnight(first):%Y-%m-%dT%H:%M:%SZ}",
        "ending_at": f"{midnight(until):%Y-%m-%dT%H:%M:%SZ}",
        "bucket_width": "1d",
        "group_by[]": grouping,
        "limit": min((until - first).days, MOST_DAYS),
    }


def _key(day: date, cost: CostItem) -> TokenKey | None:
    """Return the key of a token cost; None for other costs, such as web searches and code execution."""
    if cost.token_type is None:
        return None
    return TokenKey(
        day, cost.workspace_id, cost.model, cost.service_tier, cost.context_window, cost.token_type
    )


def _anthropic_charge(
    day: date, cost: CostItem, *, use: ClaudeTokens | None, workspaces: Names, people: Names
) -> VendorCharge:
    amount = cost.amount / MINOR_UNITS
    item = cost.description or "Not itemized"
    (user,) = use.users if use and len(use.users) == 1 else (None,)
    return VendorCharge(
        day=day,
        service=CLAUDE_API,
        meter=item,
        description=item,
        model=cost.model,
        user=people.email(user),
        billed=amount,
        listed=amount,
        currency=cost.currency.upper(),
        quantity=Decimal(use.tokens) if use else None,
        unit=TOKENS if use else None,
        account_id=cost.workspace_id,
        account_name=workspaces.name(cost.workspace_id),
        account_type="Workspace" if cost.workspace_id else None,
    )
