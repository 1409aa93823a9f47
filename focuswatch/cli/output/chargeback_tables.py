"""Print a chargeback on a terminal: each invoice by team, shared costs, and unallocated costs."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from focuswatch.cli.output.table_grid import Column, console, print_grid
from focuswatch.engines import Row
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.replace_control_characters import visible
from focuswatch.reports.chargeback import COLUMNS

UNALLOCATED, NOT_INVOICED = "(unallocated)", "(not invoiced)"
SHOWN = 20
BASIS = (
    "BilledCost by invoice, including credits, tax and refunds. The amounts in a row "
    "add up exactly to its total, and the row totals add up exactly to the invoice."
)
NO_INVOICE = (
    "(not invoiced): charges without an InvoiceId. Either AWS has not issued the invoice yet (amounts can still "
    "change), or the export uses FOCUS 1.0, which has no InvoiceId."
)


def print_chargeback(billing_period: date, *, teams: Sequence[Row], lines: Sequence[Row]) -> None:
    """Print the rows of `chargeback_files.team_rows_of` and `chargeback_files.line_rows`."""
    out = console()
    out.print(f"Chargeback {billing_period:%Y-%m}", style="bold", markup=False)
    out.print(BASIS, style="dim", markup=False)
    amounts = [*COLUMNS.values(), "total"]
    columns = [Column("invoice"), Column("currency"), Column("team")]
    cells = [_team_cells(row, amounts) for row in _with_totals(teams, amounts)]
    print_grid(out, [*columns, *(Column(name, number=True) for name in amounts)], cells)
    if any(row["invoice_id"] is None for row in teams):
        out.print(NO_INVOICE, markup=False)
    _print_lines(
        [row for row in lines if row["shared_cost"]],
        title="Shared costs",
        keys=["shared_cost", "split", "team"],
    )
    _print_lines(
        [row for row in lines if row["team"] is None],
        title="Unallocated",
        keys=["account", "service_name", "charge_kind"],
    )


def _with_totals(teams: Sequence[Row], amounts: Sequence[str]) -> list[Row]:
    """Return the rows, with a row of totals after each invoice that has several teams."""
    by_invoice: dict[tuple[str | None, str], list[Row]] = defaultdict(list)
    for row in teams:
        by_invoice[row["invoice_id"], row["currency"]].append(row)
    shown: list[Row] = []
    for rows in by_invoice.values():
        shown += [{**row, "team": row["team"] or UNALLOCATED} for row in rows]
        if len(rows) > 1:
            total = {name: sum((row[name] for row in rows), Decimal()) for name in amounts}
            shown.append({**rows[0], "team": "Total", **total})
    return shown


def _team_cells(row: Row, amounts: Sequence[str]) -> list[str]:
    texts = (row["invoice_id"] or NOT_INVOICED, row["currency"], row["team"])
    return [*map(visible, texts), *(_money(row[name]) for name in amounts)]


def _print_lines(lines: Sequence[Row], *, title: str, keys: Sequence[str]) -> None:
    """Print the sums of lines by `keys` and currency, the largest first."""
    if not lines:
        return
    sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for row in lines:
        named = {
            **row,
            "account": account_label(row["sub_account_name"], row["sub_account_id"]),
            "service_name": row["service_name"] or "(no service)",
            "team": row["team"] or UNALLOCATED,
        }
        sums[(*(visible(str(named[key] or "")) for key in keys), row["currency"])] += row["amount"]
    out = console()
    out.print(f"\n{title}", style="bold", markup=False)
    largest = sorted(sums, key=lambda key: (-abs(sums[key]), key))
    headings = [key.replace("_", " ").removesuffix(" name") for key in (*keys, "currency")]
    columns = [*map(Column, headings), Column("amount", number=True)]
    print_grid(out, columns, [[*key, _money(sums[key])] for key in largest[:SHOWN]])
    if len(largest) > SHOWN:
        out.print(
            f"{SHOWN} of {len(largest)} rows are shown. To see all rows, write the chargeback to files with --out.",
            markup=False,
        )


def _money(amount: Decimal) -> str:
    return f"{amount:,.2f}"
