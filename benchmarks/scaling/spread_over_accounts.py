"""Distribute the resources of a simulated bill over many accounts: the same rows, with other accounts.

    python benchmarks/scaling/spread_over_accounts.py BILL OUT --accounts 1000

A simulated organization of 5,000 accounts would have more everyday rows than a small one. Here the account depends on
the resource id, or on the other keys of the charge, so that all days of a resource stay in one account.
"""

import argparse
import shutil
from pathlib import Path

import duckdb

from focuswatch.engines.values_as_sql_literals import literal

ACCOUNT = "printf('%012d', CAST(100000000000 + hash({}) % {} AS bigint))"
CHARGED = "coalesce(ResourceId, concat_ws('/', SubAccountId, ServiceName, RegionId, SkuMeter))"
ACCOUNTS = """
SELECT
    accounts.* REPLACE (
        printf('%012d', 100000000000 + number) AS sub_account_id,
        'account ' || number AS name,
        CAST(NULL AS date) AS closed_on
    )
FROM range({accounts}) AS numbers(number)
INNER JOIN (SELECT *, row_number() OVER (ORDER BY sub_account_id) - 1 AS place FROM read_parquet({file})) AS accounts
    ON place = number % (SELECT count(*) FROM read_parquet({file}))
"""


def move(bill: Path, out: Path, *, accounts: int) -> None:
    """Write the bill with its charges and activity distributed over `accounts` accounts into `out`."""
    connection = duckdb.connect()
    connection.execute("SET memory_limit = '2GB'; SET preserve_insertion_order = false")
    shutil.copytree(bill / "focus" / "metadata", out / "focus" / "metadata")
    shutil.copyfile(bill / "owners.toml", out / "owners.toml")
    for file in sorted((bill / "focus" / "data").rglob("*.parquet")):
        to = out / "focus" / "data" / file.relative_to(bill / "focus" / "data")
        to.parent.mkdir(parents=True, exist_ok=True)
        account = ACCOUNT.format(CHARGED, accounts)
        moved = f"{account} AS SubAccountId, 'account ' || {account} AS SubAccountName"
        _copy(connection, f"SELECT * REPLACE ({moved}) FROM {_read(file)}", to)
    account = ACCOUNT.format("coalesce(resource_id, sub_account_id)", accounts)
    activity = _read(bill / "activity.parquet")
    _copy(
        connection,
        f"SELECT * REPLACE ({account} AS sub_account_id) FROM {activity}",
        out / "activity.parquet",
    )
    listed = ACCOUNTS.format(accounts=accounts, file=literal(str(bill / "accounts.parquet")))
    _copy(connection, f"SELECT * EXCLUDE (place) FROM ({listed})", out / "accounts.parquet")


def _read(file: Path) -> str:
    return f"read_parquet({literal(str(file))}, hive_partitioning = false)"


def _copy(connection: duckdb.DuckDBPyConnection, select: str, to: Path) -> None:
    connection.execute(f"COPY ({select}) TO {literal(str(to))} (FORMAT parquet, COMPRESSION snappy)")


def main() -> None:
    """Write to a temporary name, and rename it when it is complete."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bill", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--accounts", type=int, required=True)
    arguments = parser.parse_args()
    unfinished = arguments.out.with_name(f"{arguments.out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    move(arguments.bill, unfinished, accounts=arguments.accounts)
    unfinished.rename(arguments.out)


if __name__ == "__main__":
    main()
