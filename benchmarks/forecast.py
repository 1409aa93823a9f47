"""Measure the error and interval coverage of month-end forecasts, compared with other methods.

    python benchmarks/forecast.py --seeds 101 --years 2023

There are two kinds of daily series: services of accounts of simulated organizations, and page views of Wikipedia from
the library AutoTS. On the 5th, 10th, 15th and 20th the month's end is forecast from the costs until then. The other
methods are the run rate, the mean of the same weekday of the last four weeks, and statsforecast's AutoETS and
AutoTheta (https://nixtlaverse.nixtla.io/statsforecast/). An error is |forecast - actual| / actual of a month of a
series. No number in focuswatch/detect/forecast was chosen on these years and seeds (but on 2018, 2019, 2021, 2022; 1
and 2).
"""

import argparse
import importlib.util
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np

from focuswatch.detect.forecast.fit_and_project_daily_costs import project_costs
from focuswatch.detect.forecast.month_end_forecast import HISTORY_DAYS, month_ends, next_month
from focuswatch.detect.forecast.usage_and_fee_matrices import ChargeMatrices, charge_matrices
from focuswatch.simulate import simulate

DAYS_OF_MONTH = (5, 10, 15, 20)
LEAST_HISTORY_DAYS = 60
INTERVAL = 0.8  # share of months that should end between `low` and `high`
LEAST_MONTHLY_COST = 20.0  # smaller costs have no pattern
FOUR_WEEKS = 28
SERIES = 40  # per organization, because a library takes seconds for each
VIEWS = "https://github.com/winedarksea/AutoTS, autots/datasets/data/holidays.zip"
SIMULATED = """
SELECT SubAccountId AS sub_account_id, ServiceName AS service_name, CAST(NULL AS varchar) AS team,
    CAST(NULL AS varchar) AS use_case, CAST(ChargePeriodStart AS date) AS charge_date, true AS is_settled,
    sum(CASE WHEN {fee} THEN 0 ELSE BilledCost END) AS usage_cost,
    sum(CASE WHEN {fee} THEN BilledCost ELSE 0 END) AS fee_cost
FROM read_parquet('{files}') WHERE ChargeCategory NOT IN ('Tax', 'Credit') GROUP BY ALL
"""
FEE = "ChargeCategory = 'Purchase' OR ChargeFrequency IN ('Recurring', 'One-Time')"


@dataclass(frozen=True)
class MonthSoFar:
    """A month of which `days` are over: the daily costs until then (series x days), and those of the rest."""

    month: date
    days: int
    charges: ChargeMatrices
    past: np.ndarray
    to_come: np.ndarray

    @property
    def actual(self) -> np.ndarray:
        return self.past[:, -self.days :].sum(axis=1) + self.to_come.sum(axis=1)

    @property
    def live(self) -> np.ndarray:
        """Return which series had costs in the last four weeks, and a month's cost above the minimum."""
        return (self.past[:, -FOUR_WEEKS:].sum(axis=1) > 0) & (self.actual >= LEAST_MONTHLY_COST)


def views() -> ChargeMatrices:
    """Return page views by day, from a data set in the library AutoTS."""
    library_spec = importlib.util.find_spec("autots")
    assert library_spec is not None and library_spec.origin is not None, (
        "pip install 'focuswatch[benchmarks]'"
    )
    import pandas as pd

    path = Path(library_spec.origin).parent / "datasets" / "data" / "holidays.zip"
    table = pd.read_csv(path, index_col=0, parse_dates=True).filter(like="wiki_").ffill()
    costs = table.to_numpy(float).T
    keys = [(None, None, name, "views") for name in table.columns]
    return ChargeMatrices(keys, table.index[0].date(), costs.shape[1], costs, np.zeros_like(costs))


def simulated_columns(seed: int) -> dict[str, np.ndarray]:
    """Return the columns of a simulated bill of seven months, whose last day is in the month after them."""
    with TemporaryDirectory() as folder:
        simulate(Path(folder) / "bill", seed=seed, days=213, end=date(2026, 7, 4))
        files = f"{folder}/bill/focus/data/**/*.parquet"
        columns = duckdb.sql(SIMULATED.format(fee=FEE, files=files)).fetchnumpy()
    costs = {}
    for number, name in enumerate(zip(columns["sub_account_id"], columns["service_name"], strict=True)):
        costs[name] = costs.get(name, 0.0) + columns["usage_cost"][number]
    large = sorted((str(name) for name, cost in costs.items() if cost > 10 * LEAST_MONTHLY_COST))
    chosen = set(np.random.default_rng(seed).permutation(large)[:SERIES].tolist())
    names = zip(columns["sub_account_id"], columns["service_name"], strict=True)
    keep = np.array([str(name) in chosen for name in names])
    return {name: column[keep] for name, column in columns.items()}


def months_of(
    columns: dict[str, np.ndarray] | None, whole: ChargeMatrices, *, years: list[int]
) -> Iterator[MonthSoFar]:
    """Yield every complete month as of each of DAYS_OF_MONTH; its charges are read from `columns`, if there are any."""
    table = np.nan_to_num(whole.used) + whole.fees
    month = next_month(whole.first_day)
    while next_month(month) <= whole.settled_until:
        for days in DAYS_OF_MONTH:
            end, until = whole.column(month) + days, whole.column(next_month(month))
            if end >= LEAST_HISTORY_DAYS and month.year in years:
                until_day = whole.first_day + timedelta(days=end)
                charges = _cut(whole, end) if columns is None else _read(columns, until_day)
                past, to_come = table[:, max(0, end - HISTORY_DAYS) : end], table[:, end:until]
                yield MonthSoFar(month, days, charges, past, to_come)
        month = next_month(month)


