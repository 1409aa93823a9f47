"""A token cost increase is split exactly into calls, retries, tokens per call, share of output and price."""

from decimal import Decimal
from random import Random

import pytest

from focuswatch.findings.split_token_cost_increase import TokenUse, split_token_cost

KINDS = ("input", "output", "cache read", "cache write")
DRIVERS = ("by_calls", "by_retries", "by_tokens_per_call", "by_output_share", "by_price")
PRICES = {"input": 5.0, "output": 25.0, "cache read": 0.5, "cache write": 6.25}


def use(*, calls=1000.0, refused=0.0, times=1.0, output=1.0, prices=PRICES):
    """Return a day of 10 million input and 1 million output tokens, `times` as many, with `output` times the output."""
    tokens = {"input": 10.0 * times, "output": 1.0 * times * output}
    return TokenUse(calls, refused, tokens, {kind: count * prices[kind] for kind, count in tokens.items()})


def parts(drivers):
    return {name: getattr(drivers, name) for name in DRIVERS}


@pytest.mark.parametrize("seed", range(200))
def test_parts_add_up_to_the_increase_for_any_two_days(seed):
    """Also for tiny and huge days, for token types that only one day has, and for free token types."""
    random = Random(seed)

    def any_day():
        kinds = random.sample(KINDS, random.randint(1, 4))
        tokens = {kind: 10 ** random.uniform(-6, 6) for kind in kinds}
        costs = {
            kind: count * random.choice((0.0, 10 ** random.uniform(-3, 3))) for kind, count in tokens.items()
        }
        costs[kinds[0]] = tokens[kinds[0]] * 3.0
        return TokenUse(
            10 ** random.uniform(0, 8), random.choice((0.0, 10 ** random.uniform(0, 8))), tokens, costs
        )

    before, during = any_day(), any_day()
    drivers = split_token_cost(before, during)
    assert sum(parts(drivers).values()) == drivers.daily_excess
    assert float(drivers.daily_excess) == pytest.approx(during.cost - before.cost, abs=1e-6)
    reversed_drivers = split_token_cost(during, before)
    for name, amount in parts(drivers).items():
        assert float(amount) == pytest.approx(-float(getattr(reversed_drivers, name)), rel=1e-6, abs=1e-5)


@pytest.mark.parametrize(
    ("during", "driver"),
    [
        (use(calls=3000.0, times=3.0), "by_calls"),
        (use(times=3.0), "by_tokens_per_call"),
        (use(prices={kind: 2 * price for kind, price in PRICES.items()}), "by_price"),
    ],
)  # fmt: skip
def test_single_changed_factor_has_the_whole_increase(during, driver):
    drivers = split_token_cost(use(), during)
    assert parts(drivers) == {
        name: drivers.daily_excess if name == driver else Decimal(0) for name in DRIVERS
    }


def test_more_output_for_the_same_calls_raises_tokens_per_call_and_share_of_output():
    drivers = split_token_cost(use(), use(output=4.0))
    assert drivers.daily_excess == 75
    assert drivers.by_calls == drivers.by_retries == drivers.by_price == 0
    assert drivers.by_output_share > drivers.by_tokens_per_call > 0


def test_throttled_and_retried_calls_cost_nothing():
    drivers = split_token_cost(use(), use(refused=1000.0))
    assert drivers.daily_excess == 0
    assert drivers.by_calls == -drivers.by_retries > 0
    assert (drivers.refused_percent_before, drivers.refused_percent) == (0.0, 50.0)


def test_day_without_calls_or_cost_has_no_drivers():
    assert split_token_cost(use(calls=0.0), use()) is None
    assert split_token_cost(use(), use(prices=dict.fromkeys(PRICES, 0.0))) is None
    assert split_token_cost(TokenUse(5.0, 0.0, {}, {}), use()) is None
