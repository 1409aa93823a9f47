"""Collect the activity of one account: list its resources, read their CloudWatch metrics, store the daily values."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any

from focuswatch.collect import (
    list_called_bedrock_models_from_cloudwatch,
    opensearch_kendra_q_neptune_resources,
    sagemaker_endpoints_and_bedrock_models,
)
from focuswatch.collect.account_and_region_with_arns import Place
from focuswatch.collect.counts_and_refusals_of_collected_account import CollectedAccount
from focuswatch.collect.days_to_collect import Window
from focuswatch.collect.find_missing_and_merge_metric_days import AccountMetricDays
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store
from focuswatch.collect.read_daily_cloudwatch_metrics_of_resources import MetricReadings, read_metrics
from focuswatch.collect.resource_model_with_metrics_to_read import Resource
from focuswatch.collect.services_not_offered import ServicesNotOffered
from focuswatch.collect.shared_clients_for_member_accounts import Session

Lister = Callable[[Any, Place], Iterator[Resource]]
LISTERS: tuple[tuple[str, Lister], ...] = (
    ("sagemaker", sagemaker_endpoints_and_bedrock_models.endpoints),
    ("bedrock", sagemaker_endpoints_and_bedrock_models.provisioned_throughputs),
    ("bedrock", sagemaker_endpoints_and_bedrock_models.imported_models),
    ("bedrock", sagemaker_endpoints_and_bedrock_models.custom_models),
    ("cloudwatch", list_called_bedrock_models_from_cloudwatch.called_models),
    ("opensearchserverless", opensearch_kendra_q_neptune_resources.collections),
    ("opensearch", opensearch_kendra_q_neptune_resources.domains),
    ("kendra", opensearch_kendra_q_neptune_resources.kendra_indices),
    ("qbusiness", opensearch_kendra_q_neptune_resources.q_indices),
    ("neptune-graph", opensearch_kendra_q_neptune_resources.graphs),
)


def collect_account(
    account: str,
    *,
    session: Session,
    regions: Iterable[str],
    window: Window,
    store: Store,
    not_offered: ServicesNotOffered,
) -> CollectedAccount:
    """Collect every region of an account and write the days that changed.

    AWS errors of the account are recorded as refusals; errors of the store are raised.
    """
    collected = CollectedAccount(account)
    days = AccountMetricDays(account, window=window, store=store)
    for region in regions:
        place = Place(account, region)
        resources = list(_resources(session, place, collected=collected, not_offered=not_offered))
        collected.resources += len(resources)
        first = days.missing_from(resources, place)
        for readings in _readings(
            session, place, resources=resources, first=first, window=window, collected=collected
        ):
            days.add(readings, place, first=first)
    collected.rows = days.write()
    return collected


def _resources(
    session: Session, place: Place, *, collected: CollectedAccount, not_offered: ServicesNotOffered
) -> Iterator[Resource]:
    """Yield the resources of every service; record a service that cannot be read, and continue with the others."""
    for service, lister in LISTERS:
        if (service, place.region) in not_offered:
            continue
        listed: list[Resource] = []
        with collected.recording_refusals(place.region, service, not_offered=not_offered):
            listed = list(lister(session.client(service, region_name=place.region), place))
        yield from listed


def _readings(
    session: Session,
    place: Place,
    *,
    resources: list[Resource],
    first: date,
    window: Window,
    collected: CollectedAccount,
) -> Iterator[MetricReadings]:
    """Yield complete readings; record incomplete readings as refusals, because they must not be stored as zeros."""
    if not resources:
        return
    readings: list[MetricReadings] = []
    with collected.recording_refusals(place.region, "cloudwatch"):
        client = session.client("cloudwatch", region_name=place.region)
        readings = list(read_metrics(client, resources, first=first, today=window.today))
    for reading in readings:
        if reading.days is None:
            collected.refuse(
                place.region,
                "cloudwatch",
                f"incomplete data for the metric {reading.metric.name} of {reading.resource.arn}",
            )
        else:
            yield reading
