"""What follows for tokens: workloads that could wait, and workloads that run away."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from focuswatch.simulate.bill_plan import Identity
from focuswatch.simulate.charge_lines import Days, Line
from focuswatch.simulate.expected.expected_first_charges import FIRST_SCAN_DAYS
from focuswatch.simulate.expected.line_facts import (
    Charged,
    Facts,
    Flags,
    account_id,
    identity_of,
    is_bedrock,
    run_end,
    sku,
    total,
)
from focuswatch.simulate.expected.lookback_windows import judged, windows
from focuswatch.simulate.planted_truth import Incident

MILLIONS = {"1K tokens": 0.001, "1M tokens": 1.0}  # by the meter's unit
FOUR_WEEKS = 28
BATCH = re.compile(r"\b(batch|offline|nightly|bulk|backfill|etl)\b")
HISTORY_DAYS = 56
LEAST_ACTIVE_DAYS = 7
LEAST_AGE_DAYS = 14


def tokens(facts: Facts) -> list[Incident]:
    """Workloads that buy answers at once and could wait, and days on which one bursts."""
    return [*_batchable(facts), *_bursts(facts)]


def is_tokens(line: Line) -> bool:
    return is_bedrock(line) and "token" in sku(line).lower()


def model_of(line: Line) -> str:
    """A Marketplace model is a service of its own; the others are named in front of what is counted."""
    if line.meter.marketplace:
        return line.meter.service
    return re.split(r"-mantle-|-input-|-output-|-cache-", line.meter.meter.removeprefix("{p}"))[0]


def kind_of(line: Line) -> str:
    said = re.sub("[-_]", "", sku(line).lower())
    return next(kind for kind in ("cacheread", "cachewrite", "output", "input") if kind in said)


def millions(charged: Iterable[Charged]) -> Days:
    """Million tokens of each day."""
    return np.asarray(np.sum([one.quantities * MILLIONS[one.line.meter.unit] for one in charged], axis=0))


def _batchable(facts: Facts) -> Iterator[Incident]:
    batched = {
        (account_id(one.line), model_of(one.line))
        for one in facts.usage
        if is_tokens(one.line) and "batch" in sku(one.line).lower()
    }

    def wanted(line: Line) -> bool:
        halved = is_tokens(line) and kind_of(line) in ("input", "output")
        return halved and (account_id(line), model_of(line)) not in batched

    for identity, charged in facts.by_resource(wanted):
        tagged = [one for one in charged if BATCH.search(" ".join(one.line.tags.values()))]
        others = [one for one in charged if one not in tagged]
        parts = [total(tagged, costs=True)] if tagged else []
        if others:
            parts.append(np.where(_scheduled(millions(others)), total(others, costs=True), 0.0))
        costs = np.asarray(np.sum(parts, axis=0))
        saved = windows(costs, FOUR_WEEKS) / FOUR_WEEKS * 30 / 2
        saved[: FOUR_WEEKS - 1] = 0.0
        clear, doubtful = saved >= 30, saved >= 20
        yield from judged(facts, "realtime_batchable", identity, clear=clear, doubtful=doubtful, costs=costs)


def _scheduled(used: Days) -> bool:
    """Whether nine tenths come on the same two days of the week, over the newest weeks."""
    newest = used[-FOUR_WEEKS - 2 : -2]
    by_weekday = newest.reshape(-1, 7).sum(axis=0)
    return int((newest > 0).sum()) >= 4 and bool(np.sort(by_weekday)[-2:].sum() >= 0.9 * by_weekday.sum())


@dataclass(frozen=True)
class _Level:
    """What tokens of a day are compared with: medians of earlier days that had any."""

    usual: float
    on_weekday: float
    left: float  # what has left, where the day has none


def _level(used: Days, day: int) -> _Level | None:
    """None: too young, or too seldom used, for a level."""
    first = max(0, day - HISTORY_DAYS)
    active = first + np.flatnonzero(used[first:day])
    if active.size < LEAST_ACTIVE_DAYS or day - int(active[0]) < LEAST_AGE_DAYS:
        return None
    usual = float(np.median(used[active]))
    same = used[active[(day - active) % 7 == 0]]
    on_weekday = float(np.median(same)) if same.size >= 3 else usual
    recent = same.size >= 3 and day - int(active[-1]) <= LEAST_AGE_DAYS
    left = on_weekday if recent and used[day] < 0.25 * on_weekday else 0.0
    return _Level(max(usual, on_weekday), on_weekday, left)


def _bursts(facts: Facts) -> Iterator[Incident]:
    for _, charged in facts.by_account(is_tokens):
        workloads: dict[tuple[Identity, str | None], list[Charged]] = {}
        for one in charged:
            called = None if one.line.resource else model_of(one.line)
            workloads.setdefault((identity_of(one.line), called), []).append(one)
        used = [millions(lines) for lines in workloads.values()]
        for (identity, _), lines in workloads.items():
            if not _launched(facts, lines):
                yield from _bursts_of(facts, identity, lines, used)


def _launched(facts: Facts, lines: list[Charged]) -> bool:
    """Whether owners.toml plans a launch of them; those of the simulation keep to their factor."""
    use_cases = (facts.plan.use_cases.get(one.line.tags.get("use_case", "")) for one in lines)
    return any(says is not None and "launches" in says for says in use_cases)


def _bursts_of(
    facts: Facts, identity: Identity, lines: list[Charged], account: list[Days]
) -> Iterator[Incident]:
    costs = total(lines, costs=True)
    clear, doubtful = _burst_days(millions(lines), costs, account)
    for start in np.flatnonzero(doubtful & ~np.concatenate(([False], doubtful[:-1]))).tolist():
        end = run_end(doubtful, start)
        sure = np.flatnonzero(clear[start:end])
        first = start + int(sure[0]) if sure.size else start
        yield Incident(
            detection="token_burst",
            identity=identity,
            start=facts.day(start),
            end=facts.ending(end),
            daily_cost=float(costs[start:end].mean()),
            expected_by=facts.day(first + 1),
            visible_until=facts.day(end - 1 + FIRST_SCAN_DAYS),
            note="tokens far above the usual",
            certain=bool(sure.size),
        )


def _burst_days(used: Days, costs: Days, account: list[Days]) -> tuple[Flags, Flags]:
    """Days that are clearly a burst, and days that may be one: the newest is told by a third of its tokens."""
    clear, doubtful = np.zeros(len(used), dtype=bool), np.zeros(len(used), dtype=bool)
    whole = np.asarray(np.sum(account, axis=0))
    for day in np.flatnonzero(costs >= 8).tolist():
        own, everything = _level(used, day), _level(whole, day)
        excess = used[day] - (own.usual if own else 0.0)
        if everything is None or excess <= 0:
            continue
        ratio = used[day] / (own.usual if own else everything.usual)
        excess_cost = excess / used[day] * costs[day]
        left = sum(level.left for one in account if (level := _level(one, day)))
        new = min(whole[day] - everything.on_weekday, excess - left) / excess
        late = 0.35 if day == len(used) - 1 else 1.0
        clear[day] = bool(late * ratio >= 3.6 and late * excess_cost >= 12 and new >= 0.65)
        doubtful[day] = bool(ratio >= 2.4 and excess_cost >= 8 and new >= 0.35)
    return clear, doubtful
