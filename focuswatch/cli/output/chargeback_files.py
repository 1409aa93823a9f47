"""Write the rows of a chargeback to CSV and Parquet files: totals of all teams, and lines of each team."""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path

from focuswatch.cli.output.chargeback_rows import LINE_COLUMNS, TEAM_COLUMNS
from focuswatch.cli.output.json_and_csv import rows_csv
from focuswatch.engines import Row
from focuswatch.engines.duckdb_connection_macros_and_tables import connect, create_table
from focuswatch.engines.values_as_sql_literals import literal
from focuswatch.errors import ConfigError

UNALLOCATED = "unallocated"


def write_files(
    folder: Path, *, billing_period: date, teams: Sequence[Row], lines: Sequence[Row]
) -> list[Path]:
    """Write the files, and return their paths, first those for all teams together.

    `teams` are the rows of `team_rows_of`, `lines` the rows of `line_rows`. Raises ConfigError if the folder contains
    a file of this month from an earlier chargeback with other teams, which would not be replaced.
    """
    stem = f"chargeback-{billing_period:%Y-%m}"
    by_team: dict[str | None, list[Row]] = {}
    for row in lines:
        by_team.setdefault(row["team"], []).append(row)
    tables = {folder / stem: (TEAM_COLUMNS, teams)}
    tables |= {
        folder / f"{stem}-{name}": (LINE_COLUMNS, by_team[team]) for team, name in _file_names(by_team)
    }
    paths = [Path(f"{path}{suffix}") for path in tables for suffix in (".csv", ".parquet")]
    folder.mkdir(parents=True, exist_ok=True)
    earlier = {path for suffix in ("csv", "parquet") for path in folder.glob(f"{stem}*.{suffix}")}
    if left := sorted(earlier - set(paths)):
        raise ConfigError(
            f"{left[0]} is from an earlier chargeback of this month. This chargeback does not write this file, so "
            "the folder would contain files of two chargebacks. Remove the file, or choose another folder with --out."
        )
    for path, (columns, rows) in tables.items():
        Path(f"{path}.csv").write_text(rows_csv(rows, columns=list(columns), exact=True), encoding="utf-8")
        _write_parquet(Path(f"{path}.parquet"), rows, columns=columns)
    return paths


def _file_names(teams: Iterable[str | None]) -> Iterator[tuple[str | None, str]]:
    """Yield each team with a file name that is unique on file systems that ignore case."""
    taken = {UNALLOCATED}
    for team in sorted(teams, key=lambda team: (team is None, team or "")):
        if team is None:
            yield None, UNALLOCATED
            continue
        name = readable = re.sub(r"[^\w-]+", "-", team)[:100].strip("-") or "team"
        number = 1
        while name.lower() in taken:
            number += 1
            name = f"{readable}-{number}"
        taken.add(name.lower())
        yield team, name


def _write_parquet(path: Path, rows: Sequence[Row], *, columns: dict[str, str]) -> None:
    connection = connect()
    try:
        create_table(connection, "lines", columns, [tuple(row[name] for name in columns) for row in rows])
        connection.execute(f"COPY lines TO {literal(str(path))} (FORMAT parquet)")
    finally:
        connection.close()
