"""One account's activity: list what costs by the hour, ask CloudWatch what it did, write it down day by day."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from focuswatch.collect import model_resources, search_resources
from focuswatch.collect.access_refusals import AWS_ERRORS, Refusal, ServiceNotOffered, reason_of
from focuswatch.collect.cloudwatch_metrics import MetricReadings, told
from focuswatch.collect.collected_days import CollectedDays, Window
from focuswatch.collect.collected_files import Store
from focuswatch.collect.hourly_resources import Place, Resource
from focuswatch.collect.member_sessions import Session

Lister = Callable[[Any, Place], Iterator[Resource]]
LISTERS: tuple[tuple[str, Lister], ...] = (
    ("sagemaker", model_resources.endpoints),
    ("bedrock", model_resources.provisioned_throughputs),
    ("bedrock", model_resources.imported_models),
    ("bedrock", model_resources.custom_models),
    ("opensearchserverless", search_resources.collections),
    ("opensearch", search_resources.domains),
    ("kendra", search_resources.kendra_indices),
    ("qbusiness", search_resources.q_indices),
    ("neptune-graph", search_resources.graphs),
)


@dataclass
class CollectedAccount:
    """What came of looking at one account."""

    account: str
    resources: int = 0
    rows: int = 0  # that are new or changed
    refusals: list[Refusal] = field(default_factory=list)

    def refuse(self, region: str, service: str, reason: str) -> None:
        """Note that a service of a region was not looked at."""
        refusal = Refusal(self.account, region, service, reason)
        if refusal not in self.refusals:  # three lists of Bedrock that refuse alike are one refusal
            self.refusals.append(refusal)


def look(
    account: str,
    *,
    session: Session,
    regions: Iterable[str],
    window: Window,
    store: Store,
    not_offered: ServiceNotOffered,
) -> CollectedAccount:
    """Look at every region of an account and write what is new of its days.

    Raises nothing of AWS's about the account looked at; what the store raises is passed on.
    """
    looked = CollectedAccount(account)
    known = CollectedDays(account, window=window, store=store)
    for region in regions:
        place = Place(account, region)
        resources = list(_resources(session, place, looked=looked, not_offered=not_offered))
        looked.resources += len(resources)
        first = known.missing_from(resources, place)
        for one in _told(session, place, resources=resources, first=first, window=window, looked=looked):
            known.learn(one, place, first=first)
    looked.rows = known.write()
    return looked


def _resources(
    session: Session, place: Place, *, looked: CollectedAccount, not_offered: ServiceNotOffered
) -> Iterator[Resource]:
    """What each service lists; one that refuses is noted, and does not hide the others."""
    for service, lister in LISTERS:
        if (service, place.region) in not_offered:
            continue
        try:
            client = session.client(service, region_name=place.region)
            yield from list(lister(client, place))
        except AWS_ERRORS as error:
            if not not_offered.learn(error, service=service, region=place.region):
                looked.refuse(place.region, service, reason_of(error))
        except (
            Exception
        ) as error:  # as of an operation that this boto3 lacks: it costs its service and nothing else
            looked.refuse(place.region, service, f"unexpected {reason_of(error)}")


def _told(
    session: Session,
    place: Place,
    *,
    resources: list[Resource],
    first: date,
    window: Window,
    looked: CollectedAccount,
) -> Iterator[MetricReadings]:
    """What CloudWatch answers in full; an answer that is not whole is noted, and makes no zeros."""
    if not resources:
        return
    try:
        client = session.client("cloudwatch", region_name=place.region)
        answers = list(told(client, resources, first=first, today=window.today))
    except Exception as error:
        expected = "" if isinstance(error, AWS_ERRORS) else "unexpected "
        looked.refuse(place.region, "cloudwatch", expected + reason_of(error))
        return
    for one in answers:
        if one.days is None:
            looked.refuse(place.region, "cloudwatch", f"no answer on {one.metric.name} of {one.resource.arn}")
        else:
            yield one
