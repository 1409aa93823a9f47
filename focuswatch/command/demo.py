"""`focuswatch demo`: simulate, scan, report, draw: what focuswatch finds, without a bill of your own."""

import os
import shutil
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.command import options, page

if TYPE_CHECKING:
    from focuswatch.engine import Row


def demo(
    out: Annotated[
        Path, typer.Option(help="Folder for the organisation; it is made anew.", file_okay=False)
    ] = Path("demo"),
    seed: Annotated[int, typer.Option(help="Another seed, another organisation.")] = 1,
) -> None:
    """Simulate an organisation's bill and scan it.

    \b
    focuswatch demo
    """
    from focuswatch import show
    from focuswatch.bill import Inputs, open_bill, state_of
    from focuswatch.catalog import Catalog
    from focuswatch.command.scan import notifying
    from focuswatch.command.talk import talking
    from focuswatch.owners import Owners
    from focuswatch.report import rows_of
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
    ) as (scanned, refreshed):  # fmt: skip
        show.table.scanned(scanned, refreshed)
    catalog, owners = Catalog.load(), Owners.load(made.owners)
    inputs = Inputs(
        export, state=state_of(export, root=state), activity=made.activity, accounts=made.accounts
    )
    with talking() as talk, open_bill(inputs, catalog=catalog, owners=owners, say=talk.progress) as bill:
        rows = rows_of(catalog.report("ai_spend"), engine=bill.engine, as_of=bill.as_of, owners=owners)
        talk.progress("Drawing the page")
        with options.known_ledger(None, export=export, state=state) as kept:
            address = page.write(bill, ledger=kept, catalog=catalog, owners=owners, out=out / "page.html")
    _ai_against_filter(rows, refreshed.currency)
    command = (
        "focuswatch" if shutil.which("focuswatch") else os.path.relpath(sys.argv[0])
    )  # of a venv not entered
    typer.echo(f"\nThe bill, its truth and the ledger are in {out}/. Next:")
    typer.echo(f"  {command} findings --state {state}")
    typer.echo(f"  {command} report ai_spend_by_layer --state {state}")
    typer.echo(f"  {command} scan YOUR_EXPORT")
    typer.echo(f"\nThe page: {address}")


def _clear(out: Path) -> None:
    from focuswatch.errors import ConfigError

    marker = out / ".focuswatch-demo"
    if out.exists() and any(out.iterdir()) and not marker.exists():
        raise ConfigError(f"{out} holds something that is not a demo; name another folder with --out.")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    marker.touch()


def _ai_against_filter(rows: "list[Row]", currency: str) -> None:
    from focuswatch.show.table import amount

    total = sum((Decimal(str(row["effective_cost"])) for row in rows), Decimal(0))
    seen = sum((Decimal(str(row["seen_by_bedrock_filter"])) for row in rows), Decimal(0))
    share = seen / total if total else Decimal(0)
    typer.echo(
        f"\nAI cost {amount(total, currency)} in the last 30 days. "
        f"A filter on Amazon Bedrock shows {amount(seen, currency)}, {share:.0%} of it."
    )
