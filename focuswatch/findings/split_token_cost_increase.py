"""Split an increase of token cost into its drivers: calls, retries, tokens per call, share of output, and price.

The token cost of a day is a product of five factors: attempted calls, the share of these calls that succeed, tokens per
successful call, the price of the mix of input, output and cache tokens at constant prices, and the ratio of the actual
price to that price. The logarithmic mean Divisia index (LMDI I, https://doi.org/10.1016/j.enpol.2003.10.010) splits the
difference of two such products into one part per factor; the parts add up exactly. Pure: no queries, no dates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from pydantic import BaseModel, ConfigDict

from focuswatch.findings.decimal_money_type_and_rounding import Money, money

DECIMALS = 3  # rounding, because engines add up floats in any order
NEARLY_EQUAL = 1e-9


@dataclass(frozen=True)
class TokenUse:
    """Bedrock usage on an average day.

    `calls` are the successful calls; `refused_calls` were throttled or failed with a client error. The keys of
    `million_tokens` and `costs` are the kinds of tokens: `input`, `output`, `cache read` and `cache write`.
    """

    calls: float
    refused_calls: float
    million_tokens: Mapping[str, float]
    costs: Mapping[str, float]

    @property
    def tokens(self) -> float:
        """Millions of tokens of all kinds."""
        return sum(self.million_tokens.values())

    @property
    def cost(self) -> float:
        """The cost of tokens of all kinds."""
        return sum(self.costs.values())

    @property
    def tokens_per_call(self) -> float:
        """Tokens per successful call."""
        return self.tokens * 1e6 / self.calls

    @property
    def output_percent(self) -> float:
        """Output tokens as a percentage of all tokens."""
        return 100 * self.million_tokens.get("output", 0.0) / self.tokens

    @property
    def refused_percent(self) -> float:
        """Refused calls as a percentage of attempted calls."""
        return 100 * self.refused_calls / (self.calls + self.refused_calls)


class TokenDrivers(BaseModel):
    """The change in daily token cost, compared with the days before the increase.

    The amounts with names that start with `by_` add up to `daily_excess`. `by_calls` is due to the number of attempted
    calls. `by_retries` is due to the share of attempted calls that succeed; `by_retries` is negative if this share
    decreased: throttled and rejected calls use no tokens, but clients usually retry these calls. `by_output_share` is
    due to the mix of input, output and cache tokens. `by_price` is due to different prices, models or service tiers.
    """

    model_config = ConfigDict(frozen=True)

    daily_excess: Money
    by_calls: Money
    by_retries: Money
    by_tokens_per_call: Money
    by_output_share: Money
    by_price: Money
    calls_before: float
    calls: float
    tokens_per_call_before: float
    tokens_per_call: float
    output_percent_before: float
    output_percent: float
    refused_percent_before: float
    refused_percent: float


def split_token_cost(before: TokenUse, during: TokenUse) -> TokenDrivers | None:
    """Return the drivers; None if either day has no calls, tokens or cost, because a factor would be 0."""
    if min(*_sizes(before), *_sizes(during)) <= 0:
        return None
    prices = _constant_prices(before, during)
    factors = zip(_factors(before, prices), _factors(during, prices), strict=True)
    weight = _logarithmic_mean(before.cost, during.cost)
    parts = [money(weight * log(now / then)) for then, now in factors]
    excess = money(during.cost - before.cost)
    calls, retries, tokens_per_call, output_share = parts[:4]
    return TokenDrivers(
        daily_excess=excess,
        by_calls=calls,
        by_retries=retries,
        by_tokens_per_call=tokens_per_call,
        by_output_share=output_share,
        by_price=excess - calls - retries - tokens_per_call - output_share,  # includes the rounding remainder
        calls_before=round(before.calls, DECIMALS),
        calls=round(during.calls, DECIMALS),
        tokens_per_call_before=round(before.tokens_per_call, DECIMALS),
        tokens_per_call=round(during.tokens_per_call, DECIMALS),
        output_percent_before=round(before.output_percent, DECIMALS),
        output_percent=round(during.output_percent, DECIMALS),
        refused_percent_before=round(before.refused_percent, DECIMALS),
        refused_percent=round(during.refused_percent, DECIMALS),
    )


def _sizes(use: TokenUse) -> tuple[float, float, float]:
    return use.calls, use.tokens, use.cost


def _constant_prices(before: TokenUse, during: TokenUse) -> dict[str, float]:
    """Return the average price of a million tokens of each kind over both days."""
    prices = {}
    for kind in before.million_tokens.keys() | during.million_tokens.keys():
        tokens = before.million_tokens.get(kind, 0.0) + during.million_tokens.get(kind, 0.0)
        cost = before.costs.get(kind, 0.0) + during.costs.get(kind, 0.0)
        prices[kind] = cost / tokens if tokens else 0.0
    return prices


def _factors(use: TokenUse, prices: Mapping[str, float]) -> tuple[float, float, float, float, float]:
    """Return the factors whose product is the cost: attempts, success rate, tokens per call, mix, price."""
    attempts = use.calls + use.refused_calls
    mix = sum(tokens * prices[kind] for kind, tokens in use.million_tokens.items()) / use.tokens
    mix = mix if mix > 0 else use.cost / use.tokens  # only free kinds: mix and price are inseparable
    return (
        attempts,
        use.calls / attempts,
        use.tokens / use.calls,
        mix,
        use.cost / use.tokens / mix,
    )


def _logarithmic_mean(one: float, other: float) -> float:
    ratio = log(other / one)
    return (one + other) / 2 if abs(ratio) < NEARLY_EQUAL else (other - one) / ratio