def _cut(whole: ChargeMatrices, end: int) -> ChargeMatrices:
    return ChargeMatrices(whole.keys, whole.first_day, end, whole.used[:, :end], whole.fees[:, :end])


def _read(columns: dict[str, np.ndarray], until: date) -> ChargeMatrices:
    is_before = columns["charge_date"].astype("datetime64[D]") < np.datetime64(until)
    return charge_matrices({name: column[is_before] for name, column in columns.items()})


def run_rate(month_so_far: MonthSoFar) -> np.ndarray:
    spent = month_so_far.past[:, -month_so_far.days :]
    return spent.sum(axis=1) + spent.mean(axis=1) * month_so_far.to_come.shape[1]


def same_weekday(month_so_far: MonthSoFar) -> np.ndarray:
    week = month_so_far.past[:, -FOUR_WEEKS:].reshape(len(month_so_far.past), 4, 7).mean(axis=1)
    rest = week[:, np.arange(month_so_far.to_come.shape[1]) % 7].sum(axis=1)
    return np.asarray(month_so_far.past[:, -month_so_far.days :].sum(axis=1) + rest)


def library(model: str, refused: Counter[str]) -> Callable[[MonthSoFar], np.ndarray]:
    """Return the forecast of a statsforecast model.

    It counts series that the model cannot forecast in `refused`, and uses the mean of four weeks for them.
    """
    from statsforecast import models

    def forecast(month_so_far: MonthSoFar) -> np.ndarray:
        rest, is_judged = (
            [],
            month_so_far.live & (np.arange(len(month_so_far.past)) < len(month_so_far.charges.keys)),
        )
        for costs, counts in zip(month_so_far.past, is_judged, strict=True):
            history = costs[np.flatnonzero(costs)[0] :] if costs.any() else costs
            try:
                result = getattr(models, model)(season_length=7).forecast(
                    history, h=month_so_far.to_come.shape[1]
                )
                mean = result["mean"]
            except Exception as error:  # the library raises various errors for short or flat series
                refused[f"{model} ({type(error).__name__}: {error})"] += int(counts)
                mean = np.repeat(costs[-FOUR_WEEKS:].mean(), month_so_far.to_come.shape[1])
            rest.append(np.maximum(mean, 0).sum())
        return np.asarray(month_so_far.past[:, -month_so_far.days :].sum(axis=1) + np.array(rest))

    return forecast


def print_errors(months: list[MonthSoFar]) -> None:
    """Print the table of one kind of series."""
    errors: dict[str, dict[int, list[np.ndarray]]] = {}
    covered: list[np.ndarray] = []
    refused: Counter[str] = Counter()
    others = {"run rate": run_rate, "same weekday": same_weekday}
    others |= {f"statsforecast {model}": library(model, refused) for model in ("AutoETS", "AutoTheta")}
    for month in months:
        places = {key: number for number, key in enumerate(month.charges.keys)}
        ends = month_ends(month.charges, [[number] for number in places.values()], month=month.month)
        live = month.live[: len(ends)]
        forecasts = {"focuswatch": np.array([end.forecast for end in ends])}
        forecasts |= {name: of(month)[: len(ends)] for name, of in others.items()}
        actual = month.actual[: len(ends)]
        for name, forecast in forecasts.items():
            error = np.abs(forecast - actual)[live] / actual[live]
            errors.setdefault(name, {}).setdefault(month.days, []).append(error)
        low, high = np.array([(end.low, end.high) for end in ends]).T
        covered.append(((actual >= low - 0.01) & (actual <= high + 0.01))[live])
    columns = [*(f"mean error, day {days}" for days in DAYS_OF_MONTH), "mean error, all four days"]
    print("| method | " + " | ".join(columns) + " | median error, all four days |")
    print("|---|" + "---|" * (len(DAYS_OF_MONTH) + 2))
    for name, by_day in errors.items():
        each = [np.concatenate(by_day[days]) for days in DAYS_OF_MONTH]
        every = np.concatenate(each)
        means = " | ".join(f"{error.mean():.2%}" for error in [*each, every])
        print(f"| {name} | {means} | {np.median(every):.2%} |")
    share = np.concatenate(covered)
    print(
        f"\n{len(share)} forecasts; the {INTERVAL:.0%} interval contains {share.mean():.1%} of the actual values."
    )
    fell_back = "; ".join(f"{count} times {name}" for name, count in (+refused).items()) or "never"
    print(
        f"Series that the library could not forecast, replaced by the mean of four weeks: {fell_back}.\n",
        flush=True,
    )


def speed(series: int = 10_000) -> float:
    """Return seconds to forecast `series` series of 120 days."""
    costs = np.random.default_rng(0).gamma(4.0, 25.0, (series, HISTORY_DAYS))
    started = time.monotonic()
    project_costs(costs, first_weekday=0, days=26)
    return time.monotonic() - started


def main() -> None:
    """Print the tables of both kinds of series, and the speed."""
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="*", default=[101])
    parser.add_argument("--years", type=int, nargs="*", default=[2023])
    arguments = parser.parse_args()
    print(f"10,000 series in {speed():.1f} s.\n", flush=True)
    if arguments.years:
        print(f"### Page views of Wikipedia, {arguments.years} ({VIEWS})\n", flush=True)
        print_errors(list(months_of(None, views(), years=arguments.years)))
    for seed in arguments.seeds:
        columns = simulated_columns(seed)
        whole = charge_matrices(columns)
        print(
            f"### {len(whole.keys)} services of accounts of the simulated organization {seed}\n", flush=True
        )
        print_errors(list(months_of(columns, whole, years=[2026])))


if __name__ == "__main__":
    main()
