"""`focuswatch check` and `focuswatch new`: validate the catalog, and create the files of a new detection."""

from pathlib import Path
from typing import Annotated

import typer


def check(
    id: Annotated[
        str | None,
        typer.Argument(
            help="Check only this detection. [default: all detections and reports]", show_default=False
        ),
    ] = None,
) -> None:
    """Check the headers, SQL, columns and test cases of detections.

    \b
    focuswatch check
    focuswatch check idle_sagemaker_endpoint
    """
    from focuswatch.authoring.check_catalog_sql_and_cases import problems
    from focuswatch.authoring.detection_cases import CASES_FOLDER
    from focuswatch.catalog.sql_catalog import ROOT

    other = Path("athena_sql").resolve()
    if other.is_dir() and other != ROOT:
        typer.echo(
            f"Note: this command checks the SQL files of the installed focuswatch, not the files in "
            f"{other}. To check {other}, run `make setup` in that checkout, then `.venv/bin/focuswatch check`."
        )
    broken = problems(only=id, progress=lambda text: typer.echo(text, err=True))
    for problem in broken:
        typer.echo(problem, err=True)
    result = f"{len(broken)} problem{'s' * (len(broken) != 1)}" if broken else "no problems"
    cases = (
        ""
        if CASES_FOLDER.exists()
        else " (headers, SQL and columns only; test cases require a source checkout)"
    )
    typer.echo(f"Checked {f'{id} in ' if id else ''}{ROOT}{cases}: {result}.")
    if broken:
        raise typer.Exit(1)


def new(
    name: Annotated[str, typer.Argument(help="ID of the new detection, in snake_case.")],
    into: Annotated[
        Path, typer.Option(help="Root folder of the focuswatch checkout.", file_okay=False)
    ] = Path(),
) -> None:
    """Create the SQL file and the test cases for a new detection.

    `focuswatch check` fails until you complete the SQL file and the test cases.

    \b
    focuswatch new forgotten_nat_gateway
    """
    from focuswatch.authoring.write_new_detection_from_template import write_new_detection

    for path in write_new_detection(name, into=into):
        typer.echo(path)
