"""Daily results of a paged vendor report: each requested day is returned once, and no other day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from focuswatch.connectors.daily_bucket_pages import daily_results
from focuswatch.errors import FetchError


@dataclass(frozen=True)
class Bucket:
    """A bucket of one day, whose only result is its name."""

    day: int

    @property
    def starts_at(self):
        return datetime(2026, 11, self.day, tzinfo=UTC)

    @property
    def results(self):
        return [f"result of {self.day}"]


@dataclass(frozen=True)
class Page:
    """A page of buckets."""

    data: list
    next_page: str | None = None

    @property
    def has_more(self):
        return self.next_page is not None


def results(pages):
    return list(
        daily_results(pages.__getitem__, first=date(2026, 11, 2), until=date(2026, 11, 4), vendor="Example")
    )


def test_days_that_were_not_requested_are_left_out():
    """A vendor may return whole pages; such a day would be counted again in the next run."""
    pages = {None: Page([Bucket(1), Bucket(2)], "b"), "b": Page([Bucket(3), Bucket(4)])}
    assert results(pages) == [(date(2026, 11, 2), "result of 2"), (date(2026, 11, 3), "result of 3")]


def test_a_day_on_two_pages_is_an_error():
    pages = {None: Page([Bucket(2)], "b"), "b": Page([Bucket(2), Bucket(3)])}
    with pytest.raises(FetchError, match="unexpected time bucket 2026-11-02"):
        results(pages)


def test_a_cursor_that_repeats_is_an_error():
    pages = {None: Page([Bucket(2)], "b"), "b": Page([], "b")}
    with pytest.raises(FetchError, match="contains no new cursor"):
        results(pages)
