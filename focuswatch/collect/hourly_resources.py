"""A resource that costs by the hour, and where CloudWatch says what it does."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

Dimensions = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Place:
    """An account's region, for ARNs that a service does not spell out."""

    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN under which the bill charges the resource."""
        return f"arn:{partition(self.region)}:{service}:{self.region}:{self.account}:{resource}"


@dataclass(frozen=True)
class Metric:
    """CloudWatch's own words. A Sum without datapoints is 0; an Average without datapoints is not known.

    No page of AWS's says that a metric which is not `documented` exists in that namespace: a resource is not evaluated
    by it unless CloudWatch has listed some metric of that resource there.
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
    by them further metrics of it are found, those of a variant it no longer has or that no page documents.

    `created_on` None means that nobody says; then nothing is said to be quiet.
    """

    arn: str
    created_on: date | None
    watched: tuple[Watched, ...]
    marks: frozenset[tuple[str, str]]

    def is_meant_by(self, dimensions: Iterable[tuple[str, str]]) -> bool:
        """Whether a metric with these dimensions tells of this resource."""
        return any((name, value) in self.marks or ("", value) in self.marks for name, value in dimensions)


def partition(region: str) -> str:
    """The first word of every ARN of a region."""
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def dimensions(**pairs: str) -> Dimensions:
    """Dimensions, by their names."""
    return frozenset(pairs.items())


def day_of(moment: datetime | int | float | None) -> date | None:
    """The UTC day of a timestamp, or of milliseconds since 1970 as OpenSearch Serverless gives them."""
    if moment is None:
        return None
    if isinstance(moment, int | float):
        moment = datetime.fromtimestamp(moment / 1000, tz=UTC)
    return moment.astimezone(UTC).date()
