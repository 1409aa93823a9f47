"""Plant idle Bedrock capacity, unused models and idle services with a minimum charge, and ones in use."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from focuswatch.simulate.everyday.everyday_accounts import row_tags
from focuswatch.simulate.meter_prices import meters
from focuswatch.simulate.planned_bill import BillPlan, Identity

CAPACITY = "idle_bedrock_provisioned_throughput"
MODEL = "idle_custom_model"
FLOOR = "idle_floor_service"
LOOKBACK = 7
LONG_LOOKBACK = 14  # of models and of services with a minimum charge
INVOCATIONS = ("AWS/Bedrock", "Invocations")
Calls = Mapping[date, float] | None  # None: not evaluated
# of each service: namespace and metric of its requests, service and path of its ARN, units an hour
SERVICES = {
    "kendra": (("AWS/Kendra", "IndexQueryCount"), "kendra", "index", 1),
    "kendra_genai": (("AWS/Kendra", "IndexQueryCount"), "kendra", "index", 1),
    "q_index": (("AWS/QBusiness", "ChatMessages"), "qbusiness", "application/a1b2c3/index", 1),
    "neptune": (("AWS/Neptune", "NumOpenCypherRequestsPerSec"), "neptune-graph", "graph", 16),
    "domain": (("AWS/ES", "SearchRate"), "es", "domain", 1),
}


def plant_provisioned_throughput(plan: BillPlan) -> None:
    ago = plan.calendar.ago
    idle: tuple[tuple[str, str, Calls], ...] = (
        ("pt_micro", "no call of it since the bill began", {}),
        ("pt_lite_month", "committed for a month, and again", {}),
        ("pt_haiku", "a Marketplace model's units", {}),
        ("pt_titan", "not evaluated; tokens of other models do not count", None),
        ("pt_sonnet", "not evaluated, and no tokens of that model", None),
    )
    for meter, note, calls in idle:
        identity = _held(plan, meter, "provisioned-model", calls=calls)
        plan.after_lookback(CAPACITY, identity, lookback=LOOKBACK, note=note)
    used: tuple[tuple[str, str, Calls, str | None], ...] = (
        ("pt_micro", "called on one day of the lookback", {ago(5): 40.0}, None),
        ("pt_haiku", "called on the first day of the lookback", {ago(9): 2.0}, None),
        ("pt_titan", "not evaluated, but its model is used", None, "titan_in"),
        ("pt_haiku", "not evaluated, but its Marketplace model is used", None, "haiku_out"),
    )
    for meter, note, calls, token in used:
        identity = _held(plan, meter, "provisioned-model", calls=calls, also=token)
        plan.hard_negative(CAPACITY, identity, kind="use on one day", note=note)
        if calls:
            plan.after_lookback(
                CAPACITY, identity, lookback=LOOKBACK, used_on=calls, note="idle until it was called"
            )


def plant_custom_models(plan: BillPlan) -> None:
    ago = plan.calendar.ago
    for meter, path, note, daily in (
        ("import_storage", "imported-model", "stored, never invoked", 8 / 30),
        ("custom_storage", "custom-model", "customized, never invoked", 1 / 30),
        ("import_storage", "imported-model", "kept warm without requests", 4 / 30),
    ):
        also = "import_inference" if "warm" in note else None
        identity = _held(plan, meter, path, calls={}, daily=daily, also=also)
        plan.after_lookback(MODEL, identity, lookback=LONG_LOOKBACK, note=note)
    negatives: tuple[tuple[str, str, Calls], ...] = (
        ("any invocation", "invoked once, twelve settled days ago", {ago(14): 5.0}),
        ("any invocation", "invoked on the last settled day", {ago(3): 1.0}),
        ("not evaluated", "no activity collected for it", None),
    )
    for kind, note, calls in negatives:
        identity = _held(plan, "import_storage", "imported-model", calls=calls, daily=16 / 30)
        plan.hard_negative(MODEL, identity, kind=kind, note=note)
        if calls:
            plan.after_lookback(
                MODEL, identity, lookback=LONG_LOOKBACK, used_on=calls, note="unused until it was invoked"
            )


def _held(
    plan: BillPlan, meter: str, path: str, *, calls: Calls, also: str | None = None, daily: float = 24.0
) -> Identity:
    """Add capacity or a model in an account that uses Bedrock; `also` adds tokens or model copies every day."""
    judged_by_tokens = calls is None and meter in (
        "pt_titan",
        "pt_sonnet",
    )  # models that no other account may use
    if judged_by_tokens:
        account = plan.pick("model", meter, where=lambda account: account.uses_bedrock)
    else:
        account = plan.random_account(where=lambda account: account.uses_bedrock)
    region, service = account.regions[0], meters()[meter].service
    resource = plan.arn("bedrock", region, account, f"{path}/{plan.random_id(12)}")
    tags = row_tags(plan, account, "tuning", always="team" not in account.tags)
    plan.charge(account, meter, region, resource=resource, daily=daily, tags=tags)
    if also:
        quantity = {"import_inference": 40.0, "haiku_out": 8.0, "titan_in": 20_000.0}[also]
        own = resource if also == "import_inference" else None
        plan.charge(account, also, region, resource=own, daily=quantity, tags=tags, noise=0.1)
    if calls is not None:
        plan.observe(account, region, resource, of=INVOCATIONS, on=calls)
    return (account.id, region, service, resource)


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
    """Return searches a day of an idle domain: Dashboards, index management and alerting search all the time."""
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
