"""Series detections: daily costs by account and series → what is out of its own pattern, and why.

The scorer knows floats alone (`focuswatch.detect.anomaly`); here they become rows a finding is made of.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from focuswatch.catalog.catalog import PER_USD, Catalog, Detection, Scoring
from focuswatch.detect.anomaly import score_with_expectation
from focuswatch.detect.explain.cost_increase import CostIncrease
from focuswatch.detect.explain.driver_queries import query_cost_drivers, to_cost_driver
from focuswatch.engines import Engine, Row
from focuswatch.engines.sql_literals import Value
from focuswatch.findings.explanation import CostDriver
from focuswatch.findings.finding import DAYS_A_MONTH, fingerprint, money
from focuswatch.findings.stake import ENDED_AFTER_DAYS

Key = tuple[str | None, str | None]
LaterCosts = Mapping[str | None, Mapping[date, Mapping[str | None, float]]]

TOLD_CAUSES = 5
LINKED_DAYS = 3  # an anomalous day so few days after another belongs to the same episode
LEAST_SHARE_TOLD = 0.01  # of the excess: what is less explains nothing


@dataclass(frozen=True)
class Series:
    """Daily costs: `costs[i, d]` is series `keys[i]` on `first_day` + d; NaN before its first charge."""

    keys: list[Key]
    first_day: date
    costs: np.ndarray


@dataclass(frozen=True)
class Episode:
    """The strange days of one series: half-open, with what they cost above expectation."""

    key: Key
    first: date
    end: date
    strange_days: int
    daily_cost: float
    daily_expected: float
    worst_score: float
    goes_on: bool

    @property
    def daily_excess(self) -> float:
        """Mean over the strange days."""
        return self.daily_cost - self.daily_expected


def anomalous_series(
    detection: Detection, *, engine: Engine, catalog: Catalog, inputs: dict[str, Value]
) -> list[Row]:
    """One contract row for each series that is strange on a day that is news, costliest first."""
    columns = engine.columns(detection.render(inputs), label=detection.id)
    if not columns or not len(columns["charge_date"]):
        return []
    scoring = detection.header.scoring
    assert scoring is not None  # the catalog refuses a series without it
    as_of, news = inputs["as_of"], inputs["news_since"]
    assert isinstance(as_of, date)
    assert isinstance(news, date)
    per_usd = inputs.get(PER_USD, 1.0)
    assert isinstance(per_usd, int | float)
    settled, later = _split(columns)
    if not len(settled["charge_date"]):
        return []
    episodes = find_episodes(
        pivot(settled),
        scoring=scoring,
        news_from=news - (as_of - _end(settled)),
        per_usd=per_usd,
        later=later_costs(later),
    )
    causes = _causes(episodes, engine=engine, catalog=catalog, detection=detection)
    rows = [_row(episode, *causes.get(episode.key, ([], None))) for episode in episodes]
    return sorted(rows, key=lambda row: -float(row["monthly_cost"]))


def _split(columns: dict[str, np.ndarray]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Settled days, which are scored, and those after them; without `is_settled` all days are settled."""
    is_settled = np.ma.filled(
        columns.get("is_settled", np.ones(len(columns["charge_date"]), bool)), False
    ).astype(bool)
    return tuple(  # type: ignore[return-value]
        {name: values[chosen] for name, values in columns.items()} for chosen in (is_settled, ~is_settled)
    )


def later_costs(columns: dict[str, np.ndarray]) -> LaterCosts:
    """Costs by account, day and series; an account's day is there when any series of the account is charged on it."""
    costs: dict[str | None, dict[date, dict[str | None, float]]] = defaultdict(lambda: defaultdict(dict))
    days = columns["charge_date"].astype("datetime64[D]").astype(object)
    amounts = np.nan_to_num(np.ma.filled(columns["cost"].astype(float), 0.0))
    rows = zip(columns["sub_account_id"].tolist(), days, columns["series"].tolist(), amounts, strict=True)
    for account, day, series, cost in rows:
        costs[account][day][series] = costs[account][day].get(series, 0.0) + float(cost)
    return costs


def pivot(columns: dict[str, np.ndarray]) -> Series:
    """Rows of (sub_account_id, series, charge_date, cost) as one matrix.

    A day on which a series has no row costs it 0 once it has begun; NaN before, and NaN on days that
    the export does not hold at all.
    """
    days = columns["charge_date"].astype("datetime64[D]")
    first, last = days.min(), days.max()
    offsets = (days - first).astype(int)
    numbers: dict[Key, int] = {}
    pairs = zip(columns["sub_account_id"].tolist(), columns["series"].tolist(), strict=True)
    owners = np.fromiter((numbers.setdefault(pair, len(numbers)) for pair in pairs), int, count=len(days))
    costs = np.zeros((len(numbers), int((last - first).astype(int)) + 1))
    np.add.at(costs, (owners, offsets), np.nan_to_num(np.ma.filled(columns["cost"].astype(float), 0.0)))
    begins = np.full(len(costs), costs.shape[1])
    np.minimum.at(begins, owners, offsets)
    costs[np.arange(costs.shape[1]) < begins[:, None]] = np.nan
    costs[:, np.setdiff1d(np.arange(costs.shape[1]), offsets)] = np.nan
    return Series(list(numbers), first.astype(date), costs)


