"""A detection runs again if its statement or its data changed."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.result_cache import ResultCache
from focuswatch.detect.run_detection import DetectionInput, Outcome

CATALOG = Catalog.load()
NEW_REGION = CATALOG.detections["new_region"]
QUESTION = DetectionInput(as_of=date(2026, 3, 31), first_new_day=date(2026, 3, 24)).values
ROWS = ({"sub_account_id": "1", "monthly_cost": 0.1, "tags": {"team": "🙂"}, "first_day": "2026-03-30"},)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the cache file of a scan with one result."""
    cache = ResultCache(tmp_path / "answers.json", digest="d")
    cache.put(Outcome(NEW_REGION, rows=ROWS, not_evaluated=ROWS), QUESTION)
    cache.save()
    return tmp_path / "answers.json"


def test_same_statement_on_the_same_data_is_cached(path):
    """Rows come back as they were."""
    previous = ResultCache(path, digest="d").get(NEW_REGION, QUESTION)
    assert previous is not None
    assert (previous.rows, previous.not_evaluated, previous.error) == (ROWS, ROWS, None)


def test_other_data_day_or_statement_is_not_cached(path):
    """Each can have another result."""
    later = QUESTION | {"as_of": date(2026, 3, 31) + timedelta(days=1)}
    edited = replace(NEW_REGION, sql=NEW_REGION.sql + " -- edited")
    assert ResultCache(path, digest="e").get(NEW_REGION, QUESTION) is None
    assert ResultCache(path, digest="d").get(NEW_REGION, later) is None
    assert ResultCache(path, digest="d").get(edited, QUESTION) is None


def test_failed_statement_is_run_again(tmp_path):
    """A detection that failed is run again."""
    cache = ResultCache(tmp_path / "answers.json", digest="d")
    cache.put(Outcome(NEW_REGION, error="no memory"), QUESTION)
    cache.save()
    assert ResultCache(tmp_path / "answers.json", digest="d").get(NEW_REGION, QUESTION) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"a":' * 50_000])
def test_a_damaged_file_is_as_good_as_none(path, text):
    """It is only a convenience."""
    path.write_text(text)
    assert ResultCache(path, digest="d").get(NEW_REGION, QUESTION) is None


@pytest.mark.parametrize("answer", ['"text"', "[]", "{}"])
def test_cached_result_of_another_format_is_ignored(path, answer):
    """As another version may have written it."""
    (key,) = json.loads(path.read_text())
    path.write_text(f'{{"{key}": {answer}}}')
    assert ResultCache(path, digest="d").get(NEW_REGION, QUESTION) is None
