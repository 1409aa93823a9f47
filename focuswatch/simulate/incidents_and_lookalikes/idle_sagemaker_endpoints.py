"""Plant idle SageMaker endpoints, and ones in use."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.meter_catalog import SAGEMAKER, meters, sagemaker
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.planned_charge_line import Commitment
from focuswatch.simulate.resource_tags import row_tags

DETECTION = "idle_sagemaker_endpoint"
UNIT_COST = "unit_cost_regression"
LOOKBACK = 7
INVOCATIONS = ("AWS/SageMaker", "Invocations")
NAMES = ("churn", "forecast", "similar-items", "price-hints", "returns-risk", "spam", "captions", "summaries")


@dataclass(frozen=True)
class _Endpoint:
    account: SimulatedAccount
    region: str
    resource: str

    @property
    def identity(self) -> Identity:
        return (self.account.id, self.region, SAGEMAKER, self.resource)


@dataclass(frozen=True)
class _Case:
    """An endpoint with one instance type per variant.

    It is called every day until `until` days before the end of the bill, and on the days `called` before the end.
    """

    note: str
    instances: tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)
    called: tuple[int, ...] = ()
    until: int | None = None
    count: int = 1


def plant_endpoints(plan: BillPlan) -> None:
    _idle(plan)
    _covered_and_netted(plan)
    _hard_negative(plan)
    _other_kinds(plan)


def _planted(plan: BillPlan, case: _Case, *, watched: bool = True) -> _Endpoint:
    account = plan.random_account(where=lambda account: account.environment == "dev")
    region = account.regions[0]
    resource = plan.arn(
        "sagemaker", region, account, f"endpoint/{plan.rng.choice(NAMES)}-{plan.random_id(6)}"
    )
    tags = row_tags(plan, account, "trial", always="team" not in account.tags)
    for instance in case.instances:
        meter = sagemaker("Host", instance)
        plan.charge(
            account, meter, region, resource=resource, daily=24 * case.count, tags=tags, **case.options
        )
    if watched:
        calls = _calls(plan, case)
        plan.observe(account, region, resource, of=INVOCATIONS, on=calls, first=case.options.get("first"))
    return _Endpoint(account, region, resource)


def _calls(plan: BillPlan, case: _Case) -> dict[date, float]:
    calls = {plan.calendar.ago(ago): 3.0 for ago in case.called}
    busy = (plan.calendar.ago(case.until) - plan.calendar.first).days if case.until else 0
    return calls | {plan.calendar.first + timedelta(days=day): 800.0 for day in range(busy)}


def _idle(plan: BillPlan) -> None:
    ago = plan.calendar.ago
    for case in (
        _Case("never called", ("ml.m5.xlarge",)),
        _Case("two GPU instances", ("ml.g5.2xlarge",), count=2),
        _Case("two variants, neither called", ("ml.m5.large", "ml.c5.xlarge")),
        _Case("last called three weeks ago", ("ml.m5.2xlarge",), until=20),
        _Case("exactly as old as the lookback", ("ml.m5.large",), {"first": ago(9)}),
        _Case("deleted a month ago", ("ml.t3.medium",), {"last": ago(30)}),
    ):
        endpoint = _planted(plan, case)
        since = ago(case.until) if case.until else case.options.get("first")
        last = case.options.get("last")
        plan.after_lookback(
            DETECTION, endpoint.identity, lookback=LOOKBACK, since=since, until=last, note=case.note
        )
        if case.until:
            note = "an hour serves fewer calls in the week in which they end"
            plan.incident(
                UNIT_COST,
                endpoint.identity,
                since=since,
                until=ago(case.until - 5),
                note=note,
                found_after=5,
                found_until=ago(case.until - 7),
                history=14,
            )


def _covered_and_netted(plan: BillPlan) -> None:
    payer = plan.organization.payer
    plan_id = plan.arn("savingsplans", None, payer, f"savingsplan/{plan.random_id(8)}-{plan.random_id(12)}")
    covered = Commitment(plan_id, "SageMaker 1yr No Upfront", "Savings Plan", "Used", 0.6)
    note = "covered by a Savings Plan: BilledCost is 0, EffectiveCost is not"
    endpoint = _planted(plan, _Case(note, ("ml.m5.2xlarge",), {"commitment": covered}))
    plan.after_lookback(DETECTION, endpoint.identity, lookback=LOOKBACK, note=note)
    endpoint = _planted(plan, _Case("", ("ml.c5.xlarge",)))
    credit = {"resource": endpoint.resource, "category": "Credit", "frequency": "One-Time"}
    plan.charge(endpoint.account, sagemaker("Host", "ml.c5.xlarge"), endpoint.region, daily=-24, **credit)
    plan.after_lookback(DETECTION, endpoint.identity, lookback=LOOKBACK, note="netted to zero by credits")


def _hard_negative(plan: BillPlan) -> None:
    any_call = "a call to any one variant on any one day"
    born = plan.calendar.ago(8)
    for kind, case in (
        (any_call, _Case("called once, on the first day of the lookback", ("ml.m5.xlarge",), called=(9,))),
        (
            any_call,
            _Case(
                "one of two variants, on the last settled day", ("ml.m5.large", "ml.c5.xlarge"), called=(3,)
            ),
        ),
        (
            "endpoint younger than the lookback",
            _Case("six settled days old", ("ml.m5.large",), {"first": born}),
        ),
    ):
        endpoint = _planted(plan, case)
        plan.hard_negative(
            DETECTION, endpoint.identity, kind=kind, note=case.note, since=case.options.get("first")
        )
        if case.called:
            used = [plan.calendar.ago(ago) for ago in case.called]
            note = "idle until it was called"
            plan.after_lookback(DETECTION, endpoint.identity, lookback=LOOKBACK, used_on=used, note=note)
    for instance in ("ml.m5.xlarge", "ml.c5.xlarge"):
        endpoint = _planted(plan, _Case("", (instance,)), watched=False)
        plan.hard_negative(
            DETECTION, endpoint.identity, kind="no activity collected for it", note="not evaluated"
        )


def _other_kinds(plan: BillPlan) -> None:
    for kind, path, meter in (
        ("async and serverless endpoints", "endpoint/batch-async", sagemaker("AsyncInf", "ml.m5.xlarge")),
        ("async and serverless endpoints", "endpoint/serverless-trial", meters()["ml_serverless"]),
        ("training, notebooks, studio", "training-job/leftover", sagemaker("Train", "ml.m5.large")),
        ("training, notebooks, studio", "notebook-instance/old", sagemaker("Notebk", "ml.t3.medium")),
        ("training, notebooks, studio", "space/studio", sagemaker("Studio", "ml.m5.large")),
    ):
        account = plan.random_account(where=lambda account: account.environment == "dev")
        region = account.regions[0]
        resource = plan.arn("sagemaker", region, account, f"{path}-{plan.random_id(6)}")
        tags = row_tags(plan, account, "trial", always="team" not in account.tags)
        plan.charge(account, meter, region, resource=resource, daily=24, tags=tags)
        plan.observe(account, region, resource, of=INVOCATIONS)
        if "leftover" in path:
            place = (account.id, region, SAGEMAKER, None)
            near = "91 USD/month, near the threshold"
            plan.incident("on_demand_training", place, note=near, found_after=8 + SETTLE_DAYS, certain=False)
        identity = _Endpoint(account, region, resource).identity
        plan.hard_negative(
            DETECTION, identity, kind=kind, note="charged daily, never invoked, and no real-time endpoint"
        )
