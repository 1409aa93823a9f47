"""Make and store the forecasts that the month close compares with actual costs: the bill, each team and use case."""

from datetime import date, timedelta

from focuswatch.bill.bill_protocol import Bill
from focuswatch.bill.kept_forecasts import KeptForecast
from focuswatch.bill.tables_computed_at_query import tables_as_of
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.forecast import forecast_vs_budget
from focuswatch.engines import Engine
from focuswatch.owners.owners_file_and_assignment import Owners

REPORT = "month_forecast"
KEPT = ("all", forecast_vs_budget.TEAM, forecast_vs_budget.USE_CASE)


def keep_forecasts(bill: Bill, *, catalog: Catalog) -> int:
    """Store the forecasts of the day after the last charge, once per day; return how many. Raises QueryError.

    Forecasts as of an earlier day are not stored, because the bill has charges that were not known on that day.
    """
    if bill.as_of != bill.summary.day_after_last_charge:
        return 0
    month = month_before(bill.as_of)
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
    found = forecast_vs_budget.budgeted(statement, engine=engine, label=REPORT, as_of=as_of, month=month)
    return [
        KeptForecast(
            made_on=as_of,
            month=one.end.month,
            plan_of=one.of,
            plan=one.name,
            settled_until=one.end.settled_until,
            spent=one.end.spent,
            low=one.end.low,
            forecast=one.end.forecast,
            high=one.end.high,
        )
        for one in found
        if one.of in KEPT
    ]


def month_before(as_of: date) -> date:
    """Return the first day of the month of the day before `as_of`."""
    return (as_of - timedelta(days=1)).replace(day=1)
