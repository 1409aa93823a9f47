"""Write a bill with orphaned EBS volumes as Data Exports delivers it: one row a volume and day, made by SQL.

    python benchmarks/scaling/orphaned_volumes_bill.py OUT --disks 100000 --found 1000

Of `--disks` unused volumes, `--found` cost enough to be findings; the others cost cents. So every size has the same
number of rows. All are deleted after GONE; one NAT gateway in each account stays.
"""

import argparse
import json
import shutil
from pathlib import Path

import duckdb

from focuswatch.engines.sql_values import literal
from focuswatch.simulate.writing.focus_1_2_columns import COLUMNS, sql_type

ACCOUNTS, REGIONS, TEAMS = 200, ("us-east-1", "eu-west-1", "us-west-2", "eu-central-1", "ap-south-1"), 20
FIRST, GONE, END, PERIOD_END = "2026-05-01", "2026-05-21", "2026-05-29", "2026-06-01"
LINES = """
SELECT
    number % {accounts} AS account,
    {regions}[1 + number // {accounts} % {region_count}] AS RegionId,
    'Amazon Elastic Block Store' AS ServiceName,
    'EBS:VolumeUsage.gp3' AS SkuMeter,
    'CreateVolume-Gp3' AS x_Operation,
    printf('vol-%017x', number) AS resource,
    IF(number < {found}, 1 + number % 997, 0.01) AS daily_cost,
    CAST({gone} AS date) AS last_date
FROM range({disks}) AS numbers(number)
UNION ALL
SELECT number, {regions}[1], 'Amazon Virtual Private Cloud', 'NatGateway-Hours', 'NatGateway',
    printf('nat-%017x', number), 1.08, CAST({end} AS date)
FROM range({accounts}) AS numbers(number)
"""
CHARGES = """
SELECT
    *,
    printf('%012d', 200000000000 + account) AS SubAccountId,
    'account ' || account AS SubAccountName,
    '200000000000' AS BillingAccountId,
    format('arn:aws:ec2:{{}}:{{:012d}}:volume/{{}}', RegionId, 200000000000 + account, resource) AS ResourceId,
    CAST(charge_day AS timestamp_ms) AS ChargePeriodStart,
    CAST(charge_day + INTERVAL 1 DAY AS timestamp_ms) AS ChargePeriodEnd,
    CAST({first} AS timestamp_ms) AS BillingPeriodStart,
    CAST({period_end} AS timestamp_ms) AS BillingPeriodEnd,
    'USD' AS BillingCurrency,
    'Usage' AS ChargeCategory,
    'Usage-Based' AS ChargeFrequency,
    'Standard' AS PricingCategory,
    'AWS' AS ProviderName,
    'AWS' AS PublisherName,
    daily_cost AS BilledCost,
    daily_cost AS EffectiveCost,
    daily_cost AS ListCost,
    daily_cost AS ContractedCost,
    daily_cost / 0.08 AS ConsumedQuantity,
    daily_cost / 0.08 AS PricingQuantity,
    MAP {{'team': 'team-' || account % {teams}}} AS Tags
FROM (
    SELECT *, unnest(range(CAST({first} AS timestamp), CAST(last_date AS timestamp), INTERVAL 1 DAY)) AS charge_day
    FROM ({lines})
)
"""


def charges(*, disks: int, found: int) -> str:
    """Return the SELECT of all charges, with all columns of an export."""
    lines = LINES.format(
        accounts=ACCOUNTS, regions=list(REGIONS), region_count=len(REGIONS), disks=disks, found=found,
        gone=literal(GONE), end=literal(END),
    )  # fmt: skip
    select = CHARGES.format(first=literal(FIRST), period_end=literal(PERIOD_END), teams=TEAMS, lines=lines)
    empty = ", ".join(f"CAST(NULL AS {sql_type(column)}) AS {column}" for column in COLUMNS)
    return f"SELECT {', '.join(COLUMNS)} FROM (SELECT * FROM (SELECT {empty} LIMIT 0) UNION ALL BY NAME ({select}))"


def write(out: Path, *, disks: int, found: int) -> None:
    """Write the export, its manifest, and owners.toml with every team."""
    data, metadata = (out / "focus" / area / "billing_period=2026-05" for area in ("data", "metadata"))
    data.mkdir(parents=True)
    metadata.mkdir(parents=True)
    file = data / "focus-00001.parquet"
    connection = duckdb.connect()
    connection.execute("SET memory_limit = '2GB'; SET preserve_insertion_order = false")
    connection.execute(f"COPY ({charges(disks=disks, found=found)}) TO {literal(str(file))} (FORMAT parquet)")
    listed = {"dataFiles": [f"s3://bucket/focus/{file.relative_to(out / 'focus')}"]}
    (metadata / "focus-Manifest.json").write_text(json.dumps(listed))
    teams = "\n".join(f'[teams.team-{team}]\nchannel = "#team-{team}"\n' for team in range(TEAMS))
    (out / "owners.toml").write_text(f'[routing]\nfallback_channel = "#finops"\n{teams}')


def main() -> None:
    """Write to a temporary name, and rename it when it is complete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--disks", type=int, required=True)
    parser.add_argument("--found", type=int, required=True)
    arguments = parser.parse_args()
    unfinished = arguments.out.with_name(f"{arguments.out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    write(unfinished, disks=arguments.disks, found=arguments.found)
    unfinished.rename(arguments.out)


if __name__ == "__main__":
    main()
