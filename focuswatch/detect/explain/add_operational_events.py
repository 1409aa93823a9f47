"""Query the operational events on the first day of cost increases, for the same account and service or resource.

A daily bill has no hours, so an event on that day may have happened before or after the cost increased. If the export
is hourly, the first hour of the increase is stated with the events. Events of the evening before are included, because
the cost of a deployment at night shows on the next day.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.hourly_onset import HOURS_BEFORE, HourlyCharges, first_hours
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease
from focuswatch.engines import Engine
from focuswatch.engines.values_as_sql_literals import Scalar, Value
from focuswatch.findings.cost_increase_explanation_models import MOST_EVENTS, Explanation, OperationalEvent
from focuswatch.findings.match_operational_events_to_services_and_resources import event_of, is_about

Events = Mapping[str, Sequence[OperationalEvent]]  # by account, newest first


def events_of_accounts(
    accounts: Iterable[str | None], *, first_day: date, end_day: date, engine: Engine, catalog: Catalog
) -> dict[str, list[OperationalEvent]]:
    """Return the events of accounts on `[first_day, end_day)`, by account, newest first. Raises QueryError."""
    ids = sorted({account for account in accounts if account})
    if not ids:
        return {}
    values: dict[str, Value] = {"account_ids": list[Scalar](ids), "first_day": first_day, "end_day": end_day}
    events: dict[str, list[OperationalEvent]] = {}
    for row in engine.query(catalog.lookups["events_of_accounts"].render(values), label="operational events"):
        events.setdefault(row["sub_account_id"], []).append(event_of(row))
    return events


def with_events(
    explanations: Mapping[str, Explanation],
    increases: Sequence[CostIncrease],
    *,
    engine: Engine,
    catalog: Catalog,
    hourly: HourlyCharges | None = None,
) -> dict[str, Explanation]:
    """Return the explanations with the events on the first day of each increase, and its first hour if known.

    Raises QueryError.
    """
    explained = [increase for increase in increases if increase.fingerprint in explanations]
    if not explained:
        return dict(explanations)
    events = events_of_accounts(
        (increase.sub_account_id for increase in explained),
        first_day=min(increase.first_day for increase in explained) - timedelta(days=1),
        end_day=max(increase.first_day for increase in explained) + timedelta(days=1),
        engine=engine,
        catalog=catalog,
    )
    found = {
        increase.fingerprint: _with_events(increase, explanations[increase.fingerprint], events)
        for increase in explained
    }
    if hourly:
        beside_events = [increase for increase in explained if found[increase.fingerprint].events]
        hours = first_hours(beside_events, hourly=hourly, engine=engine, catalog=catalog)
        found |= {
            fingerprint: found[fingerprint].model_copy(update={"first_hour": hour})
            for fingerprint, hour in hours.items()
        }
    return dict(explanations) | found


def _with_events(increase: CostIncrease, explanation: Explanation, events: Events) -> Explanation:
    drivers = [part for part in explanation.parts if part.excess >= 0]
    services = {increase.service_name, *(part.service_name for part in drivers)}
    resources = {increase.resource_id, *(part.resource_id for part in drivers)} - {None}
    regions = {increase.region_id} if increase.region_id else {part.region_id for part in drivers}
    midnight = datetime.combine(increase.first_day, time_of_day(), tzinfo=UTC)
    since, until = midnight - timedelta(hours=HOURS_BEFORE), midnight + timedelta(days=1)
    near = [
        event
        for event in events.get(increase.sub_account_id or "", ())
        if since <= event.at < until
        and is_about(event, services=services, resources=resources, regions=regions or {None})
    ]
    # The sort is stable: events of the resource come first, and the newest first among equals.
    near.sort(key=lambda event: event.resource_id not in resources)
    shown = sorted(near[:MOST_EVENTS], key=lambda event: event.at)
    return explanation.model_copy(
        update={"events": tuple(shown), "more_events": max(len(near) - MOST_EVENTS, 0)}
    )
