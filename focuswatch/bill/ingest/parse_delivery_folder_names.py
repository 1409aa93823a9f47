"""Read billing periods and executions from the folder names of a Data Exports delivery."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePosixPath

# AWS documents BILLING_PERIOD= but delivers it in lower case.
PERIOD = re.compile(r"billing_period=(\d{4}-\d{2})(-\d{2})?", re.IGNORECASE)
# If an export does not overwrite its files, each execution writes to its own folder, <timestamp>-<execution-id>.
EXECUTION = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})[T_]?(\d{2})[:-]?(\d{2})[:-]?(\d{2})")


def billing_period(folder: str) -> str | None:
    """Return `2026-05` for `billing_period=2026-05`, in upper or lower case; None for any other folder."""
    match = PERIOD.fullmatch(folder)
    return match.group(1) if match else None


def parts_below_period(path: PurePosixPath) -> tuple[str, ...]:
    """Return the lower-case parts of a path or address below its billing period's folder; all parts without one."""
    for depth, part in enumerate(path.parts):
        if billing_period(part):
            return tuple(below.lower() for below in path.parts[depth + 1 :])
    return tuple(part.lower() for part in path.parts)


def parts_from_period(path: PurePosixPath) -> tuple[str, ...]:
    """Return the parts of a path that start with its billing period's folder; all parts without one."""
    depth = next((depth for depth, part in enumerate(path.parts) if billing_period(part)), 0)
    return path.parts[depth:]


def shared_folder(paths: Iterable[PurePosixPath]) -> PurePosixPath:
    """Return the innermost folder that contains all files."""
    first, *others = (path.parent for path in paths)
    return next(
        folder
        for folder in (first, *first.parents)
        if all(other_folder.is_relative_to(folder) for other_folder in others)
    )


def executed_at(path: PurePosixPath) -> datetime | None:
    """Return the UTC time of the execution whose folder contains the file; None if executions overwrite files."""
    below = parts_below_period(path)
    found = EXECUTION.match(below[0].upper()) if len(below) > 1 else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
