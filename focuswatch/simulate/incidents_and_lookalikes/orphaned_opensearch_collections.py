"""Plant orphaned OpenSearch Serverless collections, and ones in use."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from focuswatch.simulate.incidents_and_lookalikes.bedrock_accounts_and_charges import account_without_bedrock
from focuswatch.simulate.meter_catalog import OPENSEARCH
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan, Identity
from focuswatch.simulate.resource_tags import row_tags, team_tag

DETECTION = "orphaned_opensearch_collection"
BOTH = ("search_ocu", "indexing_ocu")
LOOKBACK = 7
SEARCHES = ("AWS/AOSS", "SearchRequestRate")
# Bedrock families, each of them the only usage of an account: days ago, meter, quantity.
FAMILIES = (
    ("first-party, legacy shape", 4, "haiku3_in", 400.0),
    ("first-party, mantle shape", 9, "gpt_oss_in", 900.0),
    ("the service shape", 3, "sonnet_service_in", 60.0),
    ("a Marketplace edition, camel", 6, "haiku_in", 0.4),
    ("a Marketplace edition, snake", 5, "opus_in", 0.2),
    ("AgentCore", 1, "agent_cpu", 0.3),
    ("guardrails", 8, "guardrail", 40.0),
)


def plant_collections(plan: BillPlan) -> None:
    _without_a_name(plan)
    _named_after_the_account(plan)
    _netted(plan)
    _left_behind(plan)
    _used_by_one_call(plan)
    _young_and_scaled_to_zero(plan)
    _searched(plan)


def _charge_collection(
    plan: BillPlan,
    account: SimulatedAccount,
    region: str,
    resource: str | None = None,
    *,
    meters: tuple[str, ...] = BOTH,
    ocus: float = 1.0,
    **options: Any,
) -> Identity:
    tags = row_tags(plan, account, "retrieval", always="team" not in account.tags)
    for meter in meters:
        plan.charge(account, meter, region, resource=resource, daily=24 * ocus, tags=tags, **options)
    plan.charge(account, "pool_storage", region, resource=resource, daily=2 / 30, tags=tags, **options)
    return (account.id, region, OPENSEARCH, resource)


def _collection_arn(plan: BillPlan, account: SimulatedAccount, region: str, *, group: bool = False) -> str:
    return plan.arn("aoss", region, account, f"collection{'-group' if group else ''}/{plan.random_id(20)}")


def _without_a_name(plan: BillPlan) -> None:
    account = account_without_bedrock(plan)
    identity = _charge_collection(plan, account, account.regions[0], ocus=2)
    plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, note="the bill names no resource")
    region = plan.unused_region(account)
    group = _collection_arn(plan, account, region, group=True)
    identity = _charge_collection(plan, account, region, group, meters=("search_ocu",))
    plan.after_lookback(
        DETECTION, identity, lookback=LOOKBACK, note="charged to a collection group, search alone"
    )


def _named_after_the_account(plan: BillPlan) -> None:
    account = account_without_bedrock(plan)
    region = account.regions[0]
    identity = _charge_collection(
        plan, account, region, f"arn:aws:aoss:{region}:{account.id}", meters=("indexing_ocu",)
    )
    plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, note="charged to the account, indexing alone")
    tokyo = "ap-northeast-1"
    resource = _collection_arn(plan, account, tokyo)
    plan.observe(account, tokyo, resource, of=SEARCHES)
    identity = _charge_collection(plan, account, tokyo, resource)
    plan.after_lookback(
        DETECTION, identity, lookback=LOOKBACK, note="charged to a collection, and CloudWatch saw no search"
    )


def _netted(plan: BillPlan) -> None:
    account = account_without_bedrock(plan)
    region = account.regions[0]
    identity = _charge_collection(plan, account, region)
    for meter in BOTH:
        plan.charge(account, meter, region, daily=-24, category="Credit", frequency="One-Time")
    plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, note="netted to zero by credits")
    region = plan.unused_region(account)
    identity = _charge_collection(plan, account, region, _collection_arn(plan, account, region), ocus=0.5)
    plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, note="half OCUs, redundancy off")


def _left_behind(plan: BillPlan) -> None:
    """Add two collections of a deleted knowledge base: one was deleted later, the other was not."""
    account = account_without_bedrock(plan)
    region, deleted = account.regions[0], plan.calendar.ago(plan.rng.randrange(30, 45))
    for meter, daily in (("sonnet_service_in", 400), ("haiku3_in", 5000)):
        plan.charge(account, meter, region, daily=daily, last=deleted, tags=team_tag(account), noise=0.1)
    model = plan.arn("bedrock", region, account, f"imported-model/{plan.random_id(12)}")
    plan.charge(account, "import_storage", region, resource=model, daily=4 / 30, tags=team_tag(account))
    identity = _charge_collection(plan, account, region, _collection_arn(plan, account, region))
    note = "its knowledge base was deleted; a model is still stored, which is not use"
    plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, since=deleted, note=note)
    noticed = plan.calendar.ago(15)
    identity = _charge_collection(plan, account, plan.unused_region(account), last=noticed)
    note = "switched off after two weeks or more"
    plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, since=deleted, until=noticed, note=note)


def _used_by_one_call(plan: BillPlan) -> None:
    """Add collections in accounts that used one kind of Bedrock on one day of the lookback.

    They also used it 75 days ago, so that the usage is not a first charge.
    """
    for family, ago, meter, daily in FAMILIES:
        account = account_without_bedrock(plan)
        elsewhere = family == "AgentCore"
        days = (75, ago)
        for day in days:
            span = {
                "first": plan.calendar.ago(day),
                "last": plan.calendar.ago(day - 1),
                "tags": team_tag(account),
            }
            plan.charge(account, meter, account.regions[-1 if elsewhere else 0], daily=daily, **span)
        identity = _charge_collection(plan, account, account.regions[0])
        note = f"one day of {family}, {ago} days ago{', in another region' if elsewhere else ''}"
        plan.hard_negative(DETECTION, identity, kind="one Bedrock call of any family", note=note)
        used_on = [plan.calendar.ago(day) for day in days]
        note = "idle between two Bedrock calls"
        plan.after_lookback(DETECTION, identity, lookback=LOOKBACK, used_on=used_on, note=note)


def _young_and_scaled_to_zero(plan: BillPlan) -> None:
    account, born = account_without_bedrock(plan), plan.calendar.ago(8)
    identity = _charge_collection(plan, account, account.regions[0], first=born)
    kind = "collection younger than the lookback"
    plan.hard_negative(DETECTION, identity, since=born, kind=kind, note="six settled days old")

    region = plan.unused_region(account)
    group = _collection_arn(plan, account, region, group=True)
    identity = _charge_collection(plan, account, region, group, meters=("search_ocu",), ocus=0.5, every=3)
    note = "active on every third day"
    plan.hard_negative(DETECTION, identity, kind="NextGen groups that scaled to zero", note=note)


def _searched(plan: BillPlan) -> None:
    account = account_without_bedrock(plan)
    searches: tuple[tuple[str, float, Mapping[date, float]], ...] = (
        ("searched every day", 300.0, {}),
        ("searched on one day", 0.0, {plan.calendar.ago(6): 12.0}),
    )
    for region, (note, daily, on) in zip(account.regions, searches, strict=True):
        identity = _charge_collection(plan, account, region, ocus=2)
        plan.observe(account, region, _collection_arn(plan, account, region), of=SEARCHES, daily=daily, on=on)
        plan.hard_negative(DETECTION, identity, kind="search requests seen in `activity`", note=note)
        if on:
            plan.after_lookback(
                DETECTION, identity, lookback=LOOKBACK, used_on=on, note="idle until it was searched"
            )
