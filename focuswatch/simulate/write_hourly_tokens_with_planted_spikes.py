"""Write hourly token counts, as CloudWatch would have them, for the bill and the day after it, with planted spikes.

The tokens of a day are those of the bill, so that a cost estimate can be compared with the bill. The day after the bill
has no charges yet: it repeats the same weekday of the week before, plus a runaway agent.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb

from focuswatch.engines.duckdb_connection_macros_and_tables import create_table
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.simulate.bedrock_model_ids_by_bill_name import MODEL_IDS
from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.planned_bill import Identity, PlantedCase
from focuswatch.simulate.simulated_truth_models_and_json_file import Incident
from focuswatch.simulate.writing.read_bedrock_charges_from_export import export_source

DETECTION = "live_burn"
HISTORY_DAYS = 29
HOURS_OF_TODAY = 15  # hours of the day after the bill that are over
RUNAWAY_HOURS = range(9, 15)
RUNAWAY_HOURLY_COST = 60.0
LAUNCH_FACTOR = 7  # below the factor of 8 that owners.toml announces
NIGHT, MORNING = (2,), (9, 10, 11)
TOKENS = """
CREATE TABLE day_tokens AS
WITH charges AS (
    SELECT
        CAST(ChargePeriodStart AS date) AS day,
        SubAccountId AS account,
        RegionId AS region,
        ServiceName AS service,
        CASE WHEN ResourceId LIKE '%application-inference-profile/%' THEN ResourceId END AS profile,
        SkuMeter AS meter,
        CASE
            WHEN regexp_matches(SkuMeter, '(?i)cache[-_]?read') THEN 'cache read'
            WHEN regexp_matches(SkuMeter, '(?i)cache[-_]?write') THEN 'cache write'
            WHEN regexp_matches(SkuMeter, '(?i)output') THEN 'output'
            ELSE 'input'
        END AS token_kind,
        CAST(ConsumedQuantity AS double) * if(ConsumedUnit LIKE '1M%', 1E6, 1E3) AS tokens,
        CAST(EffectiveCost AS double) AS cost
    FROM {source}
    WHERE ServiceName LIKE '%Bedrock%' AND regexp_matches(SkuMeter, '(?i)token') AND ChargeCategory = 'Usage'
        AND NOT regexp_matches(SkuMeter, '(?i)mantle|batch|training|custom')
        AND ChargeClass IS DISTINCT FROM 'Correction'
        AND CAST(ChargePeriodStart AS date) >= {first}
)
SELECT
    day, account, region, service, profile, token_kind,
    coalesce(regexp_extract(profile, '([^/]+)$', 1), model_ids.model_id) AS model_id,
    coalesce(profile, 'model ' || model_ids.name) AS workload,
    sum(tokens) AS tokens, sum(cost) AS cost
FROM charges
INNER JOIN model_ids ON contains(charges.meter || ' ' || charges.service, model_ids.name)
GROUP BY ALL
HAVING sum(tokens) > 0
"""
# Distributes the tokens of a day over its hours: more in office hours, or all in the hours of the table `rhythms`. The
# noise comes from a hash, so that a seed always gives the same rows.
HOURS = """
CREATE TABLE hours AS
WITH days AS (
    SELECT day, * EXCLUDE (day) FROM day_tokens
    UNION ALL
    SELECT {today}, * EXCLUDE (day, tokens, cost), tokens * if(workload = {launched}, {factor}, 1), cost
    FROM day_tokens
    WHERE day = {week_ago}
),
weights AS (
    SELECT
        days.*,
        hours.hour,
        coalesce(
            CASE WHEN list_contains(rhythms.hours, hours.hour) THEN 1.0 WHEN rhythms.hours IS NOT NULL THEN 0.0 END,
            CASE WHEN hours.hour BETWEEN 8 AND 17 THEN 3.0 ELSE 1.0 END
        ) * (0.9 + 0.2 * (hash(days.account || days.workload || day || hours.hour || {seed}) % 1000) / 1000)
            AS weight
    FROM days
    CROSS JOIN (SELECT unnest(range(24)) AS hour) AS hours
    LEFT JOIN rhythms ON days.account = rhythms.account AND days.workload = rhythms.workload
)
SELECT
    day AS token_date, CAST(hour AS integer) AS token_hour, account AS sub_account_id, region AS region_id,
    model_id, token_kind, service, workload,
    round(
        tokens * weight / sum(weight) OVER (PARTITION BY day, account, region, model_id, workload, token_kind)
    ) AS tokens,
    cost / tokens AS price
