"""Read and write the CSV file of stored forecasts in the local state folder of an export."""

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast, merged
from focuswatch.bill.schema.columns_of_all_tables import FORECASTS
from focuswatch.errors import QueryError

NAME = "forecasts.csv"


def read_forecasts(state: Path) -> list[KeptForecast]:
    """Return the rows of the file; empty before the first scan. Raises QueryError if the file is damaged."""
    path = state / NAME
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_row(row) for row in csv.DictReader(file)]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise QueryError(
            f"{path}: the stored forecasts cannot be read ({error}). Delete this file; the next scan then "
            "stores new forecasts"
        ) from error


def forecasts_of_month(state: Path, month: date) -> list[KeptForecast]:
    """Return the forecasts of a month. Raises QueryError."""
    return [row for row in read_forecasts(state) if row.month == month]


def add_forecasts(state: Path, rows: Sequence[KeptForecast], *, made_on: date) -> None:
    """Add the forecasts of a day to the file; see `merged`. Raises QueryError."""
    write_forecasts(state, merged(read_forecasts(state), rows, made_on=made_on))


def write_forecasts(state: Path, rows: Iterable[KeptForecast]) -> None:
    """Replace the file in one step."""
    new_file = state / f"{NAME}.new"
    with new_file.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FORECASTS)
        writer.writerows(row.values for row in rows)
    new_file.replace(state / NAME)


def _row(row: dict[str, str]) -> KeptForecast:
    return KeptForecast(
        made_on=date.fromisoformat(row["made_on"]),
        month=date.fromisoformat(row["month"]),
        plan_of=row["plan_of"],
        plan=row["plan"],
        settled_until=date.fromisoformat(row["settled_until"]),
        spent=float(row["spent"]),
        low=float(row["low"]),
        forecast=float(row["forecast"]),
        high=float(row["high"]),
    )
