"""Run a report of the catalog, and return its rows or its column names."""

from collections.abc import Mapping
from datetime import date

from focuswatch.catalog.sql_catalog import Report
from focuswatch.detect.detection_placeholder_values import DetectionInput, first_new_day
from focuswatch.engines import Engine, Row
from focuswatch.owners.owners_file import Owners


def report_rows(
    report: Report, *, engine: Engine, as_of: date, owners: Owners, tables: Mapping[str, str] | None = None
) -> list[Row]:
    """Return a report's rows as of a day, in the report's order. Raises QueryError.

    `tables` are SELECTs that replace tables. The rows of the report `month_close` are daily costs, which
    focuswatch.reports.compare_month_with_its_forecasts compares with stored forecasts.
    """
    engine = engine.over({**engine.tables, **tables}) if tables else engine
    statement = _statement(report, as_of=as_of, owners=owners)
    if report.header.kind == "forecast":
        from focuswatch.detect.forecast import (
            forecasts_and_budgets_by_group,
        )  # imports numpy, which only forecasts need

        return forecasts_and_budgets_by_group.month_rows(
            statement, engine=engine, label=report.id, as_of=as_of
        )
    rows = engine.query(statement, label=report.id)
    if table := report.header.forecast_of:
        from focuswatch.detect.forecast import fill_team_report_forecasts

        return fill_team_report_forecasts.with_forecasts(
            rows, table=table, engine=engine, label=report.id, as_of=as_of
        )
    return rows


def report_columns(report: Report, *, engine: Engine, as_of: date, owners: Owners) -> list[str]:
    """Return the names of a report's columns, even if it has no rows. Raises QueryError."""
    if report.header.kind == "forecast":
        from focuswatch.detect.forecast import forecasts_and_budgets_by_group

        return list(forecasts_and_budgets_by_group.COLUMNS)
    if report.header.kind == "month_close":
        from focuswatch.reports import month_close_model_with_report_rows_and_notes

        return list(month_close_model_with_report_rows_and_notes.COLUMNS)
    return list(engine.columns(_statement(report, as_of=as_of, owners=owners), label=report.id))


def _statement(report: Report, *, as_of: date, owners: Owners) -> str:
    values = DetectionInput(
        as_of=as_of,
        first_new_day=first_new_day(as_of, evaluated_until=None),
        required_tags=tuple(owners.routing.required_tags),
    ).values
    return report.render(values)
