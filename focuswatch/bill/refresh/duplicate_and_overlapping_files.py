"""Detect files with the same charges: duplicates are counted once, partial overlaps are rejected.

The stored sums by day, account and service are compared first, which is fast. Rows of a few days are read again only
if these sums agree. Units of different billing periods cannot overlap and are not compared.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from pathlib import Path
from typing import Literal

import duckdb

from focuswatch.bill.ingest.select_deliveries_and_flat_files import PeriodDelivery
from focuswatch.bill.ingest.select_from_files import select_focus_export
from focuswatch.bill.refresh.local_refresh_index_in_state_folder import Unit
from focuswatch.bill.refresh.paths_and_sizes_of_refreshed_files import table_file
from focuswatch.bill.refresh.query_period_facts_and_export_grain import Periods
from focuswatch.engines.duckdb_connection_macros_and_tables import file_list
from focuswatch.engines.values_as_sql_literals import literal, literals
from focuswatch.errors import ExportError

Level = Literal["time", "day", "month"]  # the finest grain at which two units can be compared

# If this share of the sums on common days is equal, rows are compared.
SUSPECT_SHARE = 0.3
# If this share of the compared rows is equal, the two units contain the same charges.
SAME_SHARE = 0.5
# If this share of the compared rows is equal and the units have the same number of charges, one is a duplicate.
WHOLE_SHARE = 0.999
COMPARED_DAYS = 3
BUCKET: Mapping[Level, str] = {"time": "charge_date", "day": "charge_date", "month": "billing_period"}
# The columns that identify a row, besides its time.
ROW = (
    "ProviderName",
    "BillingCurrency",
    "SubAccountId",
    "RegionId",
    "ServiceName",
    "SkuMeter",
    "x_Operation",
    "ResourceId",
    "ChargeCategory",
    "PricingCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountStatus",
)
# Sums are compared to six digits, because the last digits depend on the order of addition.
MONEY = "format('{:.6g}', sum(BilledCost) + 0e0) AS billed, format('{:.6g}', sum(EffectiveCost) + 0e0) AS effective"

# For each pair of units: the share of keys with equal sums, among the buckets and accounts that both units have, and
# the buckets with the most such keys.
EQUAL_SHARES = f"""
WITH unit_money AS (
    SELECT unit, bool_or(billed <> '0' OR effective <> '0') AS has_money FROM keyed_charges GROUP BY 1
),
counted AS (
    SELECT keyed_charges.*
    FROM keyed_charges INNER JOIN unit_money USING (unit)
    WHERE NOT has_money OR billed <> '0' OR effective <> '0'
),
buckets AS (SELECT unit, bucket, SubAccountId, count(*) AS keys FROM counted GROUP BY ALL),
common AS (
    SELECT first_unit, second_unit, sum(a.keys) AS first_keys, sum(b.keys) AS second_keys
    FROM compared_pairs
    INNER JOIN buckets AS a ON a.unit = first_unit
    INNER JOIN buckets AS b
        ON b.unit = second_unit AND a.bucket = b.bucket AND a.SubAccountId IS NOT DISTINCT FROM b.SubAccountId
    GROUP BY ALL
),
matched AS (
    SELECT first_unit, second_unit, a.bucket, count(*) AS keys
    FROM compared_pairs
    INNER JOIN counted AS a ON a.unit = first_unit
    INNER JOIN counted AS b
        ON b.unit = second_unit AND a.bucket = b.bucket AND a.key = b.key
        AND a.SubAccountId IS NOT DISTINCT FROM b.SubAccountId
        AND a.billed = b.billed AND a.effective = b.effective
    GROUP BY ALL
)
SELECT
    first_unit,
    second_unit,
    sum(keys) / least(any_value(first_keys), any_value(second_keys)),
    list(bucket ORDER BY keys DESC, bucket)[1:{COMPARED_DAYS}]
FROM matched INNER JOIN common USING (first_unit, second_unit)
GROUP BY ALL
"""


@dataclass(frozen=True)
class Overlap:
    """Two units, and the share of the smaller unit's keys, on common days and accounts, that the other also has."""

    first: str
    second: str
    share: float
    days: tuple[date, ...]


