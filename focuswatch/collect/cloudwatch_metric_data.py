"""Read CloudWatch metric data of any number of series, in batches of the size that GetMetricData accepts."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from focuswatch.collect.aws_paging import paged

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
MOST_QUERIES = 500  # per request


@dataclass(frozen=True)
class SeriesQuery:
    """One CloudWatch series, and the statistic to read for each period."""

    namespace: str
    metric: str
    dimensions: Iterable[tuple[str, str]]
    stat: str
    period_seconds: int

    @property
    def statistic(self) -> dict[str, Any]:
        """Return the `MetricStat` of a request."""
        dimensions = [{"Name": name, "Value": value} for name, value in sorted(self.dimensions)]
        return {
            "Metric": {"Namespace": self.namespace, "MetricName": self.metric, "Dimensions": dimensions},
            "Period": self.period_seconds,
            "Stat": self.stat,
        }


def metric_data(
    client: Any, queries: Sequence[SeriesQuery], *, start: datetime, end: datetime
) -> Iterator[tuple[int, Mapping[datetime, float] | None]]:
    """Yield parts of the data in [start, end), each with the index of its query; a query can have several parts.

    A part is None if CloudWatch returned incomplete data. Does not handle errors of `client`.
    """
    for first in range(0, len(queries), MOST_QUERIES):
        batch = queries[first : first + MOST_QUERIES]
        for result in paged(
            client.get_metric_data,
            "MetricDataResults",
            token="NextToken",
            MetricDataQueries=[
                {"Id": f"m{index}", "MetricStat": query.statistic} for index, query in enumerate(batch, first)
            ],
            StartTime=start,
            EndTime=end,
        ):
            is_complete = result.get("StatusCode", "Complete") in ("Complete", "PartialData")
            values = dict(zip(result["Timestamps"], result["Values"], strict=True)) if is_complete else None
            yield int(result["Id"].removeprefix("m")), values
