"""Measure how far the estimated cost of tokens and the bill differ, on simulated organizations.

    python benchmarks/spend_rate.py --seeds 101 102 103

For each of the last days of a bill, the tokens of the day's hours are priced as of that day: the bill ends the day
before, as it does when the estimate is made. The estimate is compared with what the complete bill states for the
day, for each account and model. The tokens are those of the bill, rounded to whole tokens; each variant changes what
CloudWatch or the bill says.
"""

import argparse
import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from statistics import median, quantiles

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import LocalBill, open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.owners.owners_file import Owners
from focuswatch.simulate import simulate

Key = tuple[str, str]  # account, workload
LEAST_DAILY_COST = 1.0  # USD; relative differences of smaller costs are meaningless
DISCOUNT = 0.9
TARGET = 0.05  # greatest relative difference of the totals for the variant in which only rounding differs
ALL_TOKENS = "SELECT * FROM counted"
# Token counts of each variant: SELECTs from `counted`, the tokens of the bill.
VARIANTS = {
    "as counted": ALL_TOKENS,
    "half of the datapoints of one hour missing": """
        SELECT * REPLACE (if(token_hour = 14, tokens / 2, tokens) AS tokens) FROM counted
    """,
    "data for the last hour of the day missing": "SELECT * FROM counted WHERE token_hour < 23",
    "only input and output tokens counted": "SELECT * FROM counted WHERE token_kind IN ('input', 'output')",
    "cached tokens counted as input": """
        SELECT * REPLACE (if(token_kind LIKE 'cache%', 'input', token_kind) AS token_kind) FROM counted
    """,
}
DISCOUNTED = "a 10% discount that starts on this day"
ESTIMATES = """
SELECT sub_account_id, workload, sum(estimated_cost) AS cost
FROM token_cost_hours
WHERE token_date = ?
GROUP BY 1, 2
"""
BILLED = """
SELECT
    charge_date,
    sub_account_id,
    if(resource_id LIKE '%application-inference-profile/%', resource_id, 'model ' || model) AS workload,
    sum(effective_cost) AS cost
FROM token_charges
WHERE tier <> 'batch' AND sku_meter NOT LIKE '%mantle%'
GROUP BY 1, 2, 3
"""


def differences(folder: Path, *, days: int) -> Iterator[tuple[str, float, float]]:
    """Yield variant, estimated and billed cost for each account, model and day of the last `days` complete days."""
    as_of = date.fromisoformat(json.loads((folder / "truth.json").read_text())["as_of"])
    with opened(folder, as_of=as_of) as bill:
        rows = bill.engine.connection.execute(BILLED).fetchall()
    billed: dict[date, dict[Key, float]] = defaultdict(dict)
    for day, account, workload, cost in rows:
        billed[day][account, workload] = cost
    for day in (as_of - timedelta(days=back) for back in range(3, 3 + days)):
        with opened(folder, as_of=day) as bill:
            for variant, estimates in estimated(bill, day=day):
                for key, cost in billed[day].items():
                    yield variant, estimates.get(key, 0.0), cost
                    if variant == "as counted":
                        yield DISCOUNTED, estimates.get(key, 0.0), cost * DISCOUNT


def opened(folder: Path, *, as_of: date) -> AbstractContextManager[LocalBill]:
    """Open the bill as of a day."""
    inputs = BillInputs(
        str(folder / "focus"),
        state=folder / "state",
        accounts=folder / "accounts.parquet",
        token_hours=folder / "token_hours.parquet",
        as_of=as_of,
    )
    return open_local_bill(
        inputs,
        catalog=Catalog.load(),
        owners=Owners.load(folder / "owners.toml"),
        progress=lambda _text: None,
    )


def estimated(bill: LocalBill, *, day: date) -> Iterator[tuple[str, dict[Key, float]]]:
    """Yield each variant, and the estimated cost of a day by account and model."""
    connection = bill.engine.connection
    connection.execute(
        "CREATE OR REPLACE TABLE counted AS SELECT * FROM token_hours WHERE token_date = ?", [day]
    )
    for variant, select in VARIANTS.items():
        connection.execute(f"CREATE OR REPLACE TABLE token_hours AS {select}")
        rows = connection.execute(ESTIMATES, [day]).fetchall()
        yield variant, {(account, workload): cost for account, workload, cost in rows}


def evaluated(seed: int, *, data: Path, days: int) -> dict[str, list[tuple[float, float]]]:
    """Return pairs of estimated and billed costs of a simulated organization, by variant."""
    folder = data / f"seed-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    simulate(folder, seed=seed)
    pairs: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for variant, estimate, billed in differences(folder, days=days):
        pairs[variant].append((estimate, billed))
    shutil.rmtree(folder)
    return pairs


def line(variant: str, pairs: list[tuple[float, float]]) -> str:
    """Return a row: the difference of the totals, and the differences of single days of a model in an account."""
    estimate, billed = (sum(side) for side in zip(*pairs, strict=True))
    shares = [abs(one - other) / other for one, other in pairs if other >= LEAST_DAILY_COST]
    ninth_decile = quantiles(shares, n=10)[-1]
    return (
        f"| {variant} | {len(pairs)} | {billed:,.0f} | {estimate:,.0f} | {estimate / billed - 1:+.1%} "
        f"| {median(shares):.1%} | {ninth_decile:.1%} | {max(shares):.0%} |"
    )


def main() -> None:
    """Evaluate every seed and print one table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--days", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path("/tmp/focuswatch-spend-rate"))
    arguments = parser.parse_args()
    total: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for seed in arguments.seeds:
        for variant, variant_pairs in evaluated(seed, data=arguments.data, days=arguments.days).items():
            total[variant] += variant_pairs
    print(f"\nseeds {arguments.seeds}, {arguments.days} days each; costs in USD\n")
    print(
        "| token counts or prices | model days | billed cost, USD | estimated cost, USD | total difference "
        "| median difference | 90th percentile of differences | maximum difference |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for variant in (*VARIANTS, DISCOUNTED):
        print(line(variant, total[variant]))
    estimate, billed = (sum(side) for side in zip(*total["as counted"], strict=True))
    sys.exit("the estimate differs by more than 5 %" if abs(estimate / billed - 1) > TARGET else 0)


if __name__ == "__main__":
    main()
