"""`focuswatch simulate`: write a simulated FOCUS export of an organization, with planted incidents."""

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from focuswatch.cli.shared_option_types import DAY, parse_day


class Grain(StrEnum):
    """Lengths of a charge period."""

    DAILY = "daily"
    HOURLY = "hourly"


class FileFormat(StrEnum):
    """File formats of an export."""

    PARQUET = "parquet"
    CSV = "csv"


def simulate(
    out: Annotated[Path, typer.Argument(help="New or empty folder to write to.", file_okay=False)],
    accounts: Annotated[int, typer.Option(help="Number of simulated accounts.", min=40)] = 40,
    days: Annotated[int, typer.Option(help="Number of days on the simulated bill.", min=60, max=800)] = 120,
    rows: Annotated[
        int | None, typer.Option(help="Approximate number of charges.", min=1, show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Random seed. Each seed simulates a different organization.")] = 1,
    grain: Annotated[Grain, typer.Option(help="Length of a charge period.")] = Grain.DAILY,
    end: Annotated[
        date | None,
        typer.Option(
            parser=parse_day, metavar=DAY, help="The day after the last charge.", show_default=False
        ),
    ] = None,
    file_format: Annotated[
        FileFormat, typer.Option("--format", help="File format. CSV files are compressed with gzip.")
    ] = FileFormat.PARQUET,
) -> None:
    """Write a simulated FOCUS 1.2 export of an organization.

    The file truth.json lists the incidents that the simulated bill contains.

    \b
    focuswatch simulate ./organization
    focuswatch simulate ./large --rows 10000000 --grain hourly --seed 7
    """
    from focuswatch.cli.progress_and_notes import progress_line
    from focuswatch.simulate import DEFAULT_END
    from focuswatch.simulate import simulate as write

    if out.exists() and any(out.iterdir()):
        from focuswatch.errors import ConfigError

        raise ConfigError(f"{out} is not empty. Choose a new or empty folder.")
    with progress_line() as line:
        written = write(
            out,
            accounts=accounts,
            days=days,
            rows=rows,
            seed=seed,
            grain=grain.value,
            end=end or DEFAULT_END,
            file_format=file_format.value,
            progress=lambda step, share: line.progress(f"{step} {share:.0%}"),
        )
    typer.echo(f"{written.rows:,} charges for {accounts} accounts over {days} days, as of {written.as_of}")
    for name, path in {
        "export": written.export,
        "activity": written.activity,
        "accounts": written.accounts,
        "owners": written.owners,
        "recommendations": written.recommendations,
        "principals": written.principals,
        "events": written.events,
        "invocations": written.invocations,
        "token hours": written.token_hours,
        "truth": written.truth,
    }.items():
        typer.echo(f"  {name:15} {path}")
    typer.echo(
        f"The bill contains {written.incidents} incidents, and {written.hard_negatives} harmless "
        "changes that resemble incidents."
    )
