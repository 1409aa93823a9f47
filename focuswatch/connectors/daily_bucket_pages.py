"""Read pages of daily UTC buckets, which the APIs of OpenAI and Anthropic return."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Protocol, TypeVar

from focuswatch.errors import FetchError

DAY = timedelta(days=1)
Result = TypeVar("Result", covariant=True)


class DayBucket(Protocol[Result]):
    """A bucket: its start, and the costs or usage of one day."""

    @property
    def starts_at(self) -> datetime: ...
    @property
    def results(self) -> Sequence[Result]: ...


class BucketPage(Protocol[Result]):
    """A page of buckets, and the cursor of the next page."""

    @property
    def data(self) -> Sequence[DayBucket[Result]]: ...
    @property
    def has_more(self) -> bool: ...
    @property
    def next_page(self) -> str | None: ...


def midnight(day: date) -> datetime:
    """Return the start of a day in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def days_of(first: date, until: date) -> Iterator[date]:
    """Yield the days of [first, until)."""
    while first < until:
        yield first
        first += DAY


def daily_results(
    page: Callable[[str | None], BucketPage[Result]], *, first: date, until: date, vendor: str
) -> Iterator[tuple[date, Result]]:
    """Yield the results of [first, until) with their day; `page` requests a page by its cursor (None: first page).

    Raises FetchError if a bucket does not start at midnight UTC or is returned twice, or if a page indicates another
    page without a new cursor, because charges would be lost or counted twice.
    """
    days: set[date] = set()
    for response in _pages(page, vendor=vendor):
        for bucket in response.data:
            start = bucket.starts_at.astimezone(UTC)
            day = start.date()
            if start != midnight(day) or day in days:
                raise FetchError(
                    f"{vendor}: unexpected time bucket {start:%Y-%m-%d %H:%M:%S} UTC; expected one bucket per day "
                    "in UTC"
                )
            days.add(day)
            if first <= day < until:
                yield from ((day, result) for result in bucket.results)


def _pages(page: Callable[[str | None], BucketPage[Result]], *, vendor: str) -> Iterator[BucketPage[Result]]:
    cursors: set[str | None] = {None}
    response = page(None)
    yield response
    while response.has_more:
        if response.next_page in cursors:
            raise FetchError(
                f"{vendor}: the response indicates another page, but contains no new cursor. "
                "Run the command again"
            )
        cursors.add(response.next_page)
        response = page(response.next_page)
        yield response
