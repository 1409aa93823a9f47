"""Answers of the last scan: a detection whose statement and data are the same is not asked again.

A convenience and nothing more: without the file every detection is asked, and says the same.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from focuswatch import __version__
from focuswatch.catalog.catalog import PER_USD, Catalog, Detection
from focuswatch.detect.run_detection import Outcome
from focuswatch.engines.sql_literals import Value

SCORING = (
    "series_detection.py",
    "anomaly",
    "forecast",
    "explain",
)  # what answers depend on beside their statements


class ResultCache:
    """What was answered over data that `digest` identifies, in the file at `path`."""

    def __init__(self, path: Path, *, digest: str) -> None:
        self.path = path
        self._digest = digest
        self._known = _read(path)
        self._asked: dict[str, Any] = {}

    def get(self, detection: Detection, values: Mapping[str, Value]) -> Outcome | None:
        """The answer to the same question over the same data; None where it must be asked."""
        kept = self._known.get(self._key(detection, values))
        if not isinstance(kept, dict) or not kept.keys() >= {"rows", "not_evaluated"}:
            return None
        return Outcome(detection, rows=tuple(kept["rows"]), not_evaluated=tuple(kept["not_evaluated"]))

    def put(self, outcome: Outcome, values: Mapping[str, Value]) -> None:
        """Remember an answer; one that failed is asked again."""
        if outcome.error is None:
            kept = {"rows": outcome.rows, "not_evaluated": outcome.not_evaluated}
            self._asked[self._key(outcome.detection, values)] = kept

    def save(self) -> None:
        """Write what was asked in this scan, in one step."""
        made = self.path.with_suffix(".new")
        made.write_text(json.dumps(self._asked), encoding="utf-8")
        made.replace(self.path)

    def _key(self, detection: Detection, values: Mapping[str, Value]) -> str:
        rate = str(values.get(PER_USD))  # of which the scorer's threshold depends, and its statement does not
        question = "\n".join((self._digest, detection.id, rate, detection.render(dict(values))))
        return hashlib.sha256(question.encode()).hexdigest()


def digest_of(catalog: Catalog, *, parts: Iterable[object]) -> str:
    """A digest of all that answers depend on beside their statements: the tables' SQL, the scorer, and `parts`."""
    tables = (
        entry.path.read_text(encoding="utf-8")
        for entry in (*catalog.tables.values(), *catalog.lookups.values())
    )
    content = "\n".join((__version__, _scorer(), *tables, *map(str, parts)))
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()


def file_mark(path: Path | None) -> str:
    """What tells that a file, or the files of a folder, changed: names, sizes and times."""
    if path is None:
        return ""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    return "\n".join(f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files)


def _scorer() -> str:
    here = Path(__file__).parent
    sources = (file for name in SCORING for file in (sorted((here / name).rglob("*.py")) or [here / name]))
    return "\n".join(file.read_text(encoding="utf-8") for file in sources)


def _read(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return kept if isinstance(kept, dict) else {}
