"""The result cache: a detection runs again only if its statement or its data changed, or if it failed."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.detection_placeholder_values import DetectionInput
from focuswatch.detect.detection_result_cache import ResultCache
from focuswatch.detect.run_detection_and_check_rows import Outcome

CATALOG = Catalog.load()
NEW_REGION = CATALOG.detections["new_region"]
INPUT_VALUES = DetectionInput(as_of=date(2026, 3, 31), first_new_day=date(2026, 3, 24)).values
ROWS = ({"sub_account_id": "1", "monthly_cost": 0.1, "tags": {"team": "🙂"}, "first_day": "2026-03-30"},)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the cache file of a scan with one result."""
    cache = ResultCache(tmp_path / "answers.json", digest="d")
    cache.put(Outcome(NEW_REGION, rows=ROWS, not_evaluated=ROWS), INPUT_VALUES)
    cache.save()
    return tmp_path / "answers.json"


def test_same_statement_on_the_same_data_is_cached(path):
    """Cached rows equal the stored rows, including types and Unicode."""
    previous = ResultCache(path, digest="d").get(NEW_REGION, INPUT_VALUES)
    assert previous is not None
    assert (previous.rows, previous.not_evaluated, previous.error) == (ROWS, ROWS, None)


def test_other_data_day_or_statement_is_not_cached(path):
    """Each of these can have another result."""
    later = INPUT_VALUES | {"as_of": date(2026, 3, 31) + timedelta(days=1)}
    edited = replace(NEW_REGION, sql=NEW_REGION.sql + " -- edited")
    assert ResultCache(path, digest="e").get(NEW_REGION, INPUT_VALUES) is None
    assert ResultCache(path, digest="d").get(NEW_REGION, later) is None
    assert ResultCache(path, digest="d").get(edited, INPUT_VALUES) is None


def test_failed_statement_is_run_again(tmp_path):
    """Errors are not cached, because they can be temporary."""
    cache = ResultCache(tmp_path / "answers.json", digest="d")
    cache.put(Outcome(NEW_REGION, error="no memory"), INPUT_VALUES)
    cache.save()
    assert ResultCache(tmp_path / "answers.json", digest="d").get(NEW_REGION, INPUT_VALUES) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"a":' * 50_000])
def test_damaged_cache_is_ignored(path, text):
    """The cache only saves time, so a damaged file must not fail the scan."""
    path.write_text(text)
    assert ResultCache(path, digest="d").get(NEW_REGION, INPUT_VALUES) is None


@pytest.mark.parametrize("stored_result", ['"text"', "[]", "{}"])
def test_cached_result_of_another_format_is_ignored(path, stored_result):
    """Another version of focuswatch may have written it."""
    (key,) = json.loads(path.read_text())
    path.write_text(f'{{"{key}": {stored_result}}}')
    assert ResultCache(path, digest="d").get(NEW_REGION, INPUT_VALUES) is None
