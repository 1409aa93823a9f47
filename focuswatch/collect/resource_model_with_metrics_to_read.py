"""Define the collected resources, most of them billed by the hour, and the CloudWatch metrics of their use."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

Dimensions = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Metric:
    """A CloudWatch metric. A Sum without datapoints is 0; an Average without datapoints is unknown.

    If AWS does not document the namespace, `documented` is False, and the metric is read only for a resource that has
    some listed metric in that namespace.
    """

    namespace: str
    name: str
    stat: Literal["Sum", "Average"] = "Sum"
    documented: bool = True


@dataclass(frozen=True)
class Watched:
    """A metric of a resource, with the dimensions that AWS documents for it."""

    metric: Metric
    dimensions: tuple[Dimensions, ...]


@dataclass(frozen=True)
class Resource:
    """A resource and the metrics to read for it.

    `marks` are pairs of dimension name (empty: any name) and value that identify the resource in CloudWatch. They find
    more metrics of the resource, such as those of a deleted variant or in an undocumented namespace. Without marks,
    CloudWatch is not searched for more metrics.

    `created_on` is None if it is unknown; then a day without data is not stored as 0.
    """

    arn: str
    created_on: date | None
    watched: tuple[Watched, ...]
    marks: frozenset[tuple[str, str]]

    def matches(self, dimensions: Iterable[tuple[str, str]]) -> bool:
        """Return whether a metric with these dimensions belongs to this resource."""
        return any((name, value) in self.marks or ("", value) in self.marks for name, value in dimensions)


def dimensions(**pairs: str) -> Dimensions:
    """Return the CloudWatch dimensions with these names and values."""
    return frozenset(pairs.items())


def day_of(moment: datetime | int | float | None) -> date | None:
    """Return the UTC day of a timestamp, or of milliseconds since 1970 (OpenSearch Serverless)."""
    if moment is None:
        return None
    if isinstance(moment, int | float):
        moment = datetime.fromtimestamp(moment / 1000, tz=UTC)
    return moment.astimezone(UTC).date()
