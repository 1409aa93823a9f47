"""Round amounts to integers so that the sums still add up: the largest-remainder method, applied to a hierarchy."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from math import floor
from typing import TypeVar

K = TypeVar("K", bound=Hashable)
P = TypeVar("P", bound=tuple[Hashable, ...])


def nearest(amount: Fraction) -> int:
    """Return the nearest integer; a half is rounded away from zero, as on an invoice."""
    magnitude = floor(abs(amount) + Fraction(1, 2))
    return magnitude if amount >= 0 else -magnitude


def rounded_to_total(total: int, amounts: Mapping[K, Fraction]) -> dict[K, int]:
    """Return the amounts as integers whose sum is `total`, each less than one away from its amount.

    The amounts with the largest remainders are rounded up; among equal remainders, the first in order. `total` must be
    the sum of the amounts, rounded down or up.
    """
    rounded = {key: floor(amount) for key, amount in amounts.items()}
    missing = total - sum(rounded.values())
    # The sort is stable, so equal remainders keep their order.
    by_remainder = sorted(amounts, key=lambda key: rounded[key] - amounts[key])
    for key in by_remainder[:missing]:
        rounded[key] += 1
    return rounded


def rounded_by_level(amounts: Mapping[P, Fraction]) -> dict[P, int]:
    """Return the amounts as integers that add up at every level; the keys are paths of equal length.

    The total is rounded to the nearest integer and distributed among the groups of the first path element, then within
    each group among those of the second, and so on. The total of every group is less than one away from its exact sum.
    """
    return _distributed(list(amounts.items()), nearest(sum(amounts.values(), Fraction())), level=0)


def _distributed(items: Sequence[tuple[P, Fraction]], total: int, *, level: int) -> dict[P, int]:
    if len(items) == 1:
        return {items[0][0]: total}
    groups: dict[Hashable, list[tuple[P, Fraction]]] = defaultdict(list)
    for path, amount in items:
        groups[path[level]].append((path, amount))
    sums = {key: sum((amount for _, amount in group), Fraction()) for key, group in groups.items()}
    totals = rounded_to_total(total, sums)
    rounded: dict[P, int] = {}
    for key, group in groups.items():
        rounded |= _distributed(group, totals[key], level=level + 1)
    return rounded
