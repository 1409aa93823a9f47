"""List the files of a source with their names, sizes and dates, without opening data files.

A folder and an S3 prefix give the same list, so that delivery_selection treats both alike.
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
    stamp: str  # changes when the content does: modification time in ns, or S3's ETag
    key: str = ""  # an object's in S3


def _here(files: Sequence[ExportFile]) -> None:
    """Files of a folder are on this machine already."""


@dataclass(frozen=True)
class Listing:
    """The files of a source, and how they come to this machine."""

    source: str
    files: tuple[ExportFile, ...]
    scope: PurePosixPath = PurePosixPath()  # the part of the export that was asked for; empty for all of it
    fetch: Callable[[Sequence[ExportFile]], None] = _here  # brings them to their paths
    named: Callable[[str], str] = str  # puts what the user knows in place of paths they do not


def list_source(source: Path, *, without: Path) -> Listing:
    """Return the files under a folder, less those under `without`, or the file itself.

    Raises ExportError for a path that does not exist and for a folder that cannot be listed.

    For an export's `data` folder, or a billing period's inside it, the whole export is listed: its
    manifests lie beside that folder and say which files count.
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
    """Return an export's root and the part of it that `path` names: `…/focus/data` is (`…/focus`, `data`)."""
    root = path.parent if billing_period(path.name) else path
    if root.name.lower() == "data":
        return root.parent, path.relative_to(root.parent)
    return path, PurePosixPath()


def is_hidden(name: PurePosixPath) -> bool:
    """Return whether a name is a tool's own: `.DS_Store`, `_SUCCESS`, `.part.crc`."""
    return any(part.startswith((".", "_")) for part in name.parts)


def _has_metadata(root: Path) -> bool:
    return any(child.name.lower() == "metadata" and child.is_dir() for child in root.iterdir())


def _walk(root: Path, *, without: Path) -> Iterator[ExportFile]:
    """Yield files below `root`, linked folders too, none of them twice."""
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
