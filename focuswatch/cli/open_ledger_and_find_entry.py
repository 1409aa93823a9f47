"""Open the ledger for a command (a SQLite file, or the DynamoDB table of a deployment), and find one entry in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions, LedgerOptions

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from focuswatch.ledger import Ledger, LedgerEntry

DYNAMODB = "dynamodb://"


def ledger_path(ledger: str | None, *, state: Path) -> Path:
    """Return the path of a scan's ledger file, by default in `state`. Raises ConfigError for a deployment's ledger."""
    from focuswatch.errors import ConfigError

    if ledger and ledger.startswith(DYNAMODB):
        raise ConfigError(
            f"--ledger {ledger}: focuswatch scan cannot write to the ledger of a deployment. Specify the "
            "path of a ledger file, or omit --ledger."
        )
    return Path(ledger) if ledger else state / "ledger.db"


@contextmanager
def open_ledger(ledger: str | None, *, export: str | None, state: Path | None) -> Iterator["Ledger"]:
    """Open the ledger of a scanned export or of a deployment. Raises ConfigError if the ledger does not exist."""
    from focuswatch.bill.remember_and_recall_inputs_of_last_scan import load_last_export
    from focuswatch.bill.state_folder import state_of
    from focuswatch.errors import ConfigError
    from focuswatch.ledger import SqliteLedger

    if ledger and ledger.startswith(DYNAMODB):
        with _deployed_ledger(ledger.removeprefix(DYNAMODB)) as deployed:
            yield deployed
        return
    path = (
        Path(ledger)
        if ledger
        else state_of(export or load_last_export(root=state).export, root=state) / "ledger.db"
    )
    if not path.exists():
        raise ConfigError(
            f"There is no ledger at {path}. Scan the export first, or specify an existing ledger with --ledger."
        )
    opened = SqliteLedger(path)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def _deployed_ledger(table: str) -> Iterator["Ledger"]:
    """Open the ledger in a DynamoDB table, with the caller's own credentials and region."""
    from focuswatch.errors import ConfigError, LedgerError

    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        from focuswatch.ledger.dynamodb_ledger import DynamoLedger
    except ModuleNotFoundError as error:
        raise ConfigError(
            "To read the ledger of a deployment, install the AWS libraries with: pip install 'focuswatch[aws]'"
        ) from error
    try:
        yield DynamoLedger(boto3.resource("dynamodb").Table(table))
    except (ClientError, BotoCoreError) as error:
        raise LedgerError(
            f"{DYNAMODB}{table} cannot be read: {error}. Check that your credentials are for the pipeline account, "
            "and that your AWS Region is the Region of the deployment."
        ) from error


Fingerprint = Annotated[str, typer.Argument(help="Fingerprint of the finding, or its first characters.")]


def entry_of(ledger: "Ledger", prefix: str, options: LedgerOptions | BillOptions) -> "LedgerEntry":
    """Return the entry whose fingerprint starts with `prefix`. Raises LedgerError if no or several entries match.

    `options` are those of the command that selected the ledger.
    """
    from focuswatch.ledger.find_entry import find_entry

    return find_entry(ledger, prefix, listing=f"run {next_ledger_command('findings --all', options)}")


def next_ledger_command(arguments: str, options: LedgerOptions | BillOptions) -> str:
    """Return a command to run next, with the options that select the same ledger."""
    from focuswatch.cli.output.next_command_with_ledger_options import NextCommand

    return NextCommand(options.state, options.ledger, scanned_export(options)).text(arguments)


def scanned_export(options: LedgerOptions | BillOptions) -> str | None:
    """Return the name of the export whose ledger the options select; None for the most recently scanned export."""
    from focuswatch.cli.open_bill_on_duckdb_or_trino import export_name

    trino = options.trino_location if isinstance(options, BillOptions) else None
    return export_name(options.export, trino) if options.export else None


def open_ledger_of(options: LedgerOptions | BillOptions) -> "AbstractContextManager[Ledger]":
    """Open the ledger that the options select."""
    return open_ledger(options.ledger, export=scanned_export(options), state=options.state)
