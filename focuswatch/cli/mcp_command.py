"""`focuswatch mcp`: serve findings, reports and root causes to AI agents over the Model Context Protocol."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions, takes

if TYPE_CHECKING:
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.mcp_server.source_protocol import Source


@takes(BillOptions)
def mcp(
    bill_options: BillOptions,
    deployment: Annotated[
        Path | None,
        typer.Option(
            help="Path to deployment.toml. The server then reads the ledger and the Athena tables of this "
            "deployment.",
            show_default=False,
        ),
    ] = None,
    allow_write: Annotated[
        bool,
        typer.Option(
            "--allow-write",
            help="Also offer the tools snooze, exclude and acknowledge, which write to the ledger.",
        ),
    ] = False,
    author: Annotated[
        str | None,
        typer.Option(
            help="Your name, required with --allow-write. The ledger records the author of each change as "
            "'NAME via MCP'.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve findings and reports to AI agents (MCP).

    An AI agent starts this command, and calls its tools over stdin and stdout. All tools are read-only,
    unless you pass --allow-write. The server marks text from the bill as data.

    \b
    focuswatch mcp
    focuswatch mcp ./focus --owners owners.toml
    focuswatch mcp --deployment config/deployment.toml
    focuswatch mcp --allow-write --author "Ana Lima"
    """
    from focuswatch.catalog.sql_catalog import Catalog
    from focuswatch.errors import ConfigError

    if allow_write and not (author or "").strip():
        raise ConfigError(
            "--allow-write requires --author. Specify your name, which the ledger records with each change."
        )
    if author and not allow_write:
        raise ConfigError("--author requires --allow-write. Add --allow-write, or omit --author.")
    try:
        from focuswatch.mcp_server.build_server import build_server
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("mcp"):
            raise
        raise ConfigError(
            "focuswatch mcp requires the MCP library. Install the library with: pip install 'focuswatch[mcp]'"
        ) from error
    catalog = Catalog.load()
    source = _source(bill_options, deployment=deployment, catalog=catalog)
    build_server(source, catalog=catalog, author=author).run("stdio")


def _source(bill_options: BillOptions, *, deployment: Path | None, catalog: "Catalog") -> "Source":
    from focuswatch.cli.mcp_scan_or_deployment_source import ScanSource, deployment_source
    from focuswatch.errors import ConfigError

    if deployment is None:
        return ScanSource(bill_options, catalog)
    if bill_options != BillOptions(owners=bill_options.owners):
        raise ConfigError(
            "--deployment determines the ledger and the bill. The only other input option that you can use with "
            "--deployment is --owners. Omit all other input options."
        )
    return deployment_source(deployment, owners=bill_options.owners, catalog=catalog)
