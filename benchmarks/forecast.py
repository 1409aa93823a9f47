"""How far month ends are forecast off, and how often the interval holds them, against what others would say.

    python benchmarks/forecast.py --seeds 101 --years 2023

Two kinds of daily series: services of accounts of simulated organisations, and page views of Wikipedia as the library
AutoTS ships them. On the 5th, 10th, 15th and 20th the month's end is forecast from what is known then. Others are the
run rate, the mean of the same weekday of the last four weeks, and statsforecast's AutoETS and AutoTheta
(https://nixtlaverse.nixtla.io/statsforecast/). An error is |forecast - actual| / actual of a month of a series.
The years and seeds are none that a number in focuswatch/forecast was chosen on (2018, 2019, 2021, 2022; 1 and 2).
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

from focuswatch.detect.forecast.cost_projection import ahead
from focuswatch.detect.forecast.daily_matrices import Charges, charges_of
from focuswatch.detect.forecast.month_end import HISTORY_DAYS, INTERVAL, month_ends, next_month
from focuswatch.simulate import simulate

DAYS_KNOWN = (5, 10, 15, 20)
LEAST_HISTORY_DAYS = 60
LEAST_MONTHLY_COST = 20.0  # cents have no rhythm
FOUR_WEEKS = 28
SERIES = 40  # of each organisation: a library takes seconds for each
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
class Known:
    """A month as it stood after `days` of it: all daily costs, series x days, and those that were still to come."""

    month: date
    days: int
    charges: Charges
    past: np.ndarray
    to_come: np.ndarray

    @property
    def actual(self) -> np.ndarray:
        return self.past[:, -self.days :].sum(axis=1) + self.to_come.sum(axis=1)

    @property
    def live(self) -> np.ndarray:
        """Series that cost something lately."""
        return (self.past[:, -FOUR_WEEKS:].sum(axis=1) > 0) & (self.actual >= LEAST_MONTHLY_COST)


def views() -> Charges:
    """Page views by day; a library's data set is read without the library."""
    found = importlib.util.find_spec("autots")
    assert found is not None and found.origin is not None, "pip install 'focuswatch[benchmarks]'"
    import pandas as pd

    path = Path(found.origin).parent / "datasets" / "data" / "holidays.zip"
    table = pd.read_csv(path, index_col=0, parse_dates=True).filter(like="wiki_").ffill()
    costs = table.to_numpy(float).T
    keys = [(None, None, name, "views") for name in table.columns]
    return Charges(keys, table.index[0].date(), costs.shape[1], costs, np.zeros_like(costs))


def organisation(seed: int) -> dict[str, np.ndarray]:
    """Rows of an organisation's bill of seven months, the last of them settled."""
    with TemporaryDirectory() as folder:
        simulate(Path(folder) / "made", seed=seed, days=213, end=date(2026, 7, 4))
        files = f"{folder}/made/focus/data/**/*.parquet"
        found = duckdb.sql(SIMULATED.format(fee=FEE, files=files)).fetchnumpy()
    costs = {}
    for number, name in enumerate(zip(found["sub_account_id"], found["service_name"], strict=True)):
        costs[name] = costs.get(name, 0.0) + found["usage_cost"][number]
    dear = sorted((str(name) for name, cost in costs.items() if cost > 10 * LEAST_MONTHLY_COST))
    chosen = set(np.random.default_rng(seed).permutation(dear)[:SERIES].tolist())
    names = zip(found["sub_account_id"], found["service_name"], strict=True)
    keep = np.array([str(name) in chosen for name in names])
    return {name: column[keep] for name, column in found.items()}


def months_of(columns: dict[str, np.ndarray] | None, whole: Charges, *, years: list[int]) -> Iterator[Known]:
    """Every month that is whole, as it stood on each of the days. `columns` are cut and read anew where given."""
    table = np.nan_to_num(whole.used) + whole.fees
    month = next_month(whole.first_day)
    while next_month(month) <= whole.settled_until:
        for days in DAYS_KNOWN:
            end, until = whole.column(month) + days, whole.column(next_month(month))
            if end >= LEAST_HISTORY_DAYS and month.year in years:
                until_day = whole.first_day + timedelta(days=end)
                charges = _cut(whole, end) if columns is None else _read(columns, until_day)
                past, to_come = table[:, max(0, end - HISTORY_DAYS) : end], table[:, end:until]
                yield Known(month, days, charges, past, to_come)
        month = next_month(month)


def _cut(whole: Charges, end: int) -> Charges:
    return Charges(whole.keys, whole.first_day, end, whole.used[:, :end], whole.fees[:, :end])


