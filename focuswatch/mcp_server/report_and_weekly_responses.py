"""Build responses from a bill: reports, the weekly summary, and what was not evaluated."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from focuswatch.catalog.sql_catalog import Catalog, Report
from focuswatch.detect.account_day_coverage import Coverage, coverage
from focuswatch.detect.detection_run_counts import summarize_detections
from focuswatch.engines import Row
from focuswatch.errors import ConfigError
from focuswatch.findings.first_and_more_text import first_and_more
from focuswatch.findings.value_as_json import json_value
from focuswatch.ledger import Ledger
from focuswatch.mcp_server.cursors import decode_cursor, encode_cursor
from focuswatch.mcp_server.response_size import (
    DATA,
    Document,
    TextLimits,
    bill_data,
    fit,
    paged,
    without_empty,
)
from focuswatch.mcp_server.source_protocol import Evaluation, Source, SourceBill
from focuswatch.reports.known_findings_rows import findings_table_rows, reads_ledger
from focuswatch.reports.month_close import close_month
from focuswatch.reports.report_cost_column_and_charge_kinds import (
    Basis,
    basis_text,
    engine_with_basis,
    offered_bases,
    rows_with_basis,
)
from focuswatch.reports.run_report import report_rows
from focuswatch.reports.weekly_queries import weeks_of_bill

NO_WEEK = "had no spend in the last two weeks and has no open findings"
NO_METRICS = "The --activity file contains no CloudWatch metrics for these resources."
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


def row_position(cursor: str | None, *, of: object) -> int:
    """Return the position of the first row of a page. Raises ConfigError for a bad cursor."""
    if cursor is None:
        return 0
    (position,) = decode_cursor(cursor, of=of)
    return int(position)


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


def not_evaluated_document(*, source: Source, catalog: Catalog) -> Document:
    """Return what the newest scan did not evaluate, resolve or notify, and why. Raises QueryError."""
    with source.ledger() as ledger, source.bill() as opened:
        evaluation = source.last_run() or _evaluate(opened, ledger=ledger, catalog=catalog)
        covered = coverage(opened.bill.engine, as_of=opened.bill.as_of)
        last_runs = ledger.evaluated_until()
        facts = _facts(opened, evaluation, last_runs=last_runs, catalog=catalog)
        warnings = opened.bill.summary.warnings

    def build(limits: TextLimits) -> Document:
        shown: Document = bill_data(facts, limits)
        return shown | {
            DATA: without_empty(bill_data(_bill_facts(covered, evaluation, warnings=warnings), limits))
        }

    return fit(build)


def _evaluate(opened: SourceBill, *, ledger: Ledger, catalog: Catalog) -> Evaluation:
    """Return what each detection evaluates. A detection runs only if no result for the same bill is cached."""
    bill, owners = opened.bill, opened.owners
    summaries = summarize_detections(
        bill.engine,
        aws_engine=bill.aws_engine,
        as_of=bill.as_of,
        catalog=catalog,
        owners=owners,
        result_cache=opened.result_cache,
        evaluated_until=ledger.evaluated_until(),
        per_usd=float(bill.summary.rate(owners).per_usd),
    )
    return Evaluation(summaries, cause=NO_METRICS)


def _facts(
    opened: SourceBill, evaluation: Evaluation, *, last_runs: Mapping[str, date], catalog: Catalog
) -> Document:
    as_of, summary = opened.bill.as_of, opened.bill.summary
    partly = [
        {
            "detection": one.detection,
            "title": catalog.detections[one.detection].header.title,
            "resources_not_evaluated": one.not_evaluated,
            "their_monthly_cost": one.not_evaluated_monthly_cost,
        }
        for one in evaluation.detections
        if one.not_evaluated
    ]
    return {
        "as_of": as_of,
        "charges_from": summary.first_charge_date,
        "charges_to": summary.last_charge_date,
        "detections_run": len(evaluation.detections),
        "partly_evaluated": partly,
        "why_partly": evaluation.cause if partly else None,
        "without_input": [
            f"{one.detection}: {one.lacks_input}" for one in evaluation.detections if one.lacks_input
        ],
        "services_not_on_the_bill": [
            f"{one.detection}: {', '.join(one.services_not_on_bill)}"
            for one in evaluation.detections
            if one.services_not_on_bill
        ],
        "not_run_in_the_newest_scan": [
            f"{detection.id} (last run: {last_runs.get(detection.id, 'never')})"
            for detection in catalog.live
            if last_runs.get(detection.id) != as_of
        ],
    }


def _bill_facts(covered: Coverage, evaluation: Evaluation, *, warnings: Sequence[str]) -> dict[str, Any]:
    return {
        "failed_detections": {one.detection: one.error for one in evaluation.detections if one.error},
        "no_finding_was_resolved_because": list(covered.doubts),
        "accounts_without_recent_charges": sorted(
            account or "charges without an account" for account in covered.missing_accounts
        ),
        "accounts_whose_activity_was_not_read": dict(evaluation.not_collected),
        "warnings": list(warnings),
    }


def _named(names: Sequence[str]) -> str:
    return first_and_more(names, most=MOST_TEAMS) or "(none)"
