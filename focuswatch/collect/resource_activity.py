"""Collect the activity of one account: list its resources, read their CloudWatch metrics, store the daily values."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from focuswatch.collect import called_bedrock_models, sagemaker_bedrock_resources, search_and_graph_resources
from focuswatch.collect.access_refusals import AWS_ERRORS, Refusal, ServiceNotOffered, reason_of
from focuswatch.collect.collected_event import CollectedEvent
from focuswatch.collect.collected_files import Store
from focuswatch.collect.collection_window import Window
from focuswatch.collect.daily_cloudwatch_metrics import MetricReadings, read_metrics
from focuswatch.collect.hourly_resources_and_metrics import Place, Resource
from focuswatch.collect.member_sessions import Session
from focuswatch.collect.stored_metric_days_of_account import CollectedDays

Lister = Callable[[Any, Place], Iterator[Resource]]
LISTERS: tuple[tuple[str, Lister], ...] = (
    ("sagemaker", sagemaker_bedrock_resources.endpoints),
    ("bedrock", sagemaker_bedrock_resources.provisioned_throughputs),
    ("bedrock", sagemaker_bedrock_resources.imported_models),
    ("bedrock", sagemaker_bedrock_resources.custom_models),
    ("cloudwatch", called_bedrock_models.called_models),
    ("opensearchserverless", search_and_graph_resources.collections),
    ("opensearch", search_and_graph_resources.domains),
    ("kendra", search_and_graph_resources.kendra_indices),
    ("qbusiness", search_and_graph_resources.q_indices),
    ("neptune-graph", search_and_graph_resources.graphs),
)


@dataclass
class CollectedAccount:
    """The result of collecting one account."""

    account: str
    resources: int = 0
    rows: int = 0  # new or changed rows
    refusals: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what is not read although access was not refused
    events: list[CollectedEvent] = field(default_factory=list)

    def refuse(self, region: str, service: str, reason: str) -> None:
        """Record that a service of a region could not be read."""
        refusal = Refusal(self.account, region, service, reason)
        if refusal not in self.refusals:  # record the same reason once per service
            self.refusals.append(refusal)


def collect_account(
    account: str,
    *,
    session: Session,
    regions: Iterable[str],
    window: Window,
    store: Store,
    not_offered: ServiceNotOffered,
) -> CollectedAccount:
    """Collect every region of an account and write the days that changed.

    AWS errors of the account are recorded as refusals; errors of the store are raised.
    """
    collected = CollectedAccount(account)
    days = CollectedDays(account, window=window, store=store)
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
    session: Session, place: Place, *, collected: CollectedAccount, not_offered: ServiceNotOffered
) -> Iterator[Resource]:
    """Yield the resources of every service; record a service that cannot be read, and continue with the others."""
    for service, lister in LISTERS:
        if (service, place.region) in not_offered:
            continue
        try:
            client = session.client(service, region_name=place.region)
            yield from list(lister(client, place))
        except AWS_ERRORS as error:
            if not not_offered.remember(error, service=service, region=place.region):
                collected.refuse(place.region, service, reason_of(error))
        except Exception as error:  # such as an operation that this boto3 version lacks
            collected.refuse(place.region, service, f"unexpected {reason_of(error)}")


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
    try:
        client = session.client("cloudwatch", region_name=place.region)
        readings = list(read_metrics(client, resources, first=first, today=window.today))
    except Exception as error:
        expected = "" if isinstance(error, AWS_ERRORS) else "unexpected "
        collected.refuse(place.region, "cloudwatch", expected + reason_of(error))
        return
    for reading in readings:
        if reading.days is None:
            collected.refuse(
                place.region,
                "cloudwatch",
                f"incomplete data for the metric {reading.metric.name} of {reading.resource.arn}",
            )
        else:
            yield reading
