"""Run a series detection: score daily costs by account and series, and return a row for each anomalous series.

The scorer (`focuswatch.detect.anomaly`) takes and returns only numbers; this module turns them into rows of findings.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from focuswatch.catalog.sql_catalog import PER_USD, Catalog, Detection
from focuswatch.catalog.sql_header_fields import Scoring
from focuswatch.detect.anomaly import score_with_expectation, with_onsets
from focuswatch.detect.explain.cost_increase_of_finding import CostIncrease
from focuswatch.detect.explain.driver_queries import query_cost_drivers, to_cost_driver
from focuswatch.engines import Engine, Row
from focuswatch.engines.sql_values import Value
from focuswatch.findings.explanation import CostDriver
from focuswatch.findings.finding import DAYS_A_MONTH, fingerprint
from focuswatch.findings.six_decimal_money import money
from focuswatch.findings.stake import ENDED_AFTER_DAYS

Key = tuple[str | None, str | None]
LaterCosts = Mapping[str | None, Mapping[date, Mapping[str | None, float]]]

MAX_CAUSES = 5
LINKED_DAYS = 3  # anomalous days that are at most this far apart belong to the same episode
LEAST_CAUSE_SHARE = 0.01  # minimum share of the excess for a cost driver to be listed


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


def anomalous_series(
    detection: Detection, *, engine: Engine, catalog: Catalog, inputs: dict[str, Value]
) -> list[Row]:
    """Return a contract row for each series that is anomalous on a new day, highest cost first."""
    columns = engine.columns(detection.render(inputs), label=detection.id)
    if not columns or not len(columns["charge_date"]):
        return []
    scoring = detection.header.scoring
    assert scoring is not None  # the catalog rejects a series detection without it
    as_of, first_new_day = inputs["as_of"], inputs["news_since"]
    assert isinstance(as_of, date)
    assert isinstance(first_new_day, date)
    per_usd = inputs.get(PER_USD, 1.0)
    assert isinstance(per_usd, int | float)
    settled, later = _split(columns)
    if not len(settled["charge_date"]):
        return []
    episodes = find_episodes(
        pivot(settled),
        scoring=scoring,
        first_new_day=first_new_day - (as_of - _end(settled)),
        per_usd=per_usd,
        later=later_costs(later),
    )
    causes = _causes(episodes, engine=engine, catalog=catalog, detection=detection)
    rows = [_row(episode, *causes.get(episode.key, ([], None))) for episode in episodes]
    return sorted(rows, key=lambda row: -float(row["monthly_cost"]))


def _split(columns: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the settled days, which are scored, and the later days. Without `is_settled`, all days are settled."""
    is_settled = np.ma.filled(
        columns.get("is_settled", np.ones(len(columns["charge_date"]), bool)), False
    ).astype(bool)
    return tuple(  # type: ignore[return-value]
        {name: values[chosen] for name, values in columns.items()} for chosen in (is_settled, ~is_settled)
    )


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


def _end(columns: dict[str, np.ndarray]) -> date:
    end: date = (columns["charge_date"].astype("datetime64[D]").max() + 1).astype(date)
    return end


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
    scored = score_with_expectation(series.costs, series.first_day.weekday())
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


def _causes(
    episodes: list[Episode], *, engine: Engine, catalog: Catalog, detection: Detection
) -> dict[Key, tuple[list[CostDriver], Row | None]]:
    """Return the cost drivers of each episode's excess, largest first, and the tags of the largest one.

    Cost drivers without an increase are left out.
    """
    increases = [_cost_increase(episode, detection=detection) for episode in episodes]
    rows = query_cost_drivers(
        increases, engine=engine, catalog=catalog, label=f"{detection.id}, cost drivers"
    )
    causes = {}
    for episode, increase in zip(episodes, increases, strict=True):
        drivers = [row for row in rows.get(increase.fingerprint, []) if money(row["excess"]) > 0]
        causes[episode.key] = (
            [to_cost_driver(row) for row in drivers],
            drivers[0]["tags"] if drivers else None,
        )
    return causes


def _cost_increase(episode: Episode, *, detection: Detection) -> CostIncrease:
    account, service = episode.key
    identity = {"sub_account_id": account, "service_name": service}
    return CostIncrease(
        fingerprint=fingerprint(detection.id, identity),
        sub_account_id=account,
        region_id=None,
        service_name=service,
        resource_id=None,
        first_day=episode.first,
        end_day=episode.end,
        excess=money(episode.daily_excess * episode.anomalous_days),
        of_one_service=True,
    )


def _row(episode: Episode, causes: list[CostDriver], tags: Row | None) -> Row:
    account, service = episode.key
    top = next(iter(causes), None)  # highest cost first
    return {
        "sub_account_id": account,
        "region_id": None,
        "resource_id": None,
        "service_name": service,
        "monthly_cost": episode.daily_excess * episode.anomalous_days,
        "monthly_cost_if_continues": episode.daily_excess * DAYS_A_MONTH if episode.continues else 0.0,
        "daily_cost": episode.daily_cost,
        "daily_expected": episode.daily_expected,
        "daily_excess": episode.daily_excess,
        "anomalous_from": episode.first,
        "anomalous_until": episode.end - timedelta(days=1),
        "anomalous_days": episode.anomalous_days,
        "continues": episode.continues,
        "score": episode.highest_score,
        **_named_cause(top),
        "tags": tags,  # of the largest cost driver, whose team owns the finding
        "causes": [_cause_text(part, episode) for part in causes[:MAX_CAUSES] if _matters(part, episode)],
    }


def _named_cause(top: CostDriver | None) -> Row:
    return {
        "meter": top and top.meter,
        "cause_region_id": top and top.region_id,
        "cause_resource_id": top and top.resource_id,
        "operation": top and top.operation,
        "moved": top and ("unit price" if top.by_price > top.by_volume else "usage"),
    }


def _daily(part: CostDriver, episode: Episode) -> float:
    return float(part.excess) / episode.anomalous_days


def _matters(part: CostDriver, episode: Episode) -> bool:
    return _daily(part, episode) >= LEAST_CAUSE_SHARE * episode.daily_excess


def _cause_text(part: CostDriver, episode: Episode) -> str:
    details = ", ".join(name for name in (part.region_id, part.resource_id, part.operation) if name)
    daily = _daily(part, episode)
    share = daily / episode.daily_excess if episode.daily_excess else 0.0
    return f"{part.meter or 'no meter'} ({details or 'no region'}): {daily:,.2f}/day, {share:.0%}"
