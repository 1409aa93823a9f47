"""What follows for the cost of a unit: tokens, inferences and hours that got dearer from one week to the next."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from focuswatch.simulate.bill_plan import Identity
from focuswatch.simulate.charge_lines import Days, Line
from focuswatch.simulate.expected.expected_tokens import is_tokens, kind_of, millions, model_of
from focuswatch.simulate.expected.line_facts import (
    Charged,
    Facts,
    identity_of,
    is_instance_hours,
    sku,
    total,
)
from focuswatch.simulate.expected.lookback_windows import judged, windows
from focuswatch.simulate.planted_truth import Incident

WEEK = 7
DETECTION = "unit_cost_regression"


@dataclass(frozen=True)
class _Excess:
    """USD of the week until each day above what its units cost the week before; and how many times as dear."""

    usd: Days
    ratio: Days


def unit_costs(facts: Facts) -> list[Incident]:
    """By account, region and service for tokens; by endpoint for inferences and hours."""
    return [*_tokens(facts), *_endpoints(facts)]


def _before(weeks: Days) -> Days:
    """The week before, for each day's week."""
    return np.concatenate((np.zeros(WEEK), weeks[:-WEEK]))


def _over(parts: Days, whole: Days) -> Days:
    return np.divide(parts, whole, out=np.zeros_like(parts), where=whole > 0)


def _dearer(costs: Days, units: Days) -> _Excess:
    spent, used = windows(costs, WEEK), windows(units, WEEK)
    at_prices_before = used * _over(_before(spent), _before(used))
    return _Excess(spent - at_prices_before, _over(spent, at_prices_before))


def _tokens(facts: Facts) -> Iterator[Incident]:
    places: dict[Identity, list[Charged]] = {}
    for one in facts.usage:
        if is_tokens(one.line):
            places.setdefault((*identity_of(one.line)[:3], None), []).append(one)
    for identity, charged in places.items():
        excesses = [_of_model(charged, model) for model in {model_of(one.line) for one in charged}]
        yield from _judged(facts, identity, excesses, total(charged, costs=True), least=1.05, clearly=1.065)


def _of_model(charged: list[Charged], model: str) -> _Excess:
    """Kinds of tokens are compared each with itself: more output is no dearer token."""
    own = [one for one in charged if model_of(one.line) == model]
    spent, at_prices_before = np.zeros(len(own[0].costs)), np.zeros(len(own[0].costs))
    for kind in {kind_of(one.line) for one in own}:
        same = [one for one in own if kind_of(one.line) == kind]
        costs, used = windows(total(same, costs=True), WEEK), windows(millions(same), WEEK)
        comparable = _before(used) > 0
        spent += np.where(comparable, costs, 0.0)
        at_prices_before += np.where(comparable, used * _over(_before(costs), _before(used)), 0.0)
    large = (windows(millions(own), WEEK) >= 1) & (_before(windows(millions(own), WEEK)) >= 1)
    return _Excess(
        np.where(large, spent - at_prices_before, 0.0), np.where(large, _over(spent, at_prices_before), 0.0)
    )


def _endpoints(facts: Facts) -> Iterator[Incident]:
    for identity, charged in facts.by_resource(lambda line: "Host:" in sku(line) and is_instance_hours(line)):
        hours, costs = total(charged), total(charged, costs=True)
        always = np.round(windows((hours > 0).astype(float), 2 * WEEK)) == 2 * WEEK
        by_hour = _dearer(costs, hours)
        yield from _judged(
            facts, identity, [by_hour], np.where(always, costs, 0.0), least=1.05, clearly=1.065
        )
        calls = _calls(facts, charged[0].line)
        if calls is None:
            continue
        many = np.minimum(windows(calls, WEEK), _before(windows(calls, WEEK))) >= 1000
        by_call = _dearer(costs, calls)
        judgeable = always & many & (by_hour.ratio < 1.05)
        excess = _Excess(np.where(judgeable, by_call.usd, 0.0), by_call.ratio)
        yield from _judged(facts, identity, [excess], costs, least=1.5, clearly=1.55)


def _calls(facts: Facts, line: Line) -> Days | None:
    watches = [
        one for one in facts.plan.watches if one.resource == line.resource and one.metric == "Invocations"
    ]
    if not watches:
        return None
    days = [facts.day(index) for index in range(facts.calendar.days)]
    return np.array([sum(one.value(day) for one in watches if one.first <= day < one.last) for day in days])


def _judged(
    facts: Facts, identity: Identity, excesses: list[_Excess], costs: Days, *, least: float, clearly: float
) -> Iterator[Incident]:
    """Prices have no noise, weeks of calls and tokens do: near the thresholds it is open to argument."""
    monthly = 30 / WEEK
    sure = np.sum([np.where(one.ratio >= clearly, one.usd, 0.0) for one in excesses], axis=0) * monthly
    perhaps = (
        np.sum([np.where(one.ratio >= 0.99 * least, one.usd, 0.0) for one in excesses], axis=0) * monthly
    )
    two_weeks = np.arange(len(costs)) >= 2 * WEEK - 1
    clear, doubtful = (sure >= 60) & two_weeks, (perhaps >= 42) & two_weeks
    yield from judged(facts, DETECTION, identity, clear=clear, doubtful=doubtful, costs=costs)