FROM weights
QUALIFY (day < {today} OR hour < {until}) AND tokens * weight > 0
"""
WORKLOADS = """
SELECT
    account, region, service, workload, min(model_id) AS model_id, any_value(profile) AS profile,
    count(DISTINCT day) AS days,
    avg(day_cost) FILTER (WHERE isodow(day) < 6) AS workday_cost,
    coalesce(avg(day_cost) FILTER (WHERE isodow(day) > 5), 0) AS weekend_cost,
    max(day_cost) / min(day_cost) AS spread,
    arg_max(price, cost) FILTER (WHERE token_kind = 'input') AS input_price
FROM (
    SELECT *, sum(cost) OVER (PARTITION BY account, workload, day) AS day_cost, cost / tokens AS price
    FROM day_tokens
)
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
"""
# Workloads that a detection may, but need not, report: bursts and launches of the bill in its hourly tokens.
SPIKES = """
SELECT DISTINCT sub_account_id, service, workload
FROM (
    SELECT
        *,
        median(cost) OVER same_hour AS usual,
        count(*) OVER same_hour AS days
    FROM (
        SELECT token_date, token_hour, sub_account_id, service, workload, sum(tokens * price) AS cost
        FROM hours
        GROUP BY ALL
    )
    WINDOW same_hour AS (PARTITION BY sub_account_id, workload, token_hour)
)
WHERE cost >= 15 AND (cost > 3 * usual OR days < 15)
"""


@dataclass(frozen=True)
class Workload:
    """The token usage of a model or inference profile in an account. Costs are in USD per day."""

    account: str
    region: str
    service: str
    workload: str
    model_id: str
    profile: str | None
    days: int
    workday_cost: float
    weekend_cost: float
    spread: float  # cost of the highest day / cost of the lowest day
    input_price: float | None  # USD per token

    @property
    def identity(self) -> Identity:
        """Return the identity of the workload's finding."""
        return (self.account, None, self.service, self.workload)


@dataclass(frozen=True)
class HourlyTokens:
    """The expected findings: those that a scan must report, may report and must not report."""

    incidents: tuple[Incident, ...]
    either: tuple[Incident, ...]
    hard_negatives: tuple[PlantedCase, ...]


def write_token_hours(
    files: Iterable[Path], path: Path, *, calendar: Calendar, launched: str | None, seed: int
) -> HourlyTokens:
    """Write the hourly tokens of the last days of an export, and return the expected findings.

    `launched` is the inference profile of an announced launch.
    """
    with duckdb.connect() as connection:
        create_table(
            connection, "model_ids", {"name": "VARCHAR", "model_id": "VARCHAR"}, list(MODEL_IDS.items())
        )
        first = literal(calendar.ago(HISTORY_DAYS))
        connection.execute(TOKENS.format(source=export_source(files), first=first))
        rows = connection.execute(WORKLOADS).fetchall()
        workloads = [Workload(*row) for row in rows]
        picked = _Picked.of(workloads, launched=launched, rng=Random(f"hours {seed}"))
        create_table(
            connection,
            "rhythms",
            {"account": "VARCHAR", "workload": "VARCHAR", "hours": "INTEGER[]"},
            list(picked.rhythms),
        )
        today = calendar.as_of
        connection.execute(
            HOURS.format(
                today=literal(today),
                week_ago=literal(today - timedelta(days=7)),
                launched=literal(launched or ""),
                factor=LAUNCH_FACTOR,
                seed=literal(str(seed)),
                until=HOURS_OF_TODAY,
            )
        )
        if picked.runaway:
            _plant_runaway(connection, picked.runaway, today=today)
        spikes = connection.execute(SPIKES).fetchall()
        columns = "token_date, token_hour, sub_account_id, region_id, model_id, token_kind, tokens"
        connection.execute(
            f"COPY (SELECT {columns} FROM hours ORDER BY ALL) TO {literal(str(path))} (FORMAT parquet)"
        )
    return picked.truth(calendar, spikes=spikes)


