"""What is known of an account's days, what is missing, and what a look at it adds."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from focuswatch.collect.cloudwatch_metrics import MetricReadings, days_between
from focuswatch.collect.collected_files import Series, Store, Values
from focuswatch.collect.hourly_resources import Place, Resource


@dataclass(frozen=True)
class Window:
    """The days to look at: `[first, today)`. The last `recent_days` of them are asked for again in every run,
    since metrics come late; earlier ones only where they are missing.
    """

    today: date
    recent_days: int
    first_days: int

    @property
    def first(self) -> date:
        """The first day that may be asked for."""
        return self.today - timedelta(days=self.first_days)

    @property
    def recent(self) -> date:
        """The first day that is asked for whatever is known of it."""
        return self.today - timedelta(days=self.recent_days)

    @property
    def days(self) -> list[date]:
        """Every day of the window."""
        return days_between(self.first, self.today)


@dataclass
class CollectedDays:
    """The rows that the store has of an account, read when they are needed, and those that were found now.

    Rows that were not found again stay: their resource is gone, or nobody could look today.
    """

    account: str
    window: Window
    store: Store
    before: dict[date, Values] = field(default_factory=dict)
    found: dict[date, Values] = field(default_factory=dict)

    def of(self, day: date) -> Values:
        """The rows of a day as they were before."""
        if day not in self.before:
            self.before[day] = self.store.activity(self.account, day=day)
        return self.before[day]

    def missing_from(self, resources: Iterable[Resource], place: Place) -> date:
        """The first day of which a row is missing that there ought to be, or else the first recent day."""
        expected = [
            (resource.created_on, _series(resource, watched.metric.namespace, watched.metric.name, place))
            for resource in resources
            for watched in resource.watched
            if resource.created_on
            and watched.metric.stat == "Sum"  # others may have no row for good reason
            and watched.metric.documented
        ]
        return next(
            (
                day
                for day in days_between(self.window.first, self.window.recent)
                if any(created_on < day and series not in self.of(day) for created_on, series in expected)
            ),
            self.window.recent,
        )

    def learn(self, told: MetricReadings, place: Place, *, first: date) -> None:
        """Take what CloudWatch told of the days since `first`; a day of silence is 0 if the resource was there."""
        series = _series(told.resource, told.metric.namespace, told.metric.name, place)
        created_on, days = told.resource.created_on, told.days or {}
        for day in days_between(first, self.window.today):
            if day in days:
                self.found.setdefault(day, {})[series] = days[day]
            elif told.metric.stat == "Sum" and created_on and created_on < day:
                self.found.setdefault(day, {})[series] = 0.0

    def write(self) -> int:
        """Write the days that changed; the number of rows that are new or other than before."""
        return sum(self._write(day, found) for day, found in sorted(self.found.items()))

    def _write(self, day: date, found: Values) -> int:
        before = self.of(day)
        is_recent = day >= self.window.recent
        merged = (
            before | found if is_recent else found | before
        )  # CloudWatch forgets what was called two weeks ago
        changed = sum(before.get(series) != value for series, value in merged.items())
        if changed:
            self.store.write_activity(self.account, day=day, values=merged)
        return changed


def _series(resource: Resource, namespace: str, metric: str, place: Place) -> Series:
    return place.region, namespace, resource.arn, metric
