"""`focuswatch doctor`: check a deployment, and print how to fix each problem."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.request import Request

import typer

if TYPE_CHECKING:
    from focuswatch.operations.doctor import Check

SIGNS = {"ok": "[green]ok[/]", "noted": "[yellow]noted[/]", "failed": "[bold red]failed[/]"}
TIMEOUT_SECONDS = 20


class DoctorFormat(StrEnum):
    """Output formats of `focuswatch doctor`."""

    TABLE = "table"
    JSON = "json"


def doctor(
    config: Annotated[Path, typer.Option(help="Path to deployment.toml.")] = Path("config/deployment.toml"),
    format: Annotated[DoctorFormat, typer.Option(help="Output format.")] = DoctorFormat.TABLE,
) -> None:
    """Check a deployment, and show how to fix each problem.

    Checks the delivery of the bill, tables, runs of Lambda functions, access to accounts, and secrets. Exits
    with code 1 if a check fails.

    \b
    AWS_PROFILE=pipeline focuswatch doctor
    focuswatch doctor --config config/deployment.toml --format json
    """
    import json
    from datetime import UTC, datetime

    from focuswatch.errors import ConfigError
    from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment

    deployment = Deployment.load(config)
    try:
        import boto3

        from focuswatch.operations.doctor import run_doctor
    except ImportError as error:
        raise ConfigError(
            "focuswatch doctor requires the AWS libraries. Install the libraries with: pip install 'focuswatch[aws]'"
        ) from error
    checks = list(run_doctor(deployment, session=boto3.Session(), now=datetime.now(UTC), http_get=_http_get))
    if format is DoctorFormat.JSON:
        typer.echo(json.dumps([_as_json(check) for check in checks], indent=2, ensure_ascii=False))
    else:
        _print_table(checks)
    if any(check.state == "failed" for check in checks):
        raise typer.Exit(1)


def _as_json(check: "Check") -> dict[str, str]:
    """Return the check's fields; `mend` is the former name of `fix`, kept for one version."""
    import dataclasses

    return {**dataclasses.asdict(check), "mend": check.fix}


def _print_table(checks: "list[Check]") -> None:
    from rich import box
    from rich.markup import escape
    from rich.table import Table

    from focuswatch.cli.output.table_grid import console

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in ("Check", "Result", "Details"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        fix = f"\n[bold]{escape(check.fix)}[/]" if check.fix else ""
        table.add_row(check.name, SIGNS[check.state], escape(check.found) + fix)
    console().print(table)


def _http_get(request: Request) -> tuple[int, bytes]:
    from urllib.error import HTTPError
    from urllib.request import urlopen

    try:
        with urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            return answer.status, answer.read()
    except HTTPError as error:
        return error.code, error.read()
