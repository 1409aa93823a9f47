"""A report's rows over the tables of an engine."""

from collections.abc import Mapping
from datetime import date

from focuswatch.catalog.catalog import Report
from focuswatch.detect.run_detection import DetectionInput, first_new_day
from focuswatch.engines import Engine, Row
from focuswatch.engines.common_table_expressions import with_tables
from focuswatch.owners.owners_file import Owners


def rows_of(
    report: Report, *, engine: Engine, as_of: date, owners: Owners, tables: Mapping[str, str] | None = None
) -> list[Row]:
    """The report as of a day, in its own order; `tables` are SELECTs that stand for some. Raises QueryError."""
    statement = with_tables(_statement(report, as_of=as_of, owners=owners), tables or {})
    if report.header.kind == "forecast":
        from focuswatch.detect.forecast import budget_plans  # brings numpy, and only forecasts need it

        return budget_plans.month_rows(statement, engine=engine, label=report.id, as_of=as_of)
    return engine.query(statement, label=report.id)


def columns_of(report: Report, *, engine: Engine, as_of: date, owners: Owners) -> list[str]:
    """The names of its columns, also where it has no rows. Raises QueryError."""
    if report.header.kind == "forecast":
        from focuswatch.detect.forecast import budget_plans

        return list(budget_plans.COLUMNS)
    return list(engine.columns(_statement(report, as_of=as_of, owners=owners), label=report.id))


def _statement(report: Report, *, as_of: date, owners: Owners) -> str:
    question = DetectionInput(
        as_of=as_of,
        first_new_day=first_new_day(as_of, evaluated_until=None),
        required_tags=tuple(owners.routing.required_tags),
    )
    return report.render(question.values)
