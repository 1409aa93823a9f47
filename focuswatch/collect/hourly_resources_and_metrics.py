"""Resources billed by the hour, and the CloudWatch metrics of their use."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

Dimensions = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Place:
    """A region of an account, for ARNs that a service does not return."""

    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN under which the bill charges the resource."""
        return f"arn:{partition(self.region)}:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Metric:
    """A CloudWatch metric. A Sum without datapoints is 0; an Average without datapoints is unknown.

    AWS does not document the namespace of a metric that is not `documented`: a resource is not evaluated by it
    unless CloudWatch lists some metric of that resource there.
    """

    namespace: str
    name: str
    stat: Literal["Sum", "Average"] = "Sum"
    documented: bool = True


@dataclass(frozen=True)
class Watched:
    """One metric of a resource, under the dimensions that AWS documents for it."""

    metric: Metric
    dimensions: tuple[Dimensions, ...]


@dataclass(frozen=True)
class Resource:
    """`marks` are pairs of a dimension's name (empty: whatever its name) and value that name this resource:
    they find further metrics of it, such as those of a deleted variant or undocumented ones. Without marks, CloudWatch
    is not searched for further metrics.

    `created_on` None means unknown; then a day without data is not stored as 0.
    """

    arn: str
    created_on: date | None
    watched: tuple[Watched, ...]
    marks: frozenset[tuple[str, str]]

    def matches(self, dimensions: Iterable[tuple[str, str]]) -> bool:
        """Return whether a metric with these dimensions belongs to this resource."""
        return any((name, value) in self.marks or ("", value) in self.marks for name, value in dimensions)


def partition(region: str) -> str:
    """Return the partition of a region: the second part of its ARNs."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def dimensions(**pairs: str) -> Dimensions:
    """Return dimensions by their names."""
    return frozenset(pairs.items())


def day_of(moment: datetime | int | float | None) -> date | None:
    """Return the UTC day of a timestamp, or of milliseconds since 1970 as OpenSearch Serverless gives them."""
    if moment is None:
        return None
    if isinstance(moment, int | float):
        moment = datetime.fromtimestamp(moment / 1000, tz=UTC)
    return moment.astimezone(UTC).date()
