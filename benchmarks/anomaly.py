"""Compare the anomaly scorer with a weekday median (MAD), a forecast model (Prophet) and an oracle.

    python benchmarks/anomaly.py --seeds 41 42 43 --series 60 --prophet-series 6

Series of two years have a trend, a weekly pattern and 5 to 15 % noise. The first year is clean; the second has
spikes, weekend-only increases, slow ramps of 3 % a day, or all three. Every method has the same budget of false
alarms: its threshold is the score that this share of the first year's days exceeds, from day 120, when all methods
return scores. F1 counts days of the second year. The oracle knows each day's true mean and deviation. Prophet is
slow, so it runs on the first series of each scenario only, is fitted each quarter on all days before it, and is
compared with the others on those series.

`anomaly_uneven` generates harder series (15 % noise, uneven weekdays, month ends, weekday-bound increases, short
ramps). For them, false alarms of the second year and of the week after an anomaly are counted too, as a multiple of
the budget. The last table has precision, recall and F1 by day at the shipped threshold, with and without the days on
which an anomaly started, and false days per 1,000.
"""

import argparse
import logging
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass

import numpy as np
from uneven_series import KIND_NAMES, Quality, Uneven, by_day, quality, rolling_trend, uneven

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.anomaly import Scored, score_daily_costs, with_onsets

YEAR, DAYS = 365, 730
BUDGETS = (0.001, 0.005)
SCENARIOS = ("spikes", "weekends", "ramps", "mixed")
QUARTER = 91
THRESHOLD = Catalog.load().detections["cost_anomaly"].header.scoring.threshold
FORMER_THRESHOLD = 4.0
# Days after which all methods return scores; the weekday median needs sixteen weeks of history.
SETTLED_IN = 120


@dataclass(frozen=True)
class Series:
    """Daily costs, their labels (whether a day is anomalous), and the true mean and deviation."""

    costs: np.ndarray
    labels: np.ndarray
    mean: np.ndarray
    deviation: np.ndarray


def generate(scenario: str, *, seed: int, series: int) -> Series:
    """Return `series` x 730 days from a Monday; each series has random trend, season, noise and anomalies."""
    rng = np.random.default_rng([seed, SCENARIOS.index(scenario)])
    day = np.arange(DAYS)
    growth = rng.uniform(-0.2, 1.0, (series, 1))
    trend = np.exp(np.log1p(growth) * day / YEAR)
    trend *= 1 + rng.uniform(0, 0.1, (series, 1)) * np.sin(
        2 * np.pi * day / YEAR + rng.uniform(0, 6, (series, 1))
    )
    week = rng.uniform(0.6, 1.2, (series, 7))
    mean = 10 ** rng.uniform(1, 4, (series, 1)) * trend * week[:, day % 7]
    factor = np.ones((series, DAYS))
    for row in range(series):
        for kind in SCENARIOS[:3] if scenario == "mixed" else (scenario,):
            for start in rng.choice(np.arange(YEAR + 5, DAYS - 40), {"ramps": 4}.get(kind, 8), replace=False):
                _raise(factor[row], kind, int(start), rng)
    noise = rng.uniform(0.05, 0.15, (series, 1))
    costs = mean * factor * (1 + noise * rng.standard_normal((series, DAYS)))
    return Series(np.maximum(costs, 0), factor > 1, mean, mean * noise)


def _raise(factor: np.ndarray, kind: str, start: int, rng: np.random.Generator) -> None:
    if kind == "spikes":
        factor[start : start + rng.integers(1, 3)] *= rng.uniform(1.5, 3)
    elif kind == "weekends":
        span = np.arange(start, start + 7 * rng.integers(2, 5))
        factor[span[span % 7 >= 5]] *= rng.uniform(1.3, 1.8)
    else:
        length = int(rng.integers(12, 31))
        factor[start : start + length] *= 1.03 ** np.arange(1, length + 1)


def weekday_median(costs: np.ndarray) -> np.ndarray:
    """Return the deviation from the median of the eight previous same weekdays, in MADs of eight weeks."""
    scores = np.zeros_like(costs)
    deviations = np.zeros_like(costs)
    for day in range(56, costs.shape[1]):
        expected = np.median(costs[:, day - 56 : day : 7], axis=1)
        deviations[:, day] = (costs[:, day] - expected) / np.maximum(expected, 1e-9)
    for day in range(112, costs.shape[1]):
        spread = np.median(np.abs(deviations[:, day - 56 : day]), axis=1)
        scores[:, day] = deviations[:, day] / np.maximum(spread, 1e-9)
    return scores


