"""List the files of an export with their names, sizes and dates, without opening them.

This module lists local folders. list_and_copy_from_s3 returns the same Listing for an S3 prefix, so that
choose_newest_deliveries handles both alike.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from focuswatch.bill.ingest.period_and_execution_folders import billing_period
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


def list_source(source: Path, *, without: Path) -> Listing:
    """Return the files under a folder, except those under `without`, or the file itself.

    For an export's `data` folder, or a billing period's folder inside it, the whole export is listed, because the
    manifests beside `data` determine which files count. Raises ExportError if the path does not exist or a folder
    cannot be listed.
    """
    if source.is_file():
        return Listing(source=str(source), files=(_file(source, root=source.parent),))
    if not source.is_dir():
        raise ExportError(
            f"{source}: no such file or folder. Specify the folder of a FOCUS export, a Parquet or "
            "CSV file, or an s3:// address"
        )
    absolute = source.resolve()
    root, scope = split_scope(PurePosixPath(absolute))
    if not _has_metadata(Path(root)):
        root, scope = PurePosixPath(absolute), PurePosixPath()
    return Listing(source=str(source), files=tuple(_walk(Path(root), without=without)), scope=scope)


def split_scope(path: PurePosixPath) -> tuple[PurePosixPath, PurePosixPath]:
    """Return an export's root and the part of it that `path` names: `…/focus/data` gives (`…/focus`, `data`)."""
    root = path.parent if billing_period(path.name) else path
    if root.name.lower() == "data":
        return root.parent, path.relative_to(root.parent)
    return path, PurePosixPath()


def is_hidden(name: PurePosixPath) -> bool:
    """Return whether a tool created the file or folder for its own use: `.DS_Store`, `_SUCCESS`, `.part.crc`."""
    return any(part.startswith((".", "_")) for part in name.parts)


def _has_metadata(root: Path) -> bool:
    return any(child.name.lower() == "metadata" and child.is_dir() for child in root.iterdir())


def _walk(root: Path, *, without: Path) -> Iterator[ExportFile]:
    """Yield the files below `root`, including those in linked folders, each folder once."""
    seen = {without.resolve()}
    for folder, folders, names in os.walk(root, followlinks=True, onerror=_refuse):
        place = Path(folder).resolve()
        if place in seen:
            folders.clear()
            continue
        seen.add(place)
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_symlink() and not path.exists():
                raise ExportError(
                    f"{path} is a broken symbolic link. Copy the target file, or remove the link"
                )
            if path.is_file():
                yield _file(path, root=root)


def _refuse(error: OSError) -> None:
    raise ExportError(
        f"{error.filename} cannot be listed: {error.strerror}. Check the permissions"
    ) from error


def _file(path: Path, *, root: Path) -> ExportFile:
    status = path.stat()
    return ExportFile(
        name=PurePosixPath(path.relative_to(root)),
        path=path,
        size=status.st_size,
        modified=datetime.fromtimestamp(status.st_mtime, UTC),
        stamp=str(status.st_mtime_ns),
    )
