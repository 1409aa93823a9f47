"""Match operational events to services and resources, for the root cause of a cost increase.

An event on the same day does not prove a cause.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime

from focuswatch.engines import Row
from focuswatch.findings.cost_increase_explanation_models import OperationalEvent

PREFIX_OR_SUFFIX = re.compile(r"^(amazon|aws) *| ai$")
NO_REGIONS = frozenset({None, "", "global", "NoRegion"})


def event_of(row: Row) -> OperationalEvent:
    """Return the event in a row of the table `events`, whose times are in UTC."""
    at: datetime = row["occurred_at"]
    return OperationalEvent(
        at=at if at.tzinfo else at.replace(tzinfo=UTC),
        kind=row["kind"] or "event",
        region_id=row["region_id"],
        service_name=row["service_name"],
        resource_id=row["resource_id"],
        reference=row["reference"],
    )


def is_about(
    event: OperationalEvent,
    *,
    services: Collection[str | None],
    resources: Collection[str | None] = (),
    regions: Collection[str | None] = (None,),
) -> bool:
    """Return whether an event names one of the services or resources, and no Region outside `regions`.

    If `regions` includes None or a global Region, the event may name any Region. An event that names neither a service
    nor a resource does not match.
    """
    is_elsewhere = event.region_id not in NO_REGIONS and event.region_id not in regions
    if is_elsewhere and NO_REGIONS.isdisjoint(regions):
        return False
    keys = {service_key(name) for name in services if name}
    is_service = event.service_name is not None and service_key(event.service_name) in keys
    return is_service or (event.resource_id is not None and event.resource_id in resources)


def service_key(name: str) -> str:
    """Return a key that is the same for all names of a service: `lambda` for AWS Lambda and for Lambda.

    athena_sql/reports/spend_beside_events.sql applies the same rule.
    """
    lowered = name.strip().lower()
    # On a bill, Bedrock models from AWS Marketplace are services with names of their own.
    if "bedrock" in lowered and "agentcore" not in lowered:
        return "bedrock"
    return PREFIX_OR_SUFFIX.sub("", lowered)