def prophet(costs: np.ndarray) -> np.ndarray:
    """Return the excess over Prophet's forecast in its own deviations; it is fitted each quarter on all days before."""
    import pandas as pd
    from prophet import Prophet

    logging.getLogger("cmdstanpy").disabled = True
    dates = pd.date_range("2024-01-01", periods=costs.shape[1])  # a Monday
    scores = np.zeros_like(costs)
    for row, values in enumerate(costs):
        for first in range(SETTLED_IN, costs.shape[1], QUARTER):
            model = Prophet(weekly_seasonality=True, seasonality_mode="multiplicative", interval_width=0.6827)
            model.fit(pd.DataFrame({"ds": dates[:first], "y": values[:first]}))
            days = slice(first, min(first + QUARTER, costs.shape[1]))
            forecast = model.predict(pd.DataFrame({"ds": dates[days]}))
            spread = (forecast.yhat_upper - forecast.yhat_lower).to_numpy() / 2
            scores[row, days] = (values[days] - forecast.yhat.to_numpy()) / np.maximum(spread, 1e-9)
    return scores


def f1(scores: np.ndarray, labels: np.ndarray, *, budget: float) -> float:
    """Return F1 of the second year's days, at the threshold that `budget` of the clean year's days exceed."""
    flagged = scores[:, YEAR:] > np.quantile(scores[:, SETTLED_IN:YEAR], 1 - budget)
    hits = (flagged & labels[:, YEAR:]).sum()
    return float(2 * hits / (flagged.sum() + labels[:, YEAR:].sum()))


def compared(
    scenario: str, *, seeds: list[int], series: int, budget: float, with_prophet: bool
) -> dict[str, float]:
    """Return mean F1 over seeds, by method."""
    methods: dict[str, Callable[[Series], np.ndarray]] = {
        "focuswatch": lambda series: score_daily_costs(series.costs, first_weekday=0).scores,
        "weekday median": lambda series: weekday_median(series.costs),
        "oracle": lambda series: (series.costs - series.mean) / series.deviation,
    }
    if with_prophet:
        methods["Prophet"] = lambda series: prophet(series.costs)
    all_series = [generate(scenario, seed=seed, series=series) for seed in seeds]
    return {
        name: float(np.mean([f1(method(sample), sample.labels, budget=budget) for sample in all_series]))
        for name, method in methods.items()
    }


