"""Plant untagged AI spend, and look-alikes of it."""

from focuswatch.simulate.billing_meter_record_and_region_price_factors import Meter
from focuswatch.simulate.meter_catalog import EC2, SAGEMAKER, ec2, meters, sagemaker
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.resource_tags import team_tag

UNTAGGED = "untagged_ai_spend"
LOOKBACK = 7


def plant_untagged(plan: BillPlan) -> None:
    _untagged_tokens(plan)
    _untagged_machines(plan)
    _tagged(plan)


def without_team(account: SimulatedAccount) -> bool:
    return "team" not in account.tags


def _neither_team_nor_bedrock(account: SimulatedAccount) -> bool:
    return without_team(account) and not account.uses_bedrock


def _untagged_tokens(plan: BillPlan) -> None:
    """Add tokens without a resource or tag since the start of the bill."""
    for meter, daily, note in (
        ("haiku3_in", 60_000.0, "tokens, no resource named"),
        ("gpt_out", 2.0, "a Marketplace model"),
    ):
        account = plan.pick("bedrock", lifecycles=("steady", "sandbox"), where=_neither_team_nor_bedrock)
        line = plan.charge(account, meter, account.regions[0], daily=daily, noise=0.1, sway=0.04)
        identity = (account.id, line.region, line.meter.service, None)
        plan.after_lookback(UNTAGGED, identity, lookback=LOOKBACK, note=note)


def _untagged_machines(plan: BillPlan) -> None:
    cases: tuple[tuple[Meter, str, str, dict[str, str], str], ...] = (
        (sagemaker("Notebk", "ml.t3.medium"), "sagemaker", "notebook-instance/scratch", {}, "a notebook"),
        (
            ec2("g4dn.xlarge"),
            "ec2",
            "instance/i-0",
            {"application": "demo"},
            "a GPU machine, tagged but with no team",
        ),
        (meters()["kendra_genai"], "kendra", "index/scratch", {"team": ""}, "the tag is there, and empty"),
    )
    for meter, service, path, tags, note in cases:
        account = plan.random_account(lifecycles=("steady", "sandbox"), where=without_team)
        region = account.regions[0]
        resource = plan.arn(service, region, account, f"{path}-{plan.random_id(8)}")
        plan.charge(account, meter, region, resource=resource, daily=24.0, tags=tags)
        plan.observe(account, region, resource, of=("AWS/Kendra", "IndexQueryCount"), daily=50)
        plan.after_lookback(
            UNTAGGED, (account.id, region, meter.service, resource), lookback=LOOKBACK, note=note
        )


def _notebook(plan: BillPlan, account: SimulatedAccount, tags: dict[str, str]) -> Identity:
    region = account.regions[1]
    resource = plan.arn("sagemaker", region, account, f"notebook-instance/study-{plan.random_id(6)}")
    plan.charge(account, sagemaker("Notebk", "ml.m5.xlarge"), region, resource=resource, daily=24, tags=tags)
    return (account.id, region, SAGEMAKER, resource)


def _tagged(plan: BillPlan) -> None:
    account = plan.random_account(where=without_team)
    identity = _notebook(plan, account, team_tag(account))
    plan.hard_negative(UNTAGGED, identity, kind="the row is tagged", note="the account is not")
    identity = _notebook(plan, plan.random_account(where=lambda account: not without_team(account)), {})
    plan.hard_negative(UNTAGGED, identity, kind="the account is tagged", note="the row is not")
    account = plan.random_account(where=without_team)
    region = account.regions[0]
    resource = plan.instance(account, region)
    plan.charge(account, ec2("m6i.2xlarge"), region, resource=resource, daily=24)
    plan.hard_negative(
        UNTAGGED, (account.id, region, EC2, resource), kind="not AI", note="an untagged machine"
    )
