"""The types of options and arguments that several commands share, with their help texts."""

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from focuswatch.engines.parse_trino_address_and_connect import SignIn

DAY = "YYYY-MM-DD"
MONTH = "YYYY-MM"


def parse_day(text: str) -> date:
    """Return the date of a `YYYY-MM-DD` option. Raises BadParameter."""
    return _parse(text, "%Y-%m-%d", kind="date", expected=DAY)


def parse_month(text: str) -> date:
    """Return the first day of a `YYYY-MM` option. Raises BadParameter."""
    return _parse(text, "%Y-%m", kind="month", expected=MONTH)


def _parse(text: str, format: str, *, kind: str, expected: str) -> date:
    try:
        return datetime.strptime(text, format).date()
    except ValueError:
        raise typer.BadParameter(f"'{text}' is not a {kind}. Enter the {kind} as {expected}.") from None


Export = Annotated[
    str,
    typer.Argument(
        help="FOCUS export: a folder, file or s3:// URI from AWS Data Exports, or any FOCUS data as Parquet, CSV "
        "or CSV.gz."
    ),
]
MaybeExport = Annotated[
    str | None,
    typer.Argument(help="Export to use. [default: the most recently scanned export]", show_default=False),
]
OtherExports = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[OTHERS]...",
        help="Other exports to analyze together with the first export. See docs/providers.md.",
        show_default=False,
    ),
]
ExportOption = Annotated[
    str | None,
    typer.Option(
        "--export", help="Export to use. [default: the most recently scanned export]", show_default=False
    ),
]
State = Annotated[
    Path | None,
    typer.Option(
        help="Folder in which focuswatch stores its state, with one subfolder per export. [default: the user "
        "data folder of the operating system]",
        show_default=False,
    ),
]
LedgerFile = Annotated[
    str | None,
    typer.Option(
        "--ledger", help="Path to the ledger file. [default: in the state folder]", show_default=False
    ),
]
LedgerLocation = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        help="Path to the ledger file, or dynamodb://TABLE for the ledger of a deployment. [default: in the "
        "state folder]",
        show_default=False,
    ),
]
AsOf = Annotated[
    date | None,
    typer.Option(
        parser=parse_day,
        metavar=DAY,
        help="Analyze charges before this date. [default: the day after the last charge]",
        show_default=False,
    ),
]
Activity = Annotated[
    Path | None,
    typer.Option(help="Parquet or CSV file with daily CloudWatch metrics of resources.", show_default=False),
]
Accounts = Annotated[
    Path | None,
    typer.Option(
        help="Parquet or CSV file with the names, OUs and tags of accounts, and the period in which each row is valid.",
        show_default=False,
    ),
]
Links = Annotated[
    Path | None,
    typer.Option(
        help="Parquet or CSV file that links AI resources to the resources that they use.", show_default=False
    ),
]
Recommendations = Annotated[
    Path | None,
    typer.Option(
        help="Parquet or CSV file with recommendations, exported from AWS Cost Optimization Hub.",
        show_default=False,
    ),
]
Principals = Annotated[
    Path | None,
    typer.Option(
        help="CUR 2.0 export that lists the IAM principals that call Amazon Bedrock, as Parquet or CSV. See "
        "docs/attribution.md.",
        show_default=False,
    ),
]
Invocations = Annotated[
    Path | None,
    typer.Option(
        help="Parquet or CSV file with token counts by caller and request metadata, from model invocation logs. "
        "See docs/executions.md.",
        show_default=False,
    ),
]
TokenHours = Annotated[
    Path | None,
    typer.Option(
        help="Parquet or CSV file with Bedrock token counts by hour, from CloudWatch. See docs/spend-rate.md.",
        show_default=False,
    ),
]
Events = Annotated[
    Path | None,
    typer.Option(
        help="Parquet, CSV or JSON Lines file with deployments, alarms and other events.", show_default=False
    ),
]
OwnersFile = Annotated[
    Path | None,
    typer.Option(
        "--owners",
        help="Path to owners.toml, which lists teams and the accounts, tags and OUs of each team.",
        show_default=False,
    ),
]


class EngineName(StrEnum):
    """The SQL engines of the command line."""

    DUCKDB = "duckdb"
    TRINO = "trino"


Engine = Annotated[EngineName, typer.Option(help="Engine that runs the SQL.")]
TrinoServer = Annotated[
    str | None,
    typer.Option(
        "--trino",
        envvar="FOCUSWATCH_TRINO",
        help="Address of Trino: https://USER@HOST:PORT/CATALOG/SCHEMA. focuswatch creates its tables in this schema. "
        "With --engine trino, EXPORT is the name of the table that contains the FOCUS export.",
        show_default=False,
    ),
]
TrinoSignIn = Annotated[
    SignIn,
    typer.Option(
        "--trino-auth",
        help="Sign-in method for Trino. focuswatch reads secrets from TRINO_PASSWORD, TRINO_JWT, "
        "TRINO_CERTIFICATE and "
        "TRINO_CERTIFICATE_KEY.",
    ),
]


class ScanFormat(StrEnum):
    """Output formats of a scan."""

    TABLE = "table"
    JSON = "json"
    SLACK = "slack"


class ListFormat(StrEnum):
    """Output formats of commands that do not write CSV."""

    TABLE = "table"
    JSON = "json"


class CostName(StrEnum):
    """Cost columns of FOCUS that a report can sum."""

    EFFECTIVE = "effective"
    BILLED = "billed"


class ReportFormat(StrEnum):
    """Output formats of a report."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"


class SplitBy(StrEnum):
    """The dimensions that a report can be split by."""

    TEAM = "team"
    USE_CASE = "use_case"
    INTENT = "intent"
    PROVIDER = "provider"


class SeverityName(StrEnum):
    """Severities, lowest first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"
