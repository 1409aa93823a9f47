"""Build responses from a bill: reports and the weekly summary."""

from collections.abc import Sequence
from datetime import date

from focuswatch.catalog.sql_catalog import Catalog, Report
from focuswatch.engines import Row
from focuswatch.errors import ConfigError
from focuswatch.findings.first_and_more_text import first_and_more
from focuswatch.findings.value_as_json import json_value
from focuswatch.mcp_server.cursors import encode_cursor, row_position
from focuswatch.mcp_server.shorten_or_page_responses_to_fit import (
    DATA,
    Document,
    TextLimits,
    bill_data,
    fit,
    paged,
)
from focuswatch.mcp_server.source_protocol import Source
from focuswatch.reports.compare_month_with_its_forecasts import close_month
from focuswatch.reports.known_findings_rows_from_ledger import findings_table_rows, reads_ledger
from focuswatch.reports.query_bill_for_weekly_digests import weeks_of_bill
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.reports.run_report_with_other_cost_or_charge_kinds import (
    Basis,
    basis_text,
    engine_with_basis,
    offered_bases,
    rows_with_basis,
)

NO_WEEK = "had no spend in the last two weeks and has no open findings"
MOST_TEAMS = 20  # maximum number listed in an error


def query_report(report: Report, *, basis: Basis, source: Source, catalog: Catalog) -> tuple[date, list[Row]]:
    """Run a report with a basis that it offers, and return its as-of date and its rows. Raises QueryError."""
    with source.bill() as opened:
        bill = opened.bill
        if report.header.kind == "month_close":
            with source.ledger() as ledger:
                entries = ledger.entries().values()
            close = close_month(bill, entries, catalog=catalog, owners=opened.owners)
            return bill.as_of, close.rows
        if reads_ledger(report) and not source.is_deployed:
            with source.ledger() as ledger:
                bill.load_known_findings(
                    findings_table_rows(ledger, engine=bill.engine, owners=opened.owners, as_of=bill.as_of)
                )
        engine = engine_with_basis(
            bill.engine, basis, report=report, catalog=catalog, owners=opened.owners, as_of=bill.as_of
        )
        rows = report_rows(report, engine=engine, as_of=bill.as_of, owners=opened.owners)
        return bill.as_of, rows_with_basis(rows, basis, report=report)


def report_page(
    report: Report, *, basis: Basis, as_of: date, rows: Sequence[Row], cursor: str | None
) -> Document:
    """Return a page of a report's rows, in the order of the report. Raises ConfigError for a bad cursor.

    The first page also states the other bases that the report offers.
    """
    identity = ("report", report.id, basis, as_of, len(rows))
    start = row_position(cursor, of=identity)
    columns = list(rows[0]) if rows else []
    head: Document = {
        "report": report.id,
        "title": report.header.title,
        "basis": basis_text(report, basis),
        **({} if start else {"other_bases": offered_bases(report, prefix="")}),
        "as_of": as_of.isoformat(),
        "rows_in_total": len(rows),
        "first_row": start + 1 if rows else 0,
        "columns": columns,
    }
    page = paged(
        rows,
        start=start,
        render=lambda row, limits: [bill_data(json_value(row[name]), limits) for name in columns],
        head=head,
    )
    document = head | {DATA: {"rows": page.rows}}
    if page.next_start is not None:
        document["next_cursor"] = encode_cursor([page.next_start], of=identity)
    return document


def weekly_document(team: str | None, *, source: Source, catalog: Catalog) -> Document:
    """Return the weekly summary of a team, or of the organization (None). Raises ConfigError for an unknown team."""
    with source.ledger() as ledger, source.bill() as opened:
        teams = sorted(opened.owners.teams)
        if team is not None and team not in teams:
            raise ConfigError(f"owners.toml defines no team '{team}'. Expected one of: {_named(teams)}.")
        entries = ledger.entries().values()
        weeks = weeks_of_bill(opened.bill, entries=entries, catalog=catalog, owners=opened.owners)
        as_of = opened.bill.as_of
    week = next((week for week in weeks if week.team == team), None)
    lines = (
        [week.heading, *week.lines]
        if week
        else [f"{f'Team {team}' if team else 'The organization'} {NO_WEEK}."]
    )

    def build(limits: TextLimits) -> Document:
        return {
            "team": team or "the organization",
            "as_of": as_of.isoformat(),
            DATA: {"summary": bill_data(lines, limits)},
            "teams": bill_data(teams, limits),
        }

    return fit(build)


def _named(names: Sequence[str]) -> str:
    return first_and_more(names, most=MOST_TEAMS) or "(none)"
