"""Plant idle services with a minimum charge, and ones in use."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from focuswatch.simulate.meter_catalog import meters
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.resource_tags import row_tags

FLOOR = "idle_floor_service"
LONG_LOOKBACK = 14  # days for custom models and services with a minimum charge
Calls = Mapping[date, float] | None  # calls by day; None: no activity collected
# By meter: namespace and metric of requests, service and path of the ARN, units per hour.
SERVICES = {
    "kendra": (("AWS/Kendra", "IndexQueryCount"), "kendra", "index", 1),
    "kendra_genai": (("AWS/Kendra", "IndexQueryCount"), "kendra", "index", 1),
    "q_index": (("AWS/QBusiness", "ChatMessages"), "qbusiness", "application/a1b2c3/index", 1),
    "neptune": (("AWS/Neptune", "NumOpenCypherRequestsPerSec"), "neptune-graph", "graph", 16),
    "domain": (("AWS/ES", "SearchRate"), "es", "domain", 1),
}


def plant_minimum_charges(plan: BillPlan) -> None:
    ago = plan.calendar.ago
    for meter in SERVICES:
        calls, note = ({}, "without requests")
        if meter == "domain":
            calls, note = _system_searches(plan), "searched by its own system indices alone"
        identity = _service(plan, meter, calls=calls)
        plan.after_lookback(FLOOR, identity, lookback=LONG_LOOKBACK, note=f"{identity[2]}, {note}")
    identity = _service(plan, "kendra_genai", calls={}, first=ago(16))
    note = "exactly as old as the lookback"
    plan.after_lookback(FLOOR, identity, lookback=LONG_LOOKBACK, since=ago(16), note=note)
    identity = _service(plan, "kendra", calls={ago(16): 3.0})
    note = "queried once, on the first day of the lookback"
    plan.hard_negative(FLOOR, identity, kind="request metric above 0", note=note)
    plan.after_lookback(
        FLOOR, identity, lookback=LONG_LOOKBACK, used_on=(ago(16),), note="idle until its first query"
    )
    identity = _service(plan, "domain", calls={ago(3): 90.0})
    note = "90 searches on one day, which its own system indices make"
    plan.after_lookback(FLOOR, identity, lookback=LONG_LOOKBACK, note=note)
    for meter in ("neptune", "domain"):
        identity = _service(plan, meter, calls=None)
        plan.hard_negative(FLOOR, identity, kind="not evaluated", note="no activity collected for it")


def _system_searches(plan: BillPlan) -> dict[date, float]:
    """Return the daily searches of an idle domain.

    OpenSearch Dashboards, index management and alerting search all the time.
    """
    return {
        plan.calendar.first + timedelta(days=day): 380.0 + 15 * (day % 5)
        for day in range((plan.calendar.as_of - plan.calendar.first).days)
    }


def _service(plan: BillPlan, meter: str, *, calls: Calls, **options: Any) -> Identity:
    requests, service, path, units = SERVICES[meter]
    account = plan.random_account()
    region = account.regions[1]
    resource = plan.arn(service, region, account, f"{path}/{plan.random_id(8)}-{plan.random_id(12)}")
    tags = row_tags(plan, account, "trial", always="team" not in account.tags)
    plan.charge(account, meter, region, resource=resource, daily=24 * units, tags=tags, **options)
    if calls is not None:
        plan.observe(account, region, resource, of=requests, on=calls, first=options.get("first"))
    return (account.id, region, meters()[meter].service, resource)
