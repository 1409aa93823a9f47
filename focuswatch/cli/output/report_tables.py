"""Print the rows of a report as a terminal table."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from focuswatch.catalog.sql_catalog import Report
from focuswatch.cli.output.amount_and_place_text import rounded
from focuswatch.cli.output.table_grid import Column, console, print_grid
from focuswatch.engines import Row
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.replace_control_characters import visible

UNNAMED = {"team": "(no team)", "account": "(no account)", "service_name": "(no service)"}
IDENTIFIERS = {"resource_id"}  # columns with values as long as an ARN


def print_report(
    report: Report,
    rows: Sequence[Row],
    *,
    currency: str,
    names: Mapping[str, str] | None = None,
    basis: str | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Print the rows of a report, the basis of its amounts, and notes. `names` maps account IDs to account names."""
    out = console()
    out.print(visible(f"{report.header.title} ({currency})"), style="bold", markup=False)
    out.print(visible(f"{basis or report.header.basis}."), style="dim", markup=False)
    for note in notes:
        out.print(visible(note), style="dim", markup=False)
    if not rows:
        out.print("No rows.")
        return
    rows = [_with_account(row, names=names or {}) for row in rows]
    shown_columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    columns = [
        Column(
            visible(name.replace("_", " ")),
            number=any(_is_number(row[name]) for row in rows),
            shortens=name in IDENTIFIERS,
        )
        for name in shown_columns
    ]
    cells = [[visible(_cell(name, row[name])) for name in shown_columns] for row in rows]
    print_grid(out, columns, cells)


def _with_account(row: Row, *, names: Mapping[str, str]) -> Row:
    """Return the row with the name and ID of the account combined in the column `account`."""
    if "sub_account_id" not in row:
        return row
    id = row["sub_account_id"]
    account = account_label(row.get("sub_account_name") or names.get(id or ""), id)
    return {
        ("account" if name == "sub_account_id" else name): (account if name == "sub_account_id" else value)
        for name, value in row.items()
        if name != "sub_account_name"
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(name: str, value: object) -> str:
    if isinstance(value, float | Decimal):
        return rounded(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if value is None:
        return UNNAMED.get(name, "")
    return str(value)
