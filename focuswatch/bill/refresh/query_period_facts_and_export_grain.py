"""Compute facts about a unit's charges: count, cost, days, currency and length of charge periods."""

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from focuswatch.bill.refresh.refuse_files_with_impossible_dates_or_costs import (
    FIRST_DAY,
    LAST_DAY,
    check_costs,
    check_days,
)
from focuswatch.engines.duckdb_connection_macros_and_tables import file_list
from focuswatch.engines.values_as_sql_literals import literal

if TYPE_CHECKING:
    import duckdb

Grain = Literal["DAILY", "HOURLY", "MONTHLY"]

DAYS_OF_A_MONTH = 28  # a charge period of at least this length is monthly
SAMPLED_CHARGES = 100_000  # about a row group


class Periods(BaseModel):
    """The number of usage charges, in total and by length of the charge period."""

    model_config = ConfigDict(frozen=True)
    usage: int
    intraday: int  # start after midnight
    short: int = 0  # last less than 23 hours, if an end is given
    monthly: int  # last a month, or start on the first of a month without an end

    @property
    def is_hourly(self) -> bool:
        """Whether most usage starts after midnight. Fees and purchases do so in daily exports too, and do not count."""
        return 2 * self.intraday > self.usage


class PeriodFacts(BaseModel):
    """One billing period's charges in one currency."""

    model_config = ConfigDict(frozen=True)
    billing_period: date
    currency: str | None
    charges: int
    billed_cost: float
    first_charge_date: date
    last_charge_date: date
    # The last charge date in the billing period or the month after it; None without one.
    last_own_date: date | None


def probe_periods(connection: "duckdb.DuckDBPyConnection", *, relation: str) -> Periods:
    """Return the lengths of charge periods in `relation`, a SELECT of a sample of `focus_export`.

    A sample suffices to tell hourly from daily charges: a wrong result only costs time, because readers add up the rows
    of a day.
    """
    usage, intraday, short, monthly = connection.execute(
        f"""
        SELECT
            count(*),
            count(*) FILTER (WHERE ChargePeriodStart <> date_trunc('day', ChargePeriodStart)),
            count(*) FILTER (WHERE ChargePeriodEnd < ChargePeriodStart + INTERVAL 23 HOUR),
            count(*) FILTER (WHERE coalesce(
                date_diff('day', ChargePeriodStart, ChargePeriodEnd) >= {DAYS_OF_A_MONTH},
                day(ChargePeriodStart) = 1
            ))
        FROM ({relation})
        WHERE ChargeCategory = 'Usage'
        """
    ).fetchall()[0]
    return Periods(usage=usage, intraday=intraday, short=short, monthly=monthly)


def probe_services(
    connection: "duckdb.DuckDBPyConnection", *, file: str, place: str
) -> tuple[PeriodFacts, ...]:
    """Return facts by billing period and currency about the charges in a file of the table `daily_services`.

    Raises ExportError, naming `place`, for impossible values; see refuse_files_with_impossible_dates_or_costs.
    """
    names = tuple(PeriodFacts.model_fields)
    facts = []
    for row in connection.execute(_facts_statement(file)).fetchall():
        effective_cost, has_days, odd_day, *largest = row[len(names) :]
        check_days(place, has_days=has_days, odd_day=odd_day)
        fact = PeriodFacts(**dict(zip(names, row[: len(names)], strict=True)))
        check_costs(fact.billed_cost, effective_cost, *largest, place=place)
        facts.append(fact)
    return tuple(facts)


def _facts_statement(file: str) -> str:
    """Return the SELECT of the columns of PeriodFacts, followed by the values that are checked."""
    first, last = literal(FIRST_DAY), literal(LAST_DAY)
    return f"""
        SELECT
            billing_period,
            BillingCurrency,
            CAST(sum(charges) AS bigint),
            coalesce(sum(BilledCost), 0),
            min(charge_date),
            max(charge_date),
            max(charge_date) FILTER (WHERE charge_date < billing_period + INTERVAL 2 MONTH),  -- some are paid ahead
            coalesce(sum(EffectiveCost), 0),
            count(*) = count(charge_date),
            CAST(coalesce(
                min(charge_date) FILTER (WHERE charge_date NOT BETWEEN {first} AND {last}),
                min(billing_period) FILTER (WHERE billing_period NOT BETWEEN {first} AND {last})
            ) AS varchar),
            max_by(charge_date, abs(BilledCost)),
            max(abs(BilledCost)),
            max_by(charge_date, abs(EffectiveCost)),
            max(abs(EffectiveCost))
        FROM read_parquet({file_list([file])})
        GROUP BY ALL
        ORDER BY ALL
    """


def grain_of(periods: Sequence[Periods]) -> Grain:
    """Return the grain of an export, from all units together, because one unit may contain only monthly fees."""
    usage = sum(period.usage for period in periods)
    if usage and sum(period.monthly for period in periods) == usage:
        return "MONTHLY"
    return "HOURLY" if any(period.is_hourly for period in periods) else "DAILY"
