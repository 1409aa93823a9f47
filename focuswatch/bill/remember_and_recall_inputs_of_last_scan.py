"""Store the export scanned last and the files passed with each export, and recall them for later commands."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import platformdirs

from focuswatch.bill.bill_inputs_and_digest import INPUT_FILES
from focuswatch.bill.state_folder import absolute_export, state_of
from focuswatch.errors import ConfigError

FILE_OPTIONS = (*INPUT_FILES, "owners")  # the names in RememberedInputs.files
GIVEN_FILES = "given_files.json"  # in the state folder of an export


@dataclass(frozen=True)
class RememberedInputs:
    """An export, the exports read together with it, and the files passed with it, by name in FILE_OPTIONS.

    Stored paths are absolute.
    """

    export: str
    others: tuple[str, ...] = ()
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def owners(self) -> Path | None:
        """The path of owners.toml."""
        return self.files.get("owners")

    @property
    def exports(self) -> tuple[str, ...]:
        """All exports, the main one first."""
        return (self.export, *self.others)


@dataclass(frozen=True)
class RecalledInputs:
    """The inputs to scan with, those to remember, and which files were recalled or no longer exist."""

    inputs: RememberedInputs
    to_remember: RememberedInputs  # includes missing files, which may exist again later
    recalled: tuple[str, ...] = ()  # options as typed on the command line
    missing: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Messages about recalled and missing files, for the terminal."""
        recalled = [f"Using files from the last scan: {' '.join(self.recalled)}"] if self.recalled else []
        missing = [
            f"Note: focuswatch ignores {option} from an earlier scan, because the file no longer exists. Specify the "
            "file again, or scan with --forget-files."
            for option in self.missing
        ]
        return (*recalled, *missing)


def remember_inputs(scanned: RememberedInputs, *, root: Path | None = None) -> None:
    """Make an export the default of later commands, and store the paths of the files passed with it.

    The paths are stored separately for each export.
    """
    root = root or platformdirs.user_data_path("focuswatch")
    paths = {name: str(file.resolve()) for name, file in scanned.files.items()}
    _replace(state_of(scanned.export, root=root) / GIVEN_FILES, json.dumps(paths))
    latest = {
        "export": absolute_export(scanned.export),
        "others": [absolute_export(other) for other in scanned.others],
    }
    _replace(root / "latest.json", json.dumps(latest))


def load_last_export(*, root: Path | None = None) -> RememberedInputs:
    """Return the export scanned last. Raises ConfigError if there is none."""
    path = (root or platformdirs.user_data_path("focuswatch")) / "latest.json"
    if not path.exists():
        raise ConfigError(
            "No export has been scanned yet. Specify an export, or run `focuswatch scan EXPORT` first."
        )
    try:
        latest = json.loads(path.read_bytes())
        return RememberedInputs(str(latest["export"]), others=tuple(map(str, latest.get("others", ()))))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ConfigError(
            f"{path}: the record of the most recently scanned export is damaged. Specify an export, or delete this "
            "file and scan again."
        ) from error


def recall_inputs(given: RememberedInputs, *, root: Path | None = None) -> RecalledInputs:
    """Return `given`, completed with the files of the last scan of the same export.

    Without these files, the detections would have other findings, and earlier findings would be notified as resolved.
    Raises ConfigError if the stored names are damaged.
    """
    stored = _stored_files(state_of(given.export, root=root) / GIVEN_FILES)
    omitted = {name: path for name, path in stored.items() if name not in given.files}
    existing = {name: path for name, path in omitted.items() if path.exists()}
    return RecalledInputs(
        inputs=replace(given, files={**existing, **given.files}),
        to_remember=replace(given, files={**stored, **given.files}),
        recalled=tuple(f"{_option(name)} {path}" for name, path in existing.items()),
        missing=tuple(f"{_option(name)} {path}" for name, path in omitted.items() if name not in existing),
    )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _stored_files(path: Path) -> dict[str, Path]:
    if not path.exists():
        return {}
    try:
        paths = json.loads(path.read_bytes())
        return {name: Path(paths[name]) for name in FILE_OPTIONS if name in paths}
    except (ValueError, TypeError, RecursionError) as error:
        raise ConfigError(
            f"{path}: the list of files that you passed to earlier scans of this export is damaged. Specify the files "
            "again and scan with --forget-files."
        ) from error


def _replace(path: Path, text: str) -> None:
    """Write a file in one step, so that a concurrent command reads the old or the new content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}-", delete=False
    ) as temporary:
        try:
            temporary.write(text)
            temporary.flush()
            os.fsync(temporary.fileno())
            Path(temporary.name).replace(path)
        except BaseException:
            Path(temporary.name).unlink(missing_ok=True)
            raise
