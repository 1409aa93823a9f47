"""Rounding keeps the sums at every level, for all amounts."""

from collections import defaultdict
from fractions import Fraction
from random import Random

import pytest

from focuswatch.reports.largest_remainder import nearest, rounded_by_level, rounded_to_total


@pytest.mark.parametrize(
    ("amount", "expected"), [("1/2", 1), ("-1/2", -1), ("149/100", 1), ("-151/100", -2), ("0", 0)]
)
def test_half_is_rounded_away_from_zero(amount, expected):
    assert nearest(Fraction(amount)) == expected


def test_missing_cents_go_to_the_largest_remainders_and_then_to_the_first():
    """Three thirds of 100 cents are 34, 33 and 33."""
    thirds = {team: Fraction(100, 3) for team in ("ads", "ml", "search")}
    assert rounded_to_total(100, thirds) == {"ads": 34, "ml": 33, "search": 33}
    assert rounded_to_total(2, {"a": Fraction("0.4"), "b": Fraction("1.6")}) == {"a": 0, "b": 2}


def test_credit_is_rounded_like_a_charge():
    """-1.5 and -1.25 cents are -2.75 cents, which is -3."""
    rounded = rounded_by_level({("a", "x"): Fraction("-1.5"), ("b", "x"): Fraction("-1.25")})
    assert rounded == {("a", "x"): -2, ("b", "x"): -1}


@pytest.mark.parametrize("seed", range(200))
def test_every_group_is_less_than_one_away_from_its_exact_sum(seed):
    """At every level. The total is the nearest integer to the exact sum."""
    random = Random(seed)
    paths = {
        (random.choice("abc"), random.choice("defg"), random.choice("hij"))
        for _ in range(random.randint(1, 30))
    }
    amounts = {
        path: Fraction(random.randint(-(10**7), 10**7), random.choice([1, 3, 7, 10**4]))
        for path in sorted(paths)
    }
    rounded = rounded_by_level(amounts)
    assert sum(rounded.values()) == nearest(sum(amounts.values(), Fraction()))
    for level in range(4):
        exact, whole = defaultdict(Fraction), defaultdict(int)
        for path, amount in amounts.items():
            exact[path[:level]] += amount
            whole[path[:level]] += rounded[path]
        assert all(abs(whole[group] - exact[group]) < 1 for group in exact)