def _plant_runaway(connection: duckdb.DuckDBPyConnection, workload: Workload, *, today: date) -> None:
    """Add input tokens for the cost of a runaway agent to some hours of the day after the bill."""
    assert workload.input_price
    tokens = RUNAWAY_HOURLY_COST / workload.input_price
    connection.executemany(
        "INSERT INTO hours VALUES (?, ?, ?, ?, ?, 'input', ?, ?, ?, ?)",
        [
            (
                today,
                hour,
                workload.account,
                workload.region,
                workload.model_id,
                workload.service,
                workload.workload,
                tokens,
                workload.input_price,
            )
            for hour in RUNAWAY_HOURS
        ],
    )


@dataclass(frozen=True)
class _Picked:
    """The workloads in which cases are planted; None if the bill has no suitable one."""

    launched: Workload | None
    runaway: Workload | None
    nightly: Workload | None
    weekly: Workload | None

    @classmethod
    def of(cls, workloads: list[Workload], *, launched: str | None, rng: Random) -> "_Picked":
        steady = [one for one in workloads if one.days == HISTORY_DAYS and one.workload != launched]
        rng.shuffle(steady)

        def take(*conditions: Any) -> Workload | None:
            found = next((one for one in steady if all(condition(one) for condition in conditions)), None)
            if found:
                steady[:] = [one for one in steady if one.account != found.account]
            return found

        weekly = take(lambda one: one.weekend_cost < one.workday_cost / 2, lambda one: one.workday_cost > 75)
        nightly = take(lambda one: one.weekend_cost > 30, lambda one: one.spread < 6)
        runaway = take(
            lambda one: one.profile,
            lambda one: one.input_price,
            lambda one: one.workday_cost < 90,
            lambda one: one.spread < 6,
        )
        return cls(
            next((one for one in workloads if one.workload == launched), None), runaway, nightly, weekly
        )

    @property
    def rhythms(self) -> Iterator[tuple[str, str, list[int]]]:
        """Yield the account, workload and hours of workloads that use all their tokens in these hours of a day."""
        for workload, hours in ((self.launched, MORNING), (self.nightly, NIGHT), (self.weekly, MORNING)):
            if workload:
                yield workload.account, workload.workload, list(hours)

    def truth(self, calendar: Calendar, *, spikes: list[tuple[Any, ...]]) -> HourlyTokens:
        """Return the findings that a scan must, may and must not report."""
        today = calendar.as_of
        incidents = [
            Incident(
                DETECTION,
                one.identity,
                today,
                None,
                RUNAWAY_HOURLY_COST * len(RUNAWAY_HOURS),
                today,
                None,
                "a runaway agent since this morning",
                planted="runaway agent",
            )
            for one in (self.runaway,)
            if one
        ]
        negatives = [
            PlantedCase(DETECTION, one.identity, today, None, note, kind)
            for one, kind, note in (
                (
                    self.launched,
                    "a launch that a plan announces",
                    "seven times the usual, of eight announced",
                ),
                (self.nightly, "a scheduled hour of each day", "a batch at two in the morning"),
                (self.weekly, "a Monday after a weekend", "work that starts on Monday at nine"),
            )
            if one
        ]
        planted = {one.identity for one in incidents} | {one.identity for one in negatives}
        either = tuple(
            Incident(
                DETECTION,
                identity,
                calendar.first,
                None,
                0.0,
                today,
                None,
                "a spike of the bill",
                certain=False,
            )
            for account, service, workload in sorted(spikes)
            if (identity := (account, None, service, workload)) not in planted
        )
        return HourlyTokens(tuple(incidents), either, tuple(negatives))