def _read(columns: dict[str, np.ndarray], until: date) -> Charges:
    known = columns["charge_date"].astype("datetime64[D]") < np.datetime64(until)
    return charges_of({name: column[known] for name, column in columns.items()})


def run_rate(known: Known) -> np.ndarray:
    spent = known.past[:, -known.days :]
    return spent.sum(axis=1) + spent.mean(axis=1) * known.to_come.shape[1]


def same_weekday(known: Known) -> np.ndarray:
    week = known.past[:, -FOUR_WEEKS:].reshape(len(known.past), 4, 7).mean(axis=1)
    rest = week[:, np.arange(known.to_come.shape[1]) % 7].sum(axis=1)
    return np.asarray(known.past[:, -known.days :].sum(axis=1) + rest)


def library(model: str, refused: Counter[str]) -> Callable[[Known], np.ndarray]:
    """A model of statsforecast; what it cannot forecast counts as `refused`, and gets the mean of four weeks."""
    from statsforecast import models

    def forecast(known: Known) -> np.ndarray:
        rest, is_judged = [], known.live & (np.arange(len(known.past)) < len(known.charges.keys))
        for costs, counts in zip(known.past, is_judged, strict=True):
            begun = costs[np.flatnonzero(costs)[0] :] if costs.any() else costs
            try:
                told = getattr(models, model)(season_length=7).forecast(begun, h=known.to_come.shape[1])
                mean = told["mean"]
            except Exception as error:  # too short or too flat for the library, which raises what it likes
                refused[f"{model} ({type(error).__name__}: {error})"] += int(counts)
                mean = np.repeat(costs[-FOUR_WEEKS:].mean(), known.to_come.shape[1])
            rest.append(np.maximum(mean, 0).sum())
        return np.asarray(known.past[:, -known.days :].sum(axis=1) + np.array(rest))

    return forecast


def judged(known: list[Known]) -> None:
    """Print one table."""
    errors: dict[str, dict[int, list[np.ndarray]]] = {}
    held: list[np.ndarray] = []
    refused: Counter[str] = Counter()
    others = {"run rate": run_rate, "same weekday": same_weekday}
    others |= {f"statsforecast {model}": library(model, refused) for model in ("AutoETS", "AutoTheta")}
    for one in known:
        places = {key: number for number, key in enumerate(one.charges.keys)}
        ends = month_ends(one.charges, [[number] for number in places.values()], month=one.month)
        live = one.live[: len(ends)]
        forecasts = {"focuswatch": np.array([end.forecast for end in ends])}
        forecasts |= {name: of(one)[: len(ends)] for name, of in others.items()}
        actual = one.actual[: len(ends)]
        for name, forecast in forecasts.items():
            error = np.abs(forecast - actual)[live] / actual[live]
            errors.setdefault(name, {}).setdefault(one.days, []).append(error)
        low, high = np.array([(end.low, end.high) for end in ends]).T
        held.append(((actual >= low - 0.01) & (actual <= high + 0.01))[live])
    print("| | " + " | ".join(f"day {days}" for days in DAYS_KNOWN) + " | all days | median |")
    print("|---|" + "---|" * (len(DAYS_KNOWN) + 2))
    for name, by_day in errors.items():
        each = [np.concatenate(by_day[days]) for days in DAYS_KNOWN]
        every = np.concatenate(each)
        means = " | ".join(f"{error.mean():.2%}" for error in [*each, every])
        print(f"| {name} | {means} | {np.median(every):.2%} |")
    share = np.concatenate(held)
    print(f"\n{len(share)} forecasts; the interval of {INTERVAL:.0%} held {share.mean():.1%} of them.")
    fell_back = "; ".join(f"{count} times {name}" for name, count in (+refused).items()) or "never"
    print(f"The library could not, and the mean of four weeks stands in: {fell_back}.\n", flush=True)


def speed(series: int = 10_000) -> float:
    """Seconds to forecast so many series of 120 days."""
    costs = np.random.default_rng(0).gamma(4.0, 25.0, (series, HISTORY_DAYS))
    started = time.monotonic()
    ahead(costs, first_weekday=0, days=26)
    return time.monotonic() - started


def main() -> None:
    """Both kinds of series, and the speed."""
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
        judged(list(months_of(None, views(), years=arguments.years)))
    for seed in arguments.seeds:
        columns = organisation(seed)
        whole = charges_of(columns)
        print(
            f"### {len(whole.keys)} services of accounts of the simulated organisation {seed}\n", flush=True
        )
        judged(list(months_of(columns, whole, years=[2026])))


if __name__ == "__main__":
    main()
