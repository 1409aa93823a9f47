"""Run a series detection: score daily costs by account and series, and return a row for each anomalous series."""

from datetime import date, timedelta

import numpy as np

from focuswatch.catalog.sql_catalog import PER_USD, Catalog, Detection
from focuswatch.detect.anomaly_episodes import Episode, Key, find_episodes, later_costs, pivot
from focuswatch.detect.explain.query_cost_drivers import LEAST_SHARE, query_cost_drivers, to_cost_driver
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease
from focuswatch.engines import Engine, Row
from focuswatch.engines.values_as_sql_literals import Value
from focuswatch.findings.compute_finding_amounts_and_event_end import DAYS_A_MONTH
from focuswatch.findings.cost_increase_explanation_models import CostDriver
from focuswatch.findings.decimal_money_type_and_rounding import money
from focuswatch.findings.finding import fingerprint

MAX_CAUSES = 5


def anomalous_series(
    detection: Detection, *, engine: Engine, catalog: Catalog, inputs: dict[str, Value]
) -> list[Row]:
    """Return a contract row for each series that is anomalous on a new day, highest cost first."""
    columns = engine.columns(detection.render(inputs), label=detection.id)
    if not columns or not len(columns["charge_date"]):
        return []
    scoring = detection.header.scoring
    assert scoring is not None  # the catalog rejects a series detection without it
    as_of, first_new_day = inputs["as_of"], inputs["first_new_day"]
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


def _end(columns: dict[str, np.ndarray]) -> date:
    end: date = (columns["charge_date"].astype("datetime64[D]").max() + 1).astype(date)
    return end


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
    return _daily(part, episode) >= float(LEAST_SHARE) * episode.daily_excess


def _cause_text(part: CostDriver, episode: Episode) -> str:
    details = ", ".join(name for name in (part.region_id, part.resource_id, part.operation) if name)
    daily = _daily(part, episode)
    share = daily / episode.daily_excess if episode.daily_excess else 0.0
    return f"{part.meter or 'no meter'} ({details or 'no region'}): {daily:,.2f}/day, {share:.0%}"
