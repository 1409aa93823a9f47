"""`focuswatch simulate`: an invented organisation's export, with planted incidents and the truth beside it."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Grain(StrEnum):
    """How long a charge period is."""

    DAILY = "daily"
    HOURLY = "hourly"


class FileFormat(StrEnum):
    """How the export's files are written."""

    PARQUET = "parquet"
    CSV = "csv"


def simulate(
    out: Annotated[Path, typer.Argument(help="Folder to write into; it is made.", file_okay=False)],
    accounts: Annotated[int, typer.Option(help="Accounts of the organisation.", min=40)] = 40,
    days: Annotated[int, typer.Option(help="Days of bill.", min=60, max=800)] = 120,
    rows: Annotated[
        int | None, typer.Option(help="About so many charges in all.", min=1, show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed, another organisation.")] = 1,
    grain: Annotated[Grain, typer.Option(help="Daily or hourly charges.")] = Grain.DAILY,
    end: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The day after the last charge.", show_default=False),
    ] = None,
    file_format: Annotated[
        FileFormat, typer.Option("--format", help="Parquet, or CSV.gz.")
    ] = FileFormat.PARQUET,
) -> None:
    """Write the simulated FOCUS 1.2 export of an organization.

    Beside it truth.json says what was planted.

    \b
    focuswatch simulate ./organisation
    focuswatch simulate ./large --rows 10000000 --grain hourly --seed 7
    """
    from focuswatch.cli.progress import talking
    from focuswatch.simulate import DEFAULT_END
    from focuswatch.simulate import simulate as write

    if out.exists() and any(out.iterdir()):
        from focuswatch.errors import ConfigError

        raise ConfigError(
            f"{out} is not empty; name a new folder, so that nothing is mixed with what lies there."
        )
    with talking() as talk:
        made = write(
            out, accounts=accounts, days=days, rows=rows, seed=seed, grain=grain.value,
            end=end.date() if end else DEFAULT_END, file_format=file_format.value,
            progress=lambda what, share: talk.progress(f"{what} {share:.0%}"),
        )  # fmt: skip
    typer.echo(f"{made.rows:,} charges of {accounts} accounts over {days} days, as of {made.as_of}")
    for name, path in {
        "export": made.export, "activity": made.activity, "accounts": made.accounts, "owners": made.owners,
        "truth": made.truth,
    }.items():  # fmt: skip
        typer.echo(f"  {name:9} {path}")
    typer.echo(
        f"{made.incidents} incidents planted, and {made.hard_negatives} things that only look like one."
    )