def mark_duplicates(
    units: Mapping[str, Unit],
    deliveries: Sequence[PeriodDelivery],
    *,
    kept: Path,
    connection: duckdb.DuckDBPyConnection,
) -> dict[str, Unit]:
    """Return the units, with `duplicate_of` set on each unit that contains the same charges as another unit.

    Raises ExportError naming the files of two units that overlap only partly. The files must be on this machine.
    """
    fresh = {name: unit.model_copy(update={"duplicate_of": None}) for name, unit in units.items()}
    files = {delivery.unit: delivery for delivery in deliveries}
    for level, pairs in _comparable(fresh).items():
        for overlap in _overlaps(fresh, files, pairs, level=level, kept=kept, connection=connection):
            first, second = sorted((overlap.first, overlap.second), key=lambda name: (len(name), name))
            if fresh[first].duplicate_of or fresh[second].duplicate_of:
                continue  # the original of the duplicate is compared too
            if (
                level == "time"
                and overlap.share >= WHOLE_SHARE
                and _has_same_totals(fresh[first], fresh[second])
            ):
                fresh[second] = fresh[second].model_copy(update={"duplicate_of": first})
                continue
            raise ExportError(
                f"{_named(files[first])} and {_named(files[second])} contain the same charges "
                f"({overlap.share:.0%} of the compared charges match, on {', '.join(map(str, sorted(overlap.days)))}). "
                "These charges would be counted twice. Remove one of the files"
            )
    return fresh


def possibly_overlapping_units(units: Mapping[str, Unit]) -> set[str]:
    """Return the units whose files `mark_duplicates` may read again: another unit may contain the same charges."""
    return {name for pairs in _comparable(units).values() for pair in pairs for name in pair}


def _named(delivery: PeriodDelivery) -> str:
    return str(delivery.files[0].path)


def _comparable(units: Mapping[str, Unit]) -> dict[Level, set[tuple[str, str]]]:
    """Return the pairs of units that may contain the same charges, by the level at which they can be compared."""
    found: dict[Level, set[tuple[str, str]]] = {}
    by_period: dict[date, list[str]] = {}
    for name, unit in units.items():
        for fact in {fact.billing_period: fact for fact in unit.facts}.values():
            by_period.setdefault(fact.billing_period, []).append(name)
    for names in by_period.values():
        for first, second in combinations(sorted(names), 2):
            level = _level(units[first], units[second])
            if level == "month" or _share_days(units[first], units[second]):
                found.setdefault(level, set()).add((first, second))
    return found


def _level(first: Unit, second: Unit) -> Level:
    grains = [_grain(unit.periods) for unit in (first, second)]
    if grains[0] == grains[1]:
        return "time"
    return "month" if "month" in grains else "day"


def _grain(periods: Periods) -> Literal["hour", "day", "month"]:
    if 0 < periods.usage == periods.monthly:
        return "month"
    return "hour" if 2 * max(periods.intraday, periods.short) > periods.usage else "day"


def _share_days(first: Unit, second: Unit) -> bool:
    return any(
        fact.first_charge_date <= other.last_charge_date and other.first_charge_date <= fact.last_charge_date
        for fact in first.facts
        for other in second.facts
        if fact.billing_period == other.billing_period
    )


def _has_same_totals(first: Unit, second: Unit) -> bool:
    """Return whether both units have equal days and numbers of charges by period, and an equal total billed cost."""

    def counts(unit: Unit) -> list[tuple[object, ...]]:
        return sorted(
            (
                fact.billing_period,
                str(fact.currency),
                fact.charges,
                fact.first_charge_date,
                fact.last_charge_date,
            )
            for fact in unit.facts
        )

    billed = [sum(fact.billed_cost for fact in one.facts) for one in (first, second)]
    return counts(first) == counts(second) and abs(billed[0] - billed[1]) <= 1e-6 * max(1.0, abs(billed[0]))


