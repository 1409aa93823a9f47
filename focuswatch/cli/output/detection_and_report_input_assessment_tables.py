"""Print an assessment of a bill as terminal tables of detections and reports, or format it as JSON."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from focuswatch.cli.output.amount_and_place_text import money
from focuswatch.cli.output.json_and_csv import rows_json
from focuswatch.cli.output.table_grid import Cell, Column, console, print_grid
from focuswatch.findings.count_text import count_text
from focuswatch.findings.replace_control_characters import visible

if TYPE_CHECKING:
    from rich.console import Console

    from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
    from focuswatch.detect.assess_detections_and_reports_on_bill import Assessment

# The text and color of each state in the column "Evaluated".
SHOWN = {
    "evaluated": ("yes", "green"),
    "partly evaluated": ("partly", "yellow"),
    "not evaluated": ("no", "red"),
}


def print_assessment(assessments: "Sequence[Assessment]", summary: "BillSummary") -> None:
    """Print which detections and reports can evaluate the bill, what the others lack, and how to provide it."""
    out = console()
    days = (summary.last_charge_date - summary.first_charge_date).days + 1
    out.print(
        f"{count_text(summary.charges, 'charge')} from {summary.first_charge_date} to {summary.last_charge_date} "
        f"({count_text(days, 'day')}, {summary.currency})",
        style="bold",
        markup=False,
    )
    for kind in ("detection", "report"):
        _print_kind(
            [one for one in assessments if one.kind == kind], kind, out=out, currency=summary.currency
        )
    _print_fixes(assessments, out=out)


def assessment_json(assessments: "Sequence[Assessment]") -> str:
    """Return a JSON list of assessments."""
    return rows_json([asdict(one) for one in assessments])


def _print_kind(assessments: "Sequence[Assessment]", kind: str, *, out: "Console", currency: str) -> None:
    with_charges = [one for one in assessments if one.state != "no charges"]
    ready = sum(one.state != "not evaluated" for one in with_charges)
    out.print()
    out.print(f"This bill supports {ready} of {len(assessments)} {kind}s", markup=False)
    columns = [
        Column(kind.capitalize()),
        Column("Evaluated"),
        Column("Findings", number=True),
        Column("Reason"),
    ]
    rows: list[list[Cell]] = [
        [
            one.id,
            [SHOWN[one.state]],
            "" if one.findings is None else f"{one.findings:,}",
            visible(_reason(one, currency)),
        ]
        for one in with_charges
    ]
    if kind == "report":
        columns, rows = [columns[0], columns[1], columns[3]], [[row[0], row[1], row[3]] for row in rows]
    print_grid(out, columns, rows)
    if without := [one.id for one in assessments if one.state == "no charges"]:
        out.print(
            f"These {kind}s have no charges to evaluate on this bill: {', '.join(without)}.",
            style="dim",
            markup=False,
        )


def _reason(one: "Assessment", currency: str) -> str:
    cost = f" ({money(one.not_evaluated_monthly_cost, currency)}/month)" if one.not_evaluated else ""
    return "; ".join(one.reasons) + cost


def _print_fixes(assessments: "Sequence[Assessment]", *, out: "Console") -> None:
    by_fix = defaultdict(set)
    for one in assessments:
        for fix in one.fixes:
            by_fix[fix].add(one.id)
    if not by_fix:
        return
    out.print()
    out.print("To enable more detections and reports:", style="bold")
    for number, (fix, ids) in enumerate(sorted(by_fix.items(), key=lambda item: -len(item[1])), 1):
        out.print(f"{number}. {visible(fix)}", markup=False, soft_wrap=True)
        out.print(f"   for {', '.join(sorted(ids))}", style="dim", markup=False)
