"""`focuswatch demo`: simulate an organization's bill, scan the bill, and write the report page."""

import os
import shutil
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import open_ledger_and_find_entry, write_page_command
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions

if TYPE_CHECKING:
    from focuswatch.engines import Row
    from focuswatch.simulate import Simulated

MOST_FINDINGS = 10  # fits on one screen together with the totals


def demo(
    out: Annotated[
        Path,
        typer.Option(
            help="Folder for the demo files. Files from an earlier demo in this folder are replaced.",
            file_okay=False,
        ),
    ] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Random seed. Each seed simulates a different organization.")] = 1,
) -> None:
    """Simulate an organization's bill, and scan this bill.

    The demo does not require an AWS account, and writes all files to one folder.

    \b
    focuswatch demo
    """
    from focuswatch.cli.output.next_command_with_ledger_options import NextCommand
    from focuswatch.cli.output.scan_tables import print_top_findings
    from focuswatch.cli.scan_command import scan_and_notify

    _clear(out)
    simulated = _simulate(out / "organization", seed=seed)
    state, command = out / "state", _command()
    bill_options = BillOptions(
        export=str(simulated.export),
        activity=simulated.activity,
        principals=simulated.principals,
        invocations=simulated.invocations,
        recommendations=simulated.recommendations,
        events=simulated.events,
        token_hours=simulated.token_hours,
        accounts=simulated.accounts,
        owners=simulated.owners,
        state=state,
    )
    with scan_and_notify(bill_options) as (scanned, refreshed):
        ai_spend, address = _write_page(bill_options, out=out / "page.html")
        print_top_findings(scanned, most=MOST_FINDINGS, next_command=NextCommand(state, program=command))
    _print_ai_share(ai_spend, refreshed.currency)
    typer.echo(f"Page: {address}")
    typer.echo(f"Simulated bill, owners and planted incidents: {simulated.export.parent}")
    typer.echo(f"Scan your own bill: {command} scan YOUR_EXPORT")


def _simulate(folder: Path, *, seed: int) -> "Simulated":
    from focuswatch.cli.progress_and_notes import progress_line
    from focuswatch.simulate import simulate

    with progress_line() as line:
        return simulate(folder, seed=seed, progress=lambda step, share: line.progress(f"{step} {share:.0%}"))


def _write_page(bill_options: BillOptions, *, out: Path) -> "tuple[list[Row], str]":
    """Write the report page of a scanned bill. Return the rows of the report `ai_spend`, and the URL of the page."""
    from focuswatch.cli.open_given_or_last_scanned_export import open_export
    from focuswatch.cli.progress_and_notes import progress_line
    from focuswatch.reports.query_report_rows import report_rows

    with open_export(bill_options) as opened, progress_line() as line:
        line.progress("Writing the report page")
        bill, catalog, owners = opened.bill, opened.catalog, opened.owners
        rows = report_rows(catalog.report("ai_spend"), engine=bill.engine, as_of=bill.as_of, owners=owners)
        with open_ledger_and_find_entry.open_ledger(
            None, export=opened.name, state=bill_options.state
        ) as ledger:
            address = write_page_command.write_page(
                bill, ledger=ledger, catalog=catalog, owners=owners, out=out
            )
    return rows, address


def _command() -> str:
    """Return the command to type: `focuswatch`, or its path if the virtual environment is not active."""
    return "focuswatch" if shutil.which("focuswatch") else os.path.relpath(sys.argv[0])


def _clear(out: Path) -> None:
    from focuswatch.errors import ConfigError

    marker = out / ".focuswatch-demo"
    if out.exists() and any(out.iterdir()) and not marker.exists():
        raise ConfigError(
            f"{out} contains files that the demo did not create. Choose another folder with --out."
        )
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    marker.touch()


def _print_ai_share(rows: "list[Row]", currency: str) -> None:
    from focuswatch.cli.output.amount_and_place_text import money

    total = sum((Decimal(str(row["effective_cost"])) for row in rows), Decimal(0))
    bedrock = sum((Decimal(str(row["seen_by_bedrock_filter"])) for row in rows), Decimal(0))
    share = bedrock / total if total else Decimal(0)
    typer.echo(
        f"AI spend in the last 30 complete days: {money(total, currency)}, of which "
        f"{money(bedrock, currency)} ({share:.0%}) is billed under the service name Amazon Bedrock."
    )
