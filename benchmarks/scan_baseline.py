"""Run the minimum that a scan is compared with: one DuckDB statement that groups the same columns by day.

    python benchmarks/scan_baseline.py FOLDER [--write FILE]

The key is that of athena_sql/tables/folded_charges.sql. The statement runs in memory without a memory limit.
`--write` also writes the result as Parquet, as a refresh must.
"""

import argparse
from pathlib import Path

import duckdb

KEY = (
    "CAST(ChargePeriodStart AS date)", "CAST(date_trunc('month', BillingPeriodStart) AS date)", "ProviderName",
    "BillingCurrency", "SubAccountId", "RegionId", "ServiceName", "SkuMeter", "x_Operation", "ResourceId",
    "ChargeCategory", "ChargeClass", "ChargeFrequency", "PricingCategory", "CommitmentDiscountId",
    "CommitmentDiscountStatus", "CapacityReservationId", "ConsumedUnit", "PricingUnit", "Tags",
)  # fmt: skip
NAMES = (
    "SubAccountName",
    "x_ServiceCode",
    "PublisherName",
    "CommitmentDiscountType",
    "CommitmentDiscountName",
)
MEASURES = (
    "BilledCost",
    "EffectiveCost",
    "ConsumedQuantity",
    "PricingQuantity",
)


def statement(folder: Path) -> str:
    """Return the statement on all files below `folder`."""
    parquet = sorted(folder.rglob("*.parquet"))
    files = ", ".join(f"'{path}'" for path in parquet or sorted(folder.rglob("*.csv.gz")))
    source = f"read_parquet([{files}])" if parquet else f"read_csv([{files}], header = true)"
    keys = ", ".join(f"{key} AS key_{number}" for number, key in enumerate(KEY))
    names = ", ".join(f"any_value({name}) AS {name}" for name in NAMES)
    sums = ", ".join(f"sum({name}) AS {name}" for name in MEASURES)
    return (
        f"SELECT {keys}, {names}, {sums} FROM {source} GROUP BY {', '.join(map(str, range(1, len(KEY) + 1)))}"
    )


def main() -> None:
    """Run the statement once and print the number of rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    connection = duckdb.connect()
    connection.execute("SET preserve_insertion_order = false")
    if arguments.write:
        connection.execute(f"COPY ({statement(arguments.folder)}) TO '{arguments.write}' (FORMAT parquet)")
        print("written")
    else:
        print(connection.execute(f"SELECT count(*) FROM ({statement(arguments.folder)})").fetchone())


if __name__ == "__main__":
    main()
