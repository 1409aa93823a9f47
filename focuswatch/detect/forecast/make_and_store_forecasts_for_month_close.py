"""Make the forecasts that the month close compares with actual costs, of the bill, each team and use case.

A scan stores the forecasts of its day. The month close makes forecasts of earlier days again, which are not stored.
"""

from datetime import date

from focuswatch.bill.bill_protocol import Bill
from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast
from focuswatch.bill.render_tables_not_stored_on_athena_and_trino import tables_as_of
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.forecast.forecasts_and_budgets_by_group import TEAM, USE_CASE, group_forecasts
from focuswatch.detect.forecast.month_end_forecast import month_of_last_day
from focuswatch.engines import Engine
from focuswatch.owners.owners_file import Owners

REPORT = "month_forecast"
KEPT = ("all", TEAM, USE_CASE)


def store_forecasts_of_day(bill: Bill, *, catalog: Catalog) -> int:
    """Store the forecasts of the day after the last charge, once per day; return how many. Raises QueryError.

    Forecasts as of an earlier day are not stored, because the bill has charges that were not known on that day.
    """
    if bill.as_of != bill.summary.day_after_last_charge:
        return 0
    month = month_of_last_day(bill.as_of)
    if any(row.made_on == bill.as_of for row in bill.kept_forecasts(month)):
        return 0
    rows = plan_forecasts(bill.engine, as_of=bill.as_of, catalog=catalog)
    if rows:
        bill.keep_forecasts(rows)
    return len(rows)


def forecasts_as_of(
    bill: Bill, day: date, *, catalog: Catalog, owners: Owners, month: date
) -> list[KeptForecast]:
    """Return the forecasts of a month, made only from the charges before `day`. Raises QueryError."""
    derived = tables_as_of(catalog, as_of=day, names_resources=owners.names_resources)
    engine = bill.engine.over({**bill.engine.tables, **derived})
    return plan_forecasts(engine, as_of=day, catalog=catalog, month=month)


def plan_forecasts(
    engine: Engine, *, as_of: date, catalog: Catalog, month: date | None = None
) -> list[KeptForecast]:
    """Return the forecasts of a month, by default the month of the day before `as_of`. Raises QueryError."""
    statement = catalog.report(REPORT).render({"as_of": as_of})
    found = group_forecasts(statement, engine=engine, label=REPORT, as_of=as_of, month=month)
    return [
        KeptForecast(
            made_on=as_of,
            month=one.end.month,
            plan_of=one.kind,
            plan=one.name,
            settled_until=one.end.settled_until,
            spent=one.end.spent,
            low=one.end.low,
            forecast=one.end.forecast,
            high=one.end.high,
        )
        for one in found
        if one.kind in KEPT
    ]
