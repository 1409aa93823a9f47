"""Find the anomaly episode of each cost series: the linked days on which its cost is anomalous.

The scorer (`focuswatch.detect.anomaly`) takes and returns only numbers. This module arranges the rows of a series
detection for it, and applies the minimum amount and the minimum history.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from focuswatch.catalog.sql_header_models import Scoring
from focuswatch.detect.anomaly import score_daily_costs, with_onsets
from focuswatch.findings.compute_finding_amounts_and_event_end import ENDED_AFTER_DAYS

Key = tuple[str | None, str | None]
LaterCosts = Mapping[str | None, Mapping[date, Mapping[str | None, float]]]

LINKED_DAYS = 3  # anomalous days that are at most this far apart belong to the same episode


@dataclass(frozen=True)
class Series:
    """Daily costs: `costs[i, d]` is the cost of series `keys[i]` on `first_day` + d; NaN before its first charge."""

    keys: list[Key]
    first_day: date
    costs: np.ndarray


@dataclass(frozen=True)
class Episode:
    """The anomalous days of one series in `[first, end)`, with their mean cost and mean expected cost."""

    key: Key
    first: date
    end: date
    anomalous_days: int
    daily_cost: float
    daily_expected: float
    highest_score: float
    continues: bool

    @property
    def daily_excess(self) -> float:
        """The mean cost above the expected cost on the anomalous days."""
        return self.daily_cost - self.daily_expected


def later_costs(columns: dict[str, np.ndarray]) -> LaterCosts:
    """Return costs by account, day and series. An account has a day if any of its series has charges on that day."""
    costs: dict[str | None, dict[date, dict[str | None, float]]] = defaultdict(lambda: defaultdict(dict))
    days = columns["charge_date"].astype("datetime64[D]").astype(object)
    amounts = np.nan_to_num(np.ma.filled(columns["cost"].astype(float), 0.0))
    rows = zip(columns["sub_account_id"].tolist(), days, columns["series"].tolist(), amounts, strict=True)
    for account, day, series, cost in rows:
        costs[account][day][series] = costs[account][day].get(series, 0.0) + float(cost)
    return costs


def pivot(columns: dict[str, np.ndarray]) -> Series:
    """Return rows of (sub_account_id, series, charge_date, cost) as one matrix.

    A day without a row costs 0 after the first charge of a series, and is NaN before; days missing from the
    whole export are NaN.
    """
    days = columns["charge_date"].astype("datetime64[D]")
    first, last = days.min(), days.max()
    offsets = (days - first).astype(int)
    numbers: dict[Key, int] = {}
    pairs = zip(columns["sub_account_id"].tolist(), columns["series"].tolist(), strict=True)
    row_numbers = np.fromiter(
        (numbers.setdefault(pair, len(numbers)) for pair in pairs), int, count=len(days)
    )
    costs = np.zeros((len(numbers), int((last - first).astype(int)) + 1))
    np.add.at(costs, (row_numbers, offsets), np.nan_to_num(np.ma.filled(columns["cost"].astype(float), 0.0)))
    first_offsets = np.full(len(costs), costs.shape[1])
    np.minimum.at(first_offsets, row_numbers, offsets)
    costs[np.arange(costs.shape[1]) < first_offsets[:, None]] = np.nan
    costs[:, np.setdiff1d(np.arange(costs.shape[1]), offsets)] = np.nan
    return Series(list(numbers), first.astype(date), costs)


def find_episodes(
    series: Series,
    *,
    scoring: Scoring,
    first_new_day: date,
    per_usd: float = 1.0,
    later: LaterCosts | None = None,
) -> list[Episode]:
    """Return the episode of each series that is anomalous on or after `first_new_day`.

    `later` has the costs of days that are not settled, which show whether an episode has ended.
    """
    scored = score_daily_costs(series.costs, series.first_day.weekday())
    history = np.cumsum(~np.isnan(series.costs), axis=1) - 1
    excess = series.costs - scored.expected
    counts = (excess >= scoring.least_daily_excess_usd * per_usd) & (history >= scoring.history_days)
    alarms = counts & (scored.scores >= scoring.threshold)
    anomalous = counts & with_onsets(alarms, scored)  # includes the days on which an alarm started
    new_from = max((first_new_day - series.first_day).days, 0)
    episodes = []
    for number in np.flatnonzero(alarms[:, new_from:].any(axis=1)):
        (days,) = np.nonzero(anomalous[number])
        days = days[_first_of_episode(days, new_from=new_from) :]
        episode = Episode(
            key=series.keys[number],
            first=series.first_day + timedelta(days=int(days[0])),
            end=series.first_day + timedelta(days=int(days[-1]) + 1),
            anomalous_days=len(days),
            daily_cost=float(series.costs[number, days].mean()),
            daily_expected=float(scored.expected[number, days].mean()),
            highest_score=float(scored.scores[number, days].max()),
            continues=bool(anomalous[number, -1]),
        )
        if episode.continues and _has_ended(episode, later or {}):
            episode = replace(episode, continues=False)
        episodes.append(episode)
    return episodes


def _first_of_episode(days: np.ndarray, *, new_from: int) -> int:
    """Return the index of the first day of the episode that includes the first day from `new_from` on."""
    first = int(np.searchsorted(days, new_from))
    while first and days[first] - days[first - 1] <= LINKED_DAYS:
        first -= 1
    return first


def _has_ended(episode: Episode, later: LaterCosts) -> bool:
    """Return whether each of at least two later days costs less than the expected cost plus half of the excess."""
    account, series = episode.key
    after = {day: costs for day, costs in later.get(account, {}).items() if day >= episode.end}
    limit = episode.daily_expected + episode.daily_excess / 2
    return len(after) >= ENDED_AFTER_DAYS and all(costs.get(series, 0.0) < limit for costs in after.values())