def _overlaps(
    units: Mapping[str, Unit],
    files: Mapping[str, PeriodDelivery],
    pairs: set[tuple[str, str]],
    *,
    level: Level,
    kept: Path,
    connection: duckdb.DuckDBPyConnection,
) -> list[Overlap]:
    """Return the pairs of which at least SAME_SHARE of the compared rows are equal, the largest share first."""
    folders = {units[name].folder: name for pair in pairs for name in pair}
    sums = file_list(table_file(kept / folder, "daily_services") for folder in sorted(folders))
    alike = _equal_shares(
        connection,
        f"""
        SELECT string_split(filename, '/')[-2] AS unit, {BUCKET[level]} AS bucket, SubAccountId,
            hash(RegionId, ServiceName, ChargeCategory) AS key, {MONEY}
        FROM read_parquet({sums}, filename = true, hive_partitioning = false)
        GROUP BY ALL
        """,
        names=folders,
        pairs=pairs,
    )
    suspected = [overlap for overlap in alike if overlap.share >= SUSPECT_SHARE]
    if not suspected:
        return []
    days: dict[str, set[date]] = {}
    for one in suspected:
        for name in (one.first, one.second):
            days.setdefault(name, set()).update(one.days)
    time = {"time": "ChargePeriodStart", "day": "charge_date", "month": "billing_period"}[level]
    rows = _union(
        (name, _rows_of(units[name], files[name], level=level, days=found)) for name, found in days.items()
    )
    compared = _equal_shares(
        connection,
        f"SELECT unit, bucket, SubAccountId, hash({time}, {', '.join(ROW)}) AS key, {MONEY} FROM ({rows}) GROUP BY ALL",
        names={name: name for name in days},
        pairs={(overlap.first, overlap.second) for overlap in suspected},
    )
    return sorted(
        (overlap for overlap in compared if overlap.share >= SAME_SHARE),
        key=lambda one: (-one.share, one.first, one.second),
    )


def _union(selects: Iterable[tuple[str, str]]) -> str:
    return " UNION ALL BY NAME ".join(
        f"SELECT {literal(name)} AS unit, * FROM ({select})" for name, select in selects
    )


def _rows_of(unit: Unit, delivery: PeriodDelivery, *, level: Level, days: set[date]) -> str:
    """Return a SELECT of a unit's delivered rows for some days, with columns of `focus_export`."""
    paths = {str(file.name): str(file.path) for file in delivery.files}
    charges = " UNION ALL ".join(
        select_focus_export(part.shape, [paths[name] for name in part.files]) for part in unit.parts
    )
    columns = ", ".join(("ChargePeriodStart", *ROW, "BilledCost", "EffectiveCost"))
    return f"""
        SELECT {BUCKET[level]} AS bucket, * FROM (
            SELECT
                CAST(ChargePeriodStart AS date) AS charge_date,
                CAST(date_trunc('month', BillingPeriodStart) AS date) AS billing_period,
                {columns}
            FROM ({charges})
        )
        WHERE bucket IN ({literals([*sorted(days)])})
    """


def _equal_shares(
    connection: duckdb.DuckDBPyConnection,
    keyed: str,
    *,
    names: Mapping[str, str],
    pairs: set[tuple[str, str]],
) -> list[Overlap]:
    """Return the share of keys in common buckets and accounts that have equal sums, for each of `pairs`.

    `names` maps the values of the column `unit` to unit names. Keys with sums of 0 count only for units that have no
    other sums.
    """
    keys = {name: key for key, name in names.items()}
    connection.execute(f"CREATE OR REPLACE TEMP TABLE keyed_charges AS {keyed}")
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE compared_pairs AS "
        "SELECT unnest(CAST(? AS VARCHAR[])) AS first_unit, unnest(CAST(? AS VARCHAR[])) AS second_unit",
        [[keys[first] for first, _ in sorted(pairs)], [keys[second] for _, second in sorted(pairs)]],
    )
    rows = connection.execute(EQUAL_SHARES).fetchall()
    connection.execute("DROP TABLE keyed_charges; DROP TABLE compared_pairs")
    return [Overlap(names[first], names[second], share, tuple(days)) for first, second, share, days in rows]