def print_uneven(*, seeds: list[int], series: int) -> None:
    """Print means over seeds on uneven series, by method."""
    methods: dict[str, Callable[[Uneven], np.ndarray]] = {
        "focuswatch": lambda series: score_daily_costs(series.costs, first_weekday=0).scores,
        "rolling trend": lambda series: rolling_trend(series.costs),
        "oracle": lambda series: (series.costs - series.mean) / series.deviation,
    }
    print(
        f"| false alarm rate | method | F1 | F1 / F1 of oracle | false alarms, year 2 "
        f"| false alarms, week after | {' | '.join(f'recall, {kind}' for kind in KIND_NAMES)} |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    uneven_series = [uneven(seed=seed, series=series) for seed in seeds]
    scores = {name: [method(sample) for sample in uneven_series] for name, method in methods.items()}
    for budget in (0.005, 0.01):
        by_method = {
            name: _mean(
                [
                    quality(method_scores, sample.kinds, budget=budget, settled_in=SETTLED_IN)
                    for method_scores, sample in zip(scores[name], uneven_series, strict=True)
                ]
            )
            for name in methods
        }
        for name, mean in by_method.items():
            recalls = " | ".join(f"{recall:.3f}" for recall in mean.recall)
            print(
                f"| {budget:.1%} | {name} | {mean.f1:.3f} | {mean.f1 / by_method['oracle'].f1:.3f} "
                f"| {mean.false_rate:.2f} | {mean.false_rate_after:.2f} | {recalls} |",
                flush=True,
            )


def _mean(many: list[Quality]) -> Quality:
    return Quality(
        f1=float(np.mean([sample.f1 for sample in many])),
        false_rate=float(np.mean([sample.false_rate for sample in many])),
        false_rate_after=float(np.mean([sample.false_rate_after for sample in many])),
        recall=tuple(np.mean([sample.recall for sample in many], axis=0)),
    )


def print_at_thresholds(*, seeds: list[int], series: int) -> None:
    """Print the quality by day of every family of series at the shipped threshold and at the former one.

    At the shipped threshold, it is also printed with the days on which the anomalies started counted as alarms.
    """
    families: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {
        "uneven weekdays, 15% normal noise": [_labelled(uneven(seed=seed, series=series)) for seed in seeds],
        "uneven weekdays, 8% gamma noise": [
            _labelled(uneven(seed=seed, series=series, noise=0.08, family="gamma")) for seed in seeds
        ],
    }
    for scenario in SCENARIOS:
        drawn = [generate(scenario, seed=seed, series=series) for seed in seeds]
        families[scenario] = [(sample.costs, sample.labels) for sample in drawn]
    rules: dict[str, Callable[[Scored], np.ndarray]] = {
        f"{FORMER_THRESHOLD:g}": lambda scored: scored.scores >= FORMER_THRESHOLD,
        f"{THRESHOLD:g}": lambda scored: scored.scores >= THRESHOLD,
        f"{THRESHOLD:g}, with onset": lambda scored: with_onsets(scored.scores >= THRESHOLD, scored),
    }
    print(
        "| series | threshold | precision | recall | F1 | false days per 1,000 days, year 1 "
        "| false days per 1,000 days, week after |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, tables in families.items():
        scored = [(score_daily_costs(costs, first_weekday=0), labels) for costs, labels in tables]
        for rule, flagged in rules.items():
            days = [astuple(by_day(flagged(scores), labels)) for scores, labels in scored]
            precision, recall, f1_score, clean, after = np.mean(days, axis=0)
            print(
                f"| {name} | {rule} | {precision:.3f} | {recall:.3f} | {f1_score:.3f} | {clean:.2f} | {after:.2f} |",
                flush=True,
            )


def _labelled(sample: Uneven) -> tuple[np.ndarray, np.ndarray]:
    return sample.costs, sample.kinds > 0


def main() -> None:
    """Print F1 by scenario and method, then the time for 100,000 series of 90 days."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[41, 42, 43])
    parser.add_argument("--series", type=int, default=60)
    parser.add_argument("--prophet-series", type=int, default=6, help="0 to run without Prophet")
    arguments = parser.parse_args()
    print(
        "| scenario | false alarm rate | F1, focuswatch | F1, weekday median | F1, oracle "
        "| F1 of focuswatch / F1 of oracle |"
    )
    print("|---|---|---|---|---|---|")
    for scenario in SCENARIOS:
        for budget in BUDGETS:
            f1_by_method = compared(
                scenario, seeds=arguments.seeds, series=arguments.series, budget=budget, with_prophet=False
            )
            print(
                f"| {scenario} | {budget:.1%} | {f1_by_method['focuswatch']:.3f} "
                f"| {f1_by_method['weekday median']:.3f} | {f1_by_method['oracle']:.3f} "
                f"| {f1_by_method['focuswatch'] / f1_by_method['oracle']:.3f} |",
                flush=True,
            )
    print("\nUneven series:\n")
    print_uneven(seeds=arguments.seeds, series=arguments.series)
    print("\nAt a fixed threshold:\n")
    print_at_thresholds(seeds=arguments.seeds, series=arguments.series)
    if arguments.prophet_series:
        print(f"\nThe first {arguments.prophet_series} series of the first seed, with Prophet:\n")
        print(
            "| scenario | false alarm rate | F1, focuswatch | F1, Prophet | F1, weekday median | F1, oracle |\n"
            "|---|---|---|---|---|---|"
        )
        for scenario in SCENARIOS:
            f1_by_method = compared(
                scenario,
                seeds=arguments.seeds[:1],
                series=arguments.prophet_series,
                budget=0.005,
                with_prophet=True,
            )
            columns = " | ".join(
                f"{f1_by_method[name]:.3f}" for name in ("focuswatch", "Prophet", "weekday median", "oracle")
            )
            print(f"| {scenario} | 0.5% | {columns} |", flush=True)
    costs = np.random.default_rng(1).gamma(100, 1, (100_000, 90))
    started, cpu = time.monotonic(), time.process_time()
    score_daily_costs(costs, first_weekday=0)
    print(
        f"\n100,000 series x 90 days: {time.monotonic() - started:.1f} s, {time.process_time() - cpu:.1f} CPU seconds"
    )


if __name__ == "__main__":
    main()
