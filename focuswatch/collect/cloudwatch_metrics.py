"""What CloudWatch says that resources did, day by day."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from focuswatch.collect.aws_paging import paged
from focuswatch.collect.hourly_resources import Dimensions, Metric, Resource

QUERIES_A_CALL = (
    500  # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
)
DAY_SECONDS = 86_400
Days = dict[date, float]


@dataclass(frozen=True)
class MetricQuery:
    """One time series of CloudWatch's, and the resource it tells of."""

    resource: Resource
    metric: Metric
    dimensions: Dimensions


@dataclass(frozen=True)
class MetricReadings:
    """What one metric of a resource came to; None where CloudWatch could not say all of it."""

    resource: Resource
    metric: Metric
    days: Days | None


def told(client: Any, resources: Iterable[Resource], *, first: date, today: date) -> Iterator[MetricReadings]:
    """Each metric of each resource from `first` until yesterday.

    Raises what the client raises.
    """
    asked = list(_asked(client, list(resources)))
    days = _answers(client, asked, first=first, today=today)
    series: dict[tuple[Resource, Metric], dict[Dimensions, Days | None]] = {}
    for one, answer in zip(asked, days, strict=True):
        series.setdefault((one.resource, one.metric), {})[one.dimensions] = answer
    for (resource, metric), answers in series.items():
        yield MetricReadings(resource, metric, _one_value_a_day(answers, metric=metric))


def _asked(client: Any, resources: list[Resource]) -> Iterator[MetricQuery]:
    """The documented series of each resource, and those that CloudWatch has beside them.

    A metric that is not documented is asked for only where CloudWatch lists any metric of that resource in the
    namespace: no datapoints, in a namespace that may not exist, would say that nobody uses the resource.
    """
    sums = {watched.metric for resource in resources for watched in resource.watched}
    listed = {metric: _listed(client, metric) for metric in sums if metric.stat == "Sum"}
    guessed = {metric.namespace for metric in sums if not metric.documented}
    spaces = {space: _listed_in(client, space) for space in sorted(guessed)}
    for resource in resources:
        for watched in resource.watched:
            if not watched.metric.documented and not any(
                resource.is_meant_by(one) for one in spaces[watched.metric.namespace]
            ):
                continue
            found = {one for one in listed.get(watched.metric, ()) if resource.is_meant_by(one)}
            every = found | set(watched.dimensions)
            for one in every:
                if not any(
                    other < one for other in every
                ):  # by instance or node: parts of what is asked already
                    yield MetricQuery(resource, watched.metric, one)


def _listed(client: Any, metric: Metric) -> list[Dimensions]:
    """The series of a metric that had datapoints in the last two weeks."""
    return _series(client, Namespace=metric.namespace, MetricName=metric.name)


def _listed_in(client: Any, namespace: str) -> list[Dimensions]:
    """The series of all metrics of a namespace that had datapoints in the last two weeks."""
    return _series(client, Namespace=namespace)


def _series(client: Any, **named: str) -> list[Dimensions]:
    found = paged(client.list_metrics, "Metrics", token="NextToken", **named)
    return [frozenset((one["Name"], one["Value"]) for one in series["Dimensions"]) for series in found]


def _answers(client: Any, asked: list[MetricQuery], *, first: date, today: date) -> list[Days | None]:
    """The days of each series in turn; None where CloudWatch failed on it, so that no zero is made of that."""
    answers: list[Days | None] = []
    for start in range(0, len(asked), QUERIES_A_CALL):
        part = {
            f"m{place}": one for place, one in enumerate(asked[start : start + QUERIES_A_CALL])
        }  # in order
        days: dict[str, Days] = {name: {} for name in part}
        failed: set[str] = set()
        for result in paged(
            client.get_metric_data,
            "MetricDataResults",
            token="NextToken",
            MetricDataQueries=[_query(name, one) for name, one in part.items()],
            StartTime=_midnight(first),
            EndTime=_midnight(today),
        ):
            moments = [moment.astimezone(UTC).date() for moment in result["Timestamps"]]
            days[result["Id"]].update(zip(moments, result["Values"], strict=True))
            if result.get("StatusCode", "Complete") not in ("Complete", "PartialData"):
                failed.add(result["Id"])
        answers += [None if name in failed else days[name] for name in part]
    return answers


def _query(name: str, asked: MetricQuery) -> dict[str, Any]:
    named = [{"Name": key, "Value": value} for key, value in sorted(asked.dimensions)]
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": asked.metric.namespace,
                "MetricName": asked.metric.name,
                "Dimensions": named,
            },
            "Period": DAY_SECONDS,
            "Stat": asked.metric.stat,
        },
    }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _one_value_a_day(series: Mapping[Dimensions, Days | None], *, metric: Metric) -> Days | None:
    """Series of the same dimensions are parts of a whole (variants); of other ones, the same calls told again."""
    if any(days is None for days in series.values()):
        return None
    wholes: dict[frozenset[str], list[Days]] = {}
    for dimensions, days in series.items():
        wholes.setdefault(frozenset(name for name, _ in dimensions), []).append(days or {})
    merged: Days = {}
    for parts in wholes.values():
        for day in {day for part in parts for day in part}:
            values = [part[day] for part in parts if day in part]
            value = sum(values) / (len(values) if metric.stat == "Average" else 1)
            merged[day] = max(value, merged.get(day, value))
    return merged


def days_between(first: date, end: date) -> list[date]:
    """Every day from `first` until the day before `end`."""
    return [first + timedelta(days=offset) for offset in range((end - first).days)]
