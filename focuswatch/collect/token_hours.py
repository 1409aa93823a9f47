"""Read hourly token counts from CloudWatch for each Bedrock model that an account calls.

CloudWatch charges for GetMetricData by series, not by datapoint. So after a recent run, only series with datapoints in
the last three hours are read, but each read includes the earlier hours that late datapoints can change.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from focuswatch.collect.account_and_region_with_arns import Place
from focuswatch.collect.aws_paging import paged
from focuswatch.collect.cloudwatch_metric_data import SeriesQuery, metric_data
from focuswatch.collect.collection_refusals import AWS_ERRORS, Refusal, reason_of
from focuswatch.collect.list_called_bedrock_models_from_cloudwatch import NAMESPACE, RESOURCE_MODEL_PARTS
from focuswatch.collect.read_and_write_collected_tables_in_s3 import TokenHour, TokenHours
from focuswatch.collect.shared_clients_for_member_accounts import Session

# https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
KINDS = {
    "InputTokenCount": "input",
    "OutputTokenCount": "output",
    "CacheReadInputTokenCount": "cache read",
    "CacheWriteInputTokenCount": "cache write",
}
HOUR_SECONDS = 3600
RECENT = timedelta(hours=2)  # less than the three hours of RecentlyActive in ListMetrics
LATE = timedelta(hours=6)  # hours that every run reads again
Series = tuple[str, str]  # ModelId, metric


@dataclass(frozen=True)
class HourSpan:
    """The complete hours `[first, end)`; hours before `read_until` were read earlier (None: no hour was read)."""

    first: datetime
    end: datetime
    read_until: datetime | None = None

    @property
    def start(self) -> datetime:
        """Return the first hour to read; the first run reads all hours."""
        return self.first if self.read_until is None else max(self.first, self.read_until - LATE)

    @property
    def is_recent(self) -> bool:
        """Return whether RecentlyActive lists every series with datapoints since the previous run."""
        return self.read_until is not None and self.end - self.read_until <= RECENT


def token_series(client: Any, *, recently_active: bool) -> list[Series]:
    """Return the series of models and inference profiles with datapoints in the last two weeks, or three hours."""
    only = {"RecentlyActive": "PT3H"} if recently_active else {}
    listed = paged(client.list_metrics, "Metrics", token="NextToken", Namespace=NAMESPACE, **only)
    series = {
        (metric["Dimensions"][0]["Value"], metric["MetricName"])
        for metric in listed
        if metric["MetricName"] in KINDS and [pair["Name"] for pair in metric["Dimensions"]] == ["ModelId"]
    }
    return sorted(one for one in series if not any(kind in one[0] for kind in RESOURCE_MODEL_PARTS))


def read_token_hours(
    client: Any, series: Iterable[Series], *, place: Place, span: HourSpan
) -> tuple[TokenHours, list[Refusal]]:
    """Return the tokens of each hour since `span.start`, and a refusal for each series with incomplete data.

    Does not handle errors of `client`.
    """
    hours: TokenHours = {}
    refusals = []
    listed = list(series)
    queries = [
        SeriesQuery(NAMESPACE, metric, (("ModelId", model_id),), "Sum", HOUR_SECONDS)
        for model_id, metric in listed
    ]
    for index, values in metric_data(client, queries, start=span.start, end=span.end):
        model_id, metric = listed[index]
        if values is None:
            reason = f"incomplete data for the metric {metric} of {model_id}"
            refusals.append(Refusal(place.account, place.region, "cloudwatch", reason))
            continue
        for moment, value in values.items():
            if value:
                hours[_hour(moment, place, model_id=model_id, kind=KINDS[metric])] = float(value)
    return hours, refusals


def _hour(moment: datetime, place: Place, *, model_id: str, kind: str) -> TokenHour:
    at = moment.astimezone(UTC)
    return at.date(), at.hour, place.account, place.region, model_id, kind


def region_hours(session: Session, place: Place, *, span: HourSpan) -> tuple[TokenHours, list[Refusal]]:
    """Return the tokens of an account and Region by hour; AWS errors are returned as refusals.

    Every Region offers CloudWatch, so an endpoint that cannot be reached is a refusal too.
    """
    try:
        client = session.client("cloudwatch", region_name=place.region)
        series = token_series(client, recently_active=span.is_recent)
        return read_token_hours(client, series, place=place, span=span)
    except AWS_ERRORS as error:
        return {}, [Refusal(place.account, place.region, "cloudwatch", reason_of(error))]
