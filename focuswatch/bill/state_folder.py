"""Determine the state folder of an export, in which scans store what they read and the paths of passed files."""

import hashlib
import re
from pathlib import Path

import platformdirs

from focuswatch.errors import ConfigError


def state_of(export: str, *, root: Path | None = None) -> Path:
    """Return the state folder of an export, under `root` or the user's data folder. Raises ConfigError."""
    root = root or platformdirs.user_data_path("focuswatch")
    if not export.strip():
        raise ConfigError("EXPORT is empty. Specify a folder, a file or an s3:// address.")
    name = absolute_export(export)
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{name}: the file name is not valid UTF-8. Rename the file, or specify a symbolic link with a valid name."
        ) from error
    slug = re.sub(r"[^A-Za-z0-9]+", "-", Path(name).name).strip("-").lower()[:40] or "export"
    return root / f"{slug}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def absolute_export(export: str) -> str:
    """Return the absolute path of an export; an address such as s3:// stays as it is."""
    return export if "://" in export else str(Path(export).resolve())
