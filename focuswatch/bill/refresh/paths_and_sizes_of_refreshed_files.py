"""Find the files that a refresh stored for a unit, and their sizes."""

from collections.abc import Mapping
from pathlib import Path

from focuswatch.bill.refresh.local_refresh_index_in_state_folder import Unit


def table_files(table: str, units: Mapping[str, Unit], *, kept: Path) -> list[str]:
    """Return the files of a kept table, one per unit."""
    return [table_file(kept / unit.folder, table) for unit in units.values()]


def table_file(folder: Path, table: str) -> str:
    """Return the file of a kept table in a unit's folder."""
    return str(folder / f"{table}.parquet")


def sizes_in(folder: Path) -> dict[str, int]:
    """Return the size of every file in a unit's folder, by name; empty if the folder does not exist."""
    return {path.name: path.stat().st_size for path in sorted(folder.glob("*.parquet"))}


def folded_files(folder: Path) -> list[str]:
    """Return the files that `fold` wrote into a unit's folder."""
    return sorted(str(path) for path in folder.glob("part-*.parquet"))
