"""Charges of the Claude API over HTTP, from a local server that follows Anthropic's documentation."""

from decimal import Decimal

import pytest

from focuswatch.errors import FetchError
from tests.connectors.local_fetch import Vendor
from tests.fakes.anthropic_usage import COSTS, KEY, AnthropicCost, AnthropicTokens, AnthropicUsage
from tests.fakes.vendor_server import local_vendor

ANTHROPIC = Vendor("anthropic", KEY)
DAY = "2026-11-01"


def test_amounts_are_cents_and_pages_are_followed_to_the_end(tmp_path):
    organization = AnthropicUsage([AnthropicCost(f"2026-11-{day:02}", "123.456789") for day in range(1, 20)])
    with local_vendor(organization) as server:
        summary = ANTHROPIC.fetch(server, tmp_path)
    assert summary.totals == {"USD": organization.total()} == {"USD": Decimal("23.45678991")}
    assert summary.rows == 19
    assert sum(path == COSTS for _, path, _ in server.requests) == 5


def test_a_charge_has_the_tokens_of_its_kind_and_the_names_of_its_workspace_and_user(tmp_path):
    organization = AnthropicUsage(
        [
            AnthropicCost(DAY, "500"),
            AnthropicCost(DAY, "250", "Cache write", token_type="cache_creation.ephemeral_1h_input_tokens"),
            AnthropicCost(DAY, "75", "Output", token_type="output_tokens"),
            AnthropicCost(DAY, "10", "Web Search Usage", workspace=None, token_type=None),
        ],
        [AnthropicTokens(DAY, uncached=1000, cached_hour=300), AnthropicTokens(DAY, "user_ben", output=50)],
    )
    with local_vendor(organization) as server:
        ANTHROPIC.fetch(server, tmp_path)
    columns = "BilledCost, SubAccountName, x_Model, ConsumedQuantity, ConsumedUnit, x_User"
    assert ANTHROPIC.rows(tmp_path, columns) == [
        (Decimal("0.1"), None, None, None, None, None),
        (Decimal("0.75"), "search", "claude-opus-4-6", 50, "Tokens", "user_ben"),
        (Decimal("2.5"), "search", "claude-opus-4-6", 300, "Tokens", "ana@example.com"),
        (Decimal(5), "search", "claude-opus-4-6", 1000, "Tokens", "ana@example.com"),
    ]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([AnthropicTokens(DAY, uncached=7), AnthropicTokens(DAY, "user_ben", uncached=3)], (10, None)),
        ([AnthropicTokens(DAY, uncached=7), AnthropicTokens(DAY, None, uncached=3)], (10, None)),
        ([AnthropicTokens(DAY, uncached=7, tier="batch")], (None, None)),
        ([AnthropicTokens(DAY, uncached=7, workspace=None)], (None, None)),
        ([AnthropicTokens("2026-11-02", uncached=7)], (None, None)),
    ],
)
def test_tokens_of_several_users_or_of_other_usage_name_no_user(tmp_path, tokens, expected):
    with local_vendor(AnthropicUsage([AnthropicCost(DAY, "1")], tokens)) as server:
        ANTHROPIC.fetch(server, tmp_path)
    assert ANTHROPIC.rows(tmp_path, "ConsumedQuantity, x_User") == [expected]


def test_tokens_that_match_two_costs_are_assigned_to_neither(tmp_path):
    """For example, usage at two prices: each cost would get the tokens of both."""
    organization = AnthropicUsage(
        [AnthropicCost(DAY, "1"), AnthropicCost(DAY, "2", "Fast mode")], [AnthropicTokens(DAY, uncached=7)]
    )
    with local_vendor(organization) as server:
        summary = ANTHROPIC.fetch(server, tmp_path)
    assert ANTHROPIC.rows(tmp_path, "ConsumedQuantity, x_User") == [(None, None)] * 2
    assert summary.totals == {"USD": Decimal("0.03")}


def test_a_restated_day_is_replaced(tmp_path):
    organization = AnthropicUsage([AnthropicCost(DAY, "100"), AnthropicCost("2026-11-18", "200")])
    with local_vendor(organization) as server:
        ANTHROPIC.fetch(server, tmp_path)
        organization.costs = [AnthropicCost(DAY, "999"), AnthropicCost("2026-11-18", "150")]
        ANTHROPIC.fetch(server, tmp_path, since=None, until="2026-11-21")
    assert ANTHROPIC.rows(tmp_path, "BilledCost") == [(Decimal(1),), (Decimal("1.5"),)]


def test_a_rejected_key_is_not_shown(tmp_path):
    with local_vendor(AnthropicUsage()) as server, pytest.raises(FetchError) as raised:
        Vendor("anthropic", "sk-ant-wrong").fetch(server, tmp_path)
    assert "sk-ant-wrong" not in str(raised.value) and "ANTHROPIC_ADMIN_KEY" in str(raised.value)
