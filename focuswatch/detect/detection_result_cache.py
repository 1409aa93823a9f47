"""Cache the results of detections: a detection with the same statement and data as in the last scan does not run again.

The cache only saves time: without its file, every detection runs and returns the same result.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from focuswatch import __version__
from focuswatch.catalog.sql_catalog import PER_USD, Catalog, Detection
from focuswatch.detect.run_detection_and_check_rows import Outcome
from focuswatch.engines.values_as_sql_literals import Value

# Source code in this folder that results depend on, besides their statements.
SCORING = (
    "run_series_detection.py",
    "anomaly_episodes.py",
    "anomaly",
    "forecast",
    "explain",
)


class ResultCache:
    """The results of detections over the data that `digest` identifies, in the file at `path`."""

    def __init__(self, path: Path, *, digest: str) -> None:
        self.path = path
        self._digest = digest
        self._previous = _read(path)
        self._results: dict[str, Any] = {}

    def get(self, detection: Detection, values: Mapping[str, Value]) -> Outcome | None:
        """Return the result of the same statement over the same data; None if the detection must run."""
        kept = self._previous.get(self._key(detection, values))
        if not isinstance(kept, dict) or not kept.keys() >= {"rows", "not_evaluated"}:
            return None
        return Outcome(
            detection,
            rows=tuple(kept["rows"]),
            not_evaluated=tuple(kept["not_evaluated"]),
            services_not_on_bill=tuple(kept.get("services_not_on_bill", ())),
        )

    def put(self, outcome: Outcome, values: Mapping[str, Value]) -> None:
        """Store a result. A failed detection is not stored, so that it runs again."""
        if outcome.error is None:
            kept: dict[str, Any] = {"rows": outcome.rows, "not_evaluated": outcome.not_evaluated}
            if outcome.services_not_on_bill:
                kept["services_not_on_bill"] = outcome.services_not_on_bill
            self._results[self._key(outcome.detection, values)] = kept

    def save(self) -> None:
        """Write the results of this scan atomically, and discard those of the last scan."""
        new_file = self.path.with_suffix(".new")
        new_file.write_text(json.dumps(self._results), encoding="utf-8")
        new_file.replace(self.path)
        self._previous = {}

    def _key(self, detection: Detection, values: Mapping[str, Value]) -> str:
        rate = str(values.get(PER_USD))  # the scoring threshold depends on it, the statement does not
        families = ",".join(detection.header.ai_families)  # they determine whether the detection ran
        content = "\n".join((self._digest, detection.id, rate, families, detection.render(dict(values))))
        return hashlib.sha256(content.encode()).hexdigest()


def open_result_cache(state: Path, *, catalog: Catalog, data_digest: str | None) -> ResultCache | None:
    """Return the cache in the state folder of an export; None if the data has no digest (Bill.data_digest)."""
    if data_digest is None:
        return None
    return ResultCache(state / "answers.json", digest=results_digest(catalog, parts=(data_digest,)))


def results_digest(catalog: Catalog, *, parts: Iterable[object]) -> str:
    """Return a digest of what results depend on besides their statements: version, scoring code, tables, `parts`."""
    tables = (
        entry.path.read_text(encoding="utf-8")
        for entry in (*catalog.tables.values(), *catalog.lookups.values())
    )
    content = "\n".join((__version__, _scorer(), *tables, *map(str, parts)))
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()


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
