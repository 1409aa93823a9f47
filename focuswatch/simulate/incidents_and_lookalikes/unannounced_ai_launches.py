"""Plant AI models and services that start without a use case, and look-alikes.

A use case names the look-alikes, or they are not new.
"""

from datetime import timedelta
from typing import Any

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.incidents_and_lookalikes.bedrock_accounts_and_charges import account_without_bedrock
from focuswatch.simulate.meter_catalog import SAGEMAKER, sagemaker
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import USE_CASE_TAG, BillPlan, Identity
from focuswatch.simulate.planned_charge_line import WORKDAYS
from focuswatch.simulate.resource_tags import row_tags

DETECTION = "unannounced_ai_launch"
INVOCATIONS = ("AWS/SageMaker", "Invocations")
LEAST_DAYS = 3
NEW_DAYS = 28  # days from its first charge during which a model is new
WARM_UP_DAYS = 14
ENDPOINT = sagemaker("Host", "ml.m5.2xlarge")
GPT = "OpenAI GPT-5.6 Sol"
HAIKU = "Claude Haiku 4.5"
OPUS = "Claude Opus 5.5"


def plant_ai_launches(plan: BillPlan) -> None:
    _new_models(plan)
    _new_service(plan)
    _replacement(plan)
    _first_weeks(plan)


def _launch(plan: BillPlan, identity: Identity, *, ago: int, note: str) -> None:
    since = plan.calendar.ago(ago)
    plan.incident(
        DETECTION,
        identity,
        since=since,
        note=note,
        found_after=LEAST_DAYS + SETTLE_DAYS,
        found_until=since + timedelta(days=NEW_DAYS),
        history=WARM_UP_DAYS,
    )


def _model_of(account: SimulatedAccount, model: str) -> Identity:
    return (account.id, None, f"{model} (Amazon Bedrock Edition)", f"model {model}")


def _tokens(
    plan: BillPlan,
    account: SimulatedAccount,
    meter: str,
    *,
    daily: float,
    more_tags: dict[str, str] | None = None,
    **options: Any,
) -> None:
    tags = row_tags(plan, account, "assistant", always="team" not in account.tags) | (more_tags or {})
    plan.charge(account, meter, account.regions[0], daily=daily, tags=tags, noise=0.05, **options)


def _new_models(plan: BillPlan) -> None:
    """Add two new models, at 60 and 69 USD a day, in an account that has always used another one.

    A use case names one of them.
    """
    name, account = "label-reading", account_without_bedrock(plan)
    _tokens(plan, account, "haiku3_in", daily=40_000.0)
    _tokens(plan, account, "gpt_out", daily=4.0, first=plan.calendar.ago(9))
    _launch(plan, _model_of(account, GPT), ago=9, note="a model of another vendor, since nine days")
    _tokens(plan, account, "opus_out", daily=2.5, first=plan.calendar.ago(8), more_tags={USE_CASE_TAG: name})
    plan.use_cases[name] = {"intent": "production", "rows": {"tags": {USE_CASE_TAG: [name]}}}
    kind = "a use case names the charges"
    _quiet(plan, _model_of(account, OPUS), ago=8, kind=kind, note="by its tag")


def _new_service(plan: BillPlan) -> None:
    using = {line.account.id for line in plan.lines if line.account and line.meter.service == SAGEMAKER}
    account = plan.pick(
        "launch", lifecycles=("steady", "sandbox"), where=lambda account: account.id not in using
    )
    identity = _endpoint(plan, account, ago=20)
    _launch(plan, identity, ago=20, note="the account's first endpoint, 44 USD a day")


def _replacement(plan: BillPlan) -> None:
    account, moved = account_without_bedrock(plan), plan.calendar.ago(10)
    _tokens(plan, account, "haiku3_in", daily=60_000.0, last=moved)
    # Long answers, so that caching would save little.
    _tokens(plan, account, "haiku3_out", daily=40_000.0, last=moved)
    _tokens(plan, account, "haiku_in", daily=62.0, first=moved)
    _tokens(plan, account, "haiku_out", daily=41.0, first=moved)
    kind = "a model replaces another of its family"
    _quiet(plan, _model_of(account, HAIKU), ago=10, kind=kind, note="four times the price, the same tokens")
    _tokens(plan, account, "gpt_out", daily=0.7, first=plan.calendar.ago(16))
    kind = "amounts below the threshold"
    _quiet(plan, _model_of(account, GPT), ago=16, kind=kind, note="11 USD a day")


def _first_weeks(plan: BillPlan) -> None:
    account = plan.organization.named("returns-prod")
    identity = _endpoint(plan, account, ago=8)
    _quiet(plan, identity, ago=8, kind="an account's first weeks", note="three days after its first charge")


def _endpoint(plan: BillPlan, account: SimulatedAccount, *, ago: int) -> Identity:
    """Add an endpoint that costs 44 USD a day since `ago` days ago; return the identity of its SageMaker launch."""
    region, first = account.regions[0], plan.calendar.ago(ago)
    resource = plan.arn("sagemaker", region, account, f"endpoint/launch-{plan.random_id(6)}")
    tags = row_tags(plan, account, "models", always="team" not in account.tags)
    plan.charge(account, ENDPOINT, region, daily=96, resource=resource, tags=tags, first=first)
    plan.observe(account, region, resource, of=INVOCATIONS, daily=20_000, week=WORKDAYS, first=first)
    return (account.id, None, SAGEMAKER, None)


def _quiet(plan: BillPlan, identity: Identity, *, ago: int, kind: str, note: str) -> None:
    plan.hard_negative(DETECTION, identity, since=plan.calendar.ago(ago), kind=kind, note=note)
