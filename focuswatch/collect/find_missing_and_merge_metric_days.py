"""Determine which days of an account's metrics are missing, and merge the values that a run reads into the store."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from focuswatch.collect.account_and_region_with_arns import Place
from focuswatch.collect.days_to_collect import Window, days_between
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Series, Store, Values
from focuswatch.collect.read_daily_cloudwatch_metrics_of_resources import MetricReadings
from focuswatch.collect.resource_model_with_metrics_to_read import Resource


@dataclass
class AccountMetricDays:
    """The stored rows of an account, loaded on first use, and the rows of this run.

    A stored row stays if this run has no value for it, because the resource is deleted or cannot be read today.
    """

    account: str
    window: Window
    store: Store
    before: dict[date, Values] = field(default_factory=dict)
    collected: dict[date, Values] = field(default_factory=dict)

    def stored(self, day: date) -> Values:
        """Return the stored rows of a day."""
        if day not in self.before:
            self.before[day] = self.store.activity(self.account, day=day)
        return self.before[day]

    def missing_from(self, resources: Collection[Resource], place: Place) -> date:
        """Return the first day that lacks an expected row, or else the first recent day.

        A resource with an unknown creation date has no expected rows. The whole window is read until its first metric
        has a stored row.
        """
        ages_unknown = {
            _series(resource, watched.metric.namespace, watched.metric.name, place)
            for resource in resources
            for watched in resource.watched[:1]
            if not resource.created_on
        }
        earlier = days_between(self.window.first, self.window.recent)
        if ages_unknown and ages_unknown - {series for day in earlier for series in self.stored(day)}:
            return self.window.first
        expected = [
            (resource.created_on, _series(resource, watched.metric.namespace, watched.metric.name, place))
            for resource in resources
            for watched in resource.watched
            if resource.created_on
            and watched.metric.stat == "Sum"  # other metrics can have days without a row
            and watched.metric.documented
        ]
        return next(
            (
                day
                for day in earlier
                if any(created_on < day and series not in self.stored(day) for created_on, series in expected)
            ),
            self.window.recent,
        )

    def add(self, readings: MetricReadings, place: Place, *, first: date) -> None:
        """Add the readings since `first`; a Sum metric on a day without data is 0 if the resource existed."""
        series = _series(readings.resource, readings.metric.namespace, readings.metric.name, place)
        created_on, days = readings.resource.created_on, readings.days or {}
        for day in days_between(first, self.window.today):
            if day in days:
                self.collected.setdefault(day, {})[series] = days[day]
            elif readings.metric.stat == "Sum" and created_on and created_on < day:
                self.collected.setdefault(day, {})[series] = 0.0

    def write(self) -> int:
        """Write the days that changed; return the number of new or changed rows."""
        return sum(self._write(day, values) for day, values in sorted(self.collected.items()))

    def _write(self, day: date, values: Values) -> int:
        before = self.stored(day)
        is_recent = day >= self.window.recent
        # Before the recent days, stored values take precedence: CloudWatch no longer lists series that were last called
        # two weeks ago, so their values would be read as 0.
        merged = before | values if is_recent else values | before
        changed = sum(before.get(series) != value for series, value in merged.items())
        if changed:
            self.store.write_activity(self.account, day=day, values=merged)
        return changed


def _series(resource: Resource, namespace: str, metric: str, place: Place) -> Series:
    return place.region, namespace, resource.arn, metric
