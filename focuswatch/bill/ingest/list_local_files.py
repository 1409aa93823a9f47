"""List the files of an export on this machine, without opening them."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from focuswatch.bill.ingest.export_file_and_listing_models import ExportFile, Listing, split_scope
from focuswatch.errors import ExportError


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
