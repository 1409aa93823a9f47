"""Options that several verbs share, and what they stand for."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from focuswatch.engines.trino_server import SignIn

if TYPE_CHECKING:
    from focuswatch.catalog.catalog import Catalog
    from focuswatch.ledger import Ledger

Export = Annotated[
    str,
    typer.Argument(
        help="Folder, file or s3:// of FOCUS data: as Data Exports delivers it, or any Parquet, CSV or CSV.gz."
    ),
]
MaybeExport = Annotated[
    str | None, typer.Argument(help="The export; without it, the one scanned last.", show_default=False)
]
State = Annotated[
    Path | None,
    typer.Option(
        help="Where state is kept, a folder for each export. [default: the user's data folder]",
        show_default=False,
    ),
]
LedgerFile = Annotated[
    Path | None,
    typer.Option("--ledger", help="The ledger's file. [default: in the state]", show_default=False),
]
LedgerPlace = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        help="The ledger: a file, or dynamodb://TABLE of a deployment. [default: in the state]",
        show_default=False,
    ),
]
AsOf = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="The first day not looked at. [default: the day after the last charge]",
        show_default=False,
    ),
]
Activity = Annotated[
    Path | None,
    typer.Option(help="Parquet or CSV of what resources did, from CloudWatch.", show_default=False),
]
Accounts = Annotated[
    Path | None, typer.Option(help="Parquet or CSV of accounts: names, OUs, tags.", show_default=False)
]
OwnersFile = Annotated[
    Path | None, typer.Option("--owners", help="owners.toml: teams and what they own.", show_default=False)
]


class EngineName(StrEnum):
    """What runs the SQL of a verb that somebody starts by hand."""

    DUCKDB = "duckdb"
    TRINO = "trino"


Engine = Annotated[EngineName, typer.Option(help="What runs the SQL.")]
TrinoServer = Annotated[
    str | None,
    typer.Option(
        "--trino",
        envvar="FOCUSWATCH_TRINO",
        help="With --engine trino: https://USER@HOST:PORT/CATALOG/SCHEMA, the schema for focuswatch's tables; "
        "EXPORT is then the table that holds the export.",
        show_default=False,
    ),
]
TrinoSignIn = Annotated[
    SignIn,
    typer.Option(
        "--trino-auth",
        help="How to sign in there; secrets are TRINO_PASSWORD, TRINO_JWT, TRINO_CERTIFICATE, TRINO_CERTIFICATE_KEY.",
    ),
]


class ScanFormat(StrEnum):
    """How a scan prints."""

    TABLE = "table"
    JSON = "json"
    SLACK = "slack"


class ListFormat(StrEnum):
    """How what is known is listed; a message to Slack is for news."""

    TABLE = "table"
    JSON = "json"


class ReportFormat(StrEnum):
    """How a report prints."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class SplitBy(StrEnum):
    """What a report can be split by."""

    TEAM = "team"
    USE_CASE = "use_case"
    INTENT = "intent"


class SeverityName(StrEnum):
    """Severities, mildest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


def day(given: datetime | None) -> date | None:
    """The date of a date option."""
    return given.date() if given else None


def ledger_path(given: Path | None, *, state: Path) -> Path:
    """The ledger's file: what was given, else in the export's state."""
    return given or state / "ledger.db"


DYNAMODB = "dynamodb://"


@contextmanager
def known_ledger(given: str | None, *, export: str | None, state: Path | None) -> "Iterator[Ledger]":
    """The ledger of an export that was scanned before, or of a deployment. Raises ConfigError where there is none."""
    from focuswatch.bill.remembered_inputs import load_last_export, state_of
    from focuswatch.errors import ConfigError
    from focuswatch.ledger import SqliteLedger

    if given and given.startswith(DYNAMODB):
        with _deployed_ledger(given.removeprefix(DYNAMODB)) as deployed:
            yield deployed
        return
    path = (
        Path(given)
        if given
        else state_of(export or load_last_export(root=state).export, root=state) / "ledger.db"
    )
    if not path.exists():
        raise ConfigError(
            f"There is no ledger at {path}; scan the export first, or name its ledger with --ledger."
        )
    ledger = SqliteLedger(path)
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def _deployed_ledger(table: str) -> "Iterator[Ledger]":
    """The ledger in a table, with the caller's own credentials and region."""
    from focuswatch.errors import ConfigError, LedgerError

    try:
        import boto3
        from botocore.exceptions import BotoCoreError, ClientError

        from focuswatch.ledger.dynamodb_ledger import DynamoLedger
    except ModuleNotFoundError as error:
        raise ConfigError("A deployment's ledger needs pip install 'focuswatch[aws]'.") from error
    try:
        yield DynamoLedger(boto3.resource("dynamodb").Table(table))
    except (ClientError, BotoCoreError) as error:
        raise LedgerError(
            f"{DYNAMODB}{table} cannot be used: {error}; are credentials and region the pipeline's?"
        ) from error


def note_unfinished(catalog: "Catalog") -> None:
    """Print a note to stderr that names the unfinished detections, which are left out."""
    if catalog.unfinished:
        names = ", ".join(catalog.unfinished)
        typer.echo(f"Note: skipped unfinished detections: {names}. Run focuswatch check.", err=True)
