"""Define the listing of an export: its files with their names, sizes and dates.

list_local_files lists local folders, list_and_copy_from_s3 an S3 prefix; select_deliveries_and_flat_files handles both
listings alike.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from focuswatch.bill.ingest.parse_delivery_folder_names import billing_period
from focuswatch.errors import ExportError


@dataclass(frozen=True)
class ExportFile:
    """A file; `name` is its path inside the export, `path` its present or future path on this machine."""

    name: PurePosixPath
    path: Path
    size: int
    modified: datetime  # UTC
    stamp: str  # changes with the content: modification time in ns, or S3 ETag
    key: str = ""  # of the object in S3; empty for a local file


def _here(files: Sequence[ExportFile]) -> None:
    """Do nothing: local files need no copy."""


@dataclass(frozen=True)
class Listing:
    """The files of a source, and the function that copies them to this machine."""

    source: str
    files: tuple[ExportFile, ...]
    scope: PurePosixPath = PurePosixPath()  # requested part of the export; empty for all of it
    fetch: Callable[[Sequence[ExportFile]], None] = _here  # copies files to their paths
    named: Callable[[str], str] = str  # replaces paths of copies in a message by S3 addresses


def split_scope(path: PurePosixPath) -> tuple[PurePosixPath, PurePosixPath]:
    """Return an export's root and the part of it that `path` names: `…/focus/data` gives (`…/focus`, `data`)."""
    root = path.parent if billing_period(path.name) else path
    if root.name.lower() == "data":
        return root.parent, path.relative_to(root.parent)
    return path, PurePosixPath()


def is_hidden(name: PurePosixPath) -> bool:
    """Return whether a tool created the file or folder for its own use: `.DS_Store`, `_SUCCESS`, `.part.crc`."""
    return any(part.startswith((".", "_")) for part in name.parts)


def changed_file_error(files: Iterable[ExportFile]) -> ExportError | None:
    """Return an ExportError if a local file was changed or deleted since it was listed; otherwise None."""
    for file in files:
        if file.key:  # copy of an S3 object, which no other program changes
            continue
        try:
            status = file.path.stat()
        except OSError:
            return ExportError(f"{file.path} was deleted while focuswatch was reading the export. Scan again")
        if (status.st_size, str(status.st_mtime_ns)) != (file.size, file.stamp):
            return ExportError(
                f"{file.path} was changed while focuswatch was reading the export. When the delivery is complete, "
                "scan again"
            )
    return None
