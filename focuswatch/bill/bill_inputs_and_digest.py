"""Define the inputs of a bill (the export, the files passed with it, other exports) and compute their digest."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class OtherBill:
    """An export that is read together with the main export, and its state folder."""

    export: str
    state: Path


INPUT_FILES = (
    "activity",
    "accounts",
    "links",
    "recommendations",
    "principals",
    "invocations",
    "token_hours",
    "events",
)


@dataclass(frozen=True)
class BillInputs:
    """The export, its state folder, and the files passed with it.

    If `as_of` is None, it is the day after the last charge. `others` are exports that are read together with this one.
    """

    export: str
    state: Path
    activity: Path | None = None
    accounts: Path | None = None
    links: Path | None = None
    recommendations: Path | None = None
    principals: Path | None = None
    invocations: Path | None = None
    token_hours: Path | None = None
    events: Path | None = None
    as_of: date | None = None
    others: tuple[OtherBill, ...] = ()

    @property
    def files(self) -> tuple[Path | None, ...]:
        """The files passed with the export, in the order of INPUT_FILES."""
        return tuple(getattr(self, name) for name in INPUT_FILES)


def digest_of_inputs(
    summary: BillSummary, *, as_of: date, owners: Owners, files: Iterable[Path | None]
) -> str:
    """Return a digest of everything that detections read: the charges, the owners and the passed files."""
    parts = (summary.data_digest, as_of, owners.tables, *map(_fingerprint_of_file, files))
    return hashlib.sha256("\n".join(map(str, parts)).encode("utf-8", "surrogateescape")).hexdigest()


def export_label(export: str) -> str:
    """Return a short name for an export: the last folder or file name of its path or address."""
    if "://" in export:
        return export.rstrip("/").rpartition("/")[2]
    return Path(export).resolve().name or export


def _fingerprint_of_file(path: Path | None) -> str:
    """Return the paths, sizes and modification times of a file or of all files in a folder."""
    if path is None:
        return ""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return "\n".join(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)