def _end(columns: dict[str, np.ndarray]) -> date:
    end: date = (columns["charge_date"].astype("datetime64[D]").max() + 1).astype(date)
    return end


def find_episodes(
    series: Series,
    *,
    scoring: Scoring,
    news_from: date,
    per_usd: float = 1.0,
    later: LaterCosts | None = None,
) -> list[Episode]:
    """The anomalous days of each series that has one on or after `news_from`, from the first of them on.

    `later` are costs of days that are not settled: they show whether it ended.
    """
    scored = score_with_expectation(series.costs, series.first_day.weekday())
    history = np.cumsum(~np.isnan(series.costs), axis=1) - 1
    excess = series.costs - scored.expected
    strange = (
        (scored.scores >= scoring.threshold)
        & (excess >= scoring.least_daily_excess_usd * per_usd)
        & (history >= scoring.history_days)
    )
    news = max((news_from - series.first_day).days, 0)
    found = []
    for number in np.flatnonzero(strange[:, news:].any(axis=1)):
        (days,) = np.nonzero(strange[number])
        days = days[_begin(days, news=news) :]
        episode = Episode(
            key=series.keys[number],
            first=series.first_day + timedelta(days=int(days[0])),
            end=series.first_day + timedelta(days=int(days[-1]) + 1),
            strange_days=len(days),
            daily_cost=float(series.costs[number, days].mean()),
            daily_expected=float(scored.expected[number, days].mean()),
            worst_score=float(scored.scores[number, days].max()),
            goes_on=bool(strange[number, -1]),
        )
        if episode.goes_on and _has_ended(episode, later or {}):
            episode = replace(episode, goes_on=False)
        found.append(episode)
    return found


def _begin(days: np.ndarray, *, news: int) -> int:
    """The place of the first day of the episode that the first day from `news` on belongs to."""
    begin = int(np.searchsorted(days, news))
    while begin and days[begin] - days[begin - 1] <= LINKED_DAYS:
        begin -= 1
    return begin


def _has_ended(episode: Episode, later: LaterCosts) -> bool:
    """Whether the account's next days, at least two, cost less than half of the excess above what is expected."""
    account, series = episode.key
    after = {day: costs for day, costs in later.get(account, {}).items() if day >= episode.end}
    usual = episode.daily_expected + episode.daily_excess / 2
    return len(after) >= ENDED_AFTER_DAYS and all(costs.get(series, 0.0) < usual for costs in after.values())


def _causes(
    episodes: list[Episode], *, engine: Engine, catalog: Catalog, detection: Detection
) -> dict[Key, tuple[list[CostDriver], Row | None]]:
    """Return the cost drivers of each excess, largest first, and the tags of the main one.

    What explains nothing of the excess is left out.
    """
    rises = [_rise(episode, detection=detection) for episode in episodes]
    rows = query_cost_drivers(rises, engine=engine, catalog=catalog, label=f"{detection.id}, its causes")
    causes = {}
    for episode, rise in zip(episodes, rises, strict=True):
        drivers = [row for row in rows.get(rise.fingerprint, []) if money(row["excess"]) > 0]
        causes[episode.key] = (
            [to_cost_driver(row) for row in drivers],
            drivers[0]["tags"] if drivers else None,
        )
    return causes


def _rise(episode: Episode, *, detection: Detection) -> CostIncrease:
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
        excess=money(episode.daily_excess * episode.strange_days),
        of_one_service=True,
    )


def _row(episode: Episode, causes: list[CostDriver], tags: Row | None) -> Row:
    account, service = episode.key
    top = next(iter(causes), None)  # costliest first
    return {
        "sub_account_id": account,
        "region_id": None,
        "resource_id": None,
        "service_name": service,
        "monthly_cost": episode.daily_excess * episode.strange_days,
        "monthly_cost_if_continues": episode.daily_excess * DAYS_A_MONTH if episode.goes_on else 0.0,
        "daily_cost": episode.daily_cost,
        "daily_expected": episode.daily_expected,
        "daily_excess": episode.daily_excess,
        "anomalous_from": episode.first,
        "anomalous_until": episode.end - timedelta(days=1),
        "anomalous_days": episode.strange_days,
        "continues": episode.goes_on,
        "score": episode.worst_score,
        **_named_cause(top),
        "tags": tags,  # of the main cost driver: its team owns the finding
        "causes": [_told(part, episode) for part in causes[:TOLD_CAUSES] if _matters(part, episode)],
    }


def _named_cause(top: CostDriver | None) -> Row:
    return {
        "meter": top and top.meter,
        "cause_region_id": top and top.region_id,
        "cause_resource_id": top and top.resource_id,
        "operation": top and top.operation,
        "moved": top and ("price" if top.by_price > top.by_volume else "volume"),
    }


def _daily(part: CostDriver, episode: Episode) -> float:
    return float(part.excess) / episode.strange_days


def _matters(part: CostDriver, episode: Episode) -> bool:
    return _daily(part, episode) >= LEAST_SHARE_TOLD * episode.daily_excess


def _told(part: CostDriver, episode: Episode) -> str:
    place = ", ".join(name for name in (part.region_id, part.resource_id, part.operation) if name)
    daily = _daily(part, episode)
    share = daily / episode.daily_excess if episode.daily_excess else 0.0
    return f"{part.meter or 'no meter'} ({place or 'no region'}): {daily:,.2f} a day, {share:.0%}"
