"""Read the daily CloudWatch metrics of resources."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from focuswatch.collect.aws_paging import paged
from focuswatch.collect.cloudwatch_metric_data import SeriesQuery, metric_data
from focuswatch.collect.resource_model_with_metrics_to_read import Dimensions, Metric, Resource

DAY_SECONDS = 86_400
Days = dict[date, float]


@dataclass(frozen=True)
class MetricQuery:
    """One CloudWatch time series and the resource it belongs to."""

    resource: Resource
    metric: Metric
    dimensions: Dimensions


@dataclass(frozen=True)
class MetricReadings:
    """The daily values of one metric of a resource; `days` is None if CloudWatch returned incomplete data."""

    resource: Resource
    metric: Metric
    days: Days | None


def read_metrics(
    client: Any, resources: Iterable[Resource], *, first: date, today: date
) -> Iterator[MetricReadings]:
    """Yield the daily values of each metric of each resource, from `first` until yesterday.

    Does not handle errors of `client`.
    """
    queries = list(_queries(client, list(resources)))
    values = _query_values(client, queries, first=first, today=today)
    series: dict[tuple[Resource, Metric], dict[Dimensions, Days | None]] = {}
    for query, days in zip(queries, values, strict=True):
        series.setdefault((query.resource, query.metric), {})[query.dimensions] = days
    for (resource, metric), parts in series.items():
        yield MetricReadings(resource, metric, _daily_values(parts, metric=metric))


def _queries(client: Any, resources: list[Resource]) -> Iterator[MetricQuery]:
    """Yield the documented series of each resource, and the other series of its metrics that CloudWatch lists.

    A metric in an undocumented namespace is read only if CloudWatch lists some metric of the resource in that
    namespace. Otherwise the namespace might not exist, and a resource without datapoints would look idle.
    """
    searched = {watched.metric for resource in resources if resource.marks for watched in resource.watched}
    listed = {metric: _listed(client, metric) for metric in searched if metric.stat == "Sum"}
    undocumented = {metric.namespace for metric in searched if not metric.documented}
    spaces = {space: _listed_in(client, space) for space in sorted(undocumented)}
    for resource in resources:
        for watched in resource.watched:
            if not watched.metric.documented and not any(
                resource.matches(dimensions) for dimensions in spaces[watched.metric.namespace]
            ):
                continue
            further = {
                dimensions for dimensions in listed.get(watched.metric, ()) if resource.matches(dimensions)
            }
            every = further | set(watched.dimensions)
            for dimensions in every:
                # Skip the series of a single instance or node: a series with fewer dimensions includes its values.
                if not any(other < dimensions for other in every):
                    yield MetricQuery(resource, watched.metric, dimensions)


def _listed(client: Any, metric: Metric) -> list[Dimensions]:
    """Return the series of a metric that had datapoints in the last two weeks."""
    return _series(client, Namespace=metric.namespace, MetricName=metric.name)


def _listed_in(client: Any, namespace: str) -> list[Dimensions]:
    """Return the series of all metrics in a namespace that had datapoints in the last two weeks."""
    return _series(client, Namespace=namespace)


def _series(client: Any, **named: str) -> list[Dimensions]:
    metrics = paged(client.list_metrics, "Metrics", token="NextToken", **named)
    return [frozenset((pair["Name"], pair["Value"]) for pair in metric["Dimensions"]) for metric in metrics]


def _query_values(client: Any, queries: list[MetricQuery], *, first: date, today: date) -> list[Days | None]:
    """Return the daily values of each query in order; None if CloudWatch failed, so that no zeros are stored."""
    days: list[Days | None] = [{} for _ in queries]
    series = [
        SeriesQuery(
            query.metric.namespace, query.metric.name, query.dimensions, query.metric.stat, DAY_SECONDS
        )
        for query in queries
    ]
    for index, values in metric_data(client, series, start=_midnight(first), end=_midnight(today)):
        before = days[index]
        if before is None or values is None:
            days[index] = None
        else:
            before.update({moment.astimezone(UTC).date(): value for moment, value in values.items()})
    return days


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _daily_values(series: Mapping[Dimensions, Days | None], *, metric: Metric) -> Days | None:
    """Return one value per day.

    Series with the same dimension names (such as the variants of an endpoint) are added up or averaged. Series with
    different dimension names count the same calls, so the highest value is used.
    """
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
