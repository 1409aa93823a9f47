"""`focuswatch demo`: simulate, scan, report, draw: what focuswatch finds, without a bill of your own."""

import os
import shutil
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli import options, page_command

if TYPE_CHECKING:
    from focuswatch.engines import Row

MOST_FINDINGS = 10  # what fits a screen


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the organisation; it is made anew.", file_okay=False)
    ] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Another seed, another organisation.")] = 1,
) -> None:
    """Simulate an organization's bill and scan it.

    \b
    focuswatch demo
    """
    from focuswatch.bill.bill import BillInputs
    from focuswatch.bill.local_bill import open_local_bill
    from focuswatch.bill.remembered_inputs import state_of
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.cli.output import tables
    from focuswatch.cli.progress import talking
    from focuswatch.cli.scan_command import notifying
    from focuswatch.detect.result_cache import open_result_cache
    from focuswatch.owners.owners_file import Owners
    from focuswatch.reports.run_report import rows_of
    from focuswatch.simulate import simulate

    _clear(out)
    with talking() as talk:
        made = simulate(
            out / "organisation", seed=seed, progress=lambda what, share: talk.progress(f"{what} {share:.0%}")
        )
    state, export = out / "state", str(made.export)
    with notifying(
        export, as_of=None, activity=made.activity, accounts=made.accounts, owners=made.owners, only=None,
        ledger=None, state=state,
    ) as (scanned, summary):  # fmt: skip
        catalog, owners = Catalog.load(), Owners.load(made.owners)
        inputs = BillInputs(
            export, state=state_of(export, root=state), activity=made.activity, accounts=made.accounts
        )
        with (
            talking() as talk,
            open_local_bill(inputs, catalog=catalog, owners=owners, progress=talk.progress) as bill,
        ):
            rows = rows_of(catalog.report("ai_spend"), engine=bill.engine, as_of=bill.as_of, owners=owners)
            talk.progress("Drawing the page")
            with options.known_ledger(None, export=export, state=state) as kept:
                address = page_command.write(
                    bill,
                    ledger=kept,
                    catalog=catalog,
                    owners=owners,
                    out=out / "page.html",
                    results=open_result_cache(inputs.state, catalog=catalog, data_digest=bill.data_digest),
                )
        tables.top(scanned, most=MOST_FINDINGS, state=state, command=_command())
    _ai_against_filter(rows, summary.currency)
    typer.echo(f"Bill, ledger and planted truth: {out}/. Your own bill: {_command()} scan YOUR_EXPORT")
    typer.echo(f"The page: {address}")


def _command() -> str:
    """Return how to call this command; it may be in a virtual environment that is not active."""
    return "focuswatch" if shutil.which("focuswatch") else os.path.relpath(sys.argv[0])


def _clear(out: Path) -> None:
    from focuswatch.errors import ConfigError

    marker = out / ".focuswatch-demo"
    if out.exists() and any(out.iterdir()) and not marker.exists():
        raise ConfigError(f"{out} holds something that is not a demo; name another folder with --out.")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    marker.touch()


def _ai_against_filter(rows: "list[Row]", currency: str) -> None:
    from focuswatch.cli.output.tables import amount

    total = sum((Decimal(str(row["effective_cost"])) for row in rows), Decimal(0))
    seen = sum((Decimal(str(row["seen_by_bedrock_filter"])) for row in rows), Decimal(0))
    share = seen / total if total else Decimal(0)
    typer.echo(
        f"AI usage cost {amount(total, currency)} in the last 30 days; "
        f"a filter on Amazon Bedrock shows {amount(seen, currency)}, {share:.0%}."
    )
