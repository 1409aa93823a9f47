"""Plant idle Provisioned Throughput and unused custom models, and ones in use."""

from focuswatch.simulate.incidents_and_lookalikes.idle_minimum_charge_services import (
    LONG_LOOKBACK,
    Calls,
)
from focuswatch.simulate.meter_catalog import meters
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.resource_tags import row_tags

LOOKBACK = 7
CAPACITY = "idle_bedrock_provisioned_throughput"
MODEL = "idle_custom_model"
INVOCATIONS = ("AWS/Bedrock", "Invocations")


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
    """Add Provisioned Throughput or a custom model in an account that uses Bedrock.

    `also` adds tokens or model copies every day.
    """
    # Without activity, usage is judged by the model's tokens, so each of these cases needs an account of its own.
    judged_by_tokens = calls is None and meter in ("pt_titan", "pt_sonnet")
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
