"""Plant first charges for a service, and charges that must not be reported as such."""

from focuswatch.simulate.incidents_and_lookalikes.bedrock_accounts_and_charges import account_without_bedrock
from focuswatch.simulate.meter_catalog import EC2, meters
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan
from focuswatch.simulate.resource_tags import team_tag

DETECTION = "new_service"


def plant_services(plan: BillPlan) -> None:
    for ago, meter, daily, note in (
        (2, "lightsail", 24.0, "eleven cents"),
        (1, "location_free", 60.0, "zero-cost first use"),
        (5, "email", 50_000.0, "mail, from an account that never sent any"),
        (7, "workspaces", 8.0, "on the first day of a first scan"),
        (33, "lightsail", 48.0, "reported a month ago"),
    ):
        _first_use(plan, plan.pick("service", meter), meter, ago=ago, daily=daily, note=note)
    named = plan.organization.named
    _first_use(
        plan,
        named("gift-cards-prod"),
        "haiku3_in",
        ago=2,
        daily=3000.0,
        note="Bedrock in a new account's warm-up",
    )
    _first_use(
        plan,
        account_without_bedrock(plan),
        "opus_out",
        ago=3,
        daily=0.6,
        note="Bedrock by a Marketplace edition",
    )
    note = "a new account, a service that no account uses"
    _first_use(plan, named("returns-prod"), "apprunner", ago=3, daily=24.0, note=note)
    _not_usage(plan)
    _renamed(plan)
    _known(plan)
    _reported_before(plan)


def _first_use(
    plan: BillPlan, account: SimulatedAccount, meter: str, *, ago: int, daily: float, note: str
) -> None:
    first = plan.calendar.ago(ago)
    plan.charge(account, meter, account.regions[0], daily=daily, first=first, tags=team_tag(account))
    plan.incident(DETECTION, (account.id, None, meters()[meter].service, None), since=first, note=note)


def _quiet(
    plan: BillPlan, account: SimulatedAccount, service: str, *, ago: int, kind: str, note: str
) -> None:
    plan.hard_negative(
        DETECTION, (account.id, None, service, None), since=plan.calendar.ago(ago), kind=kind, note=note
    )


def _not_usage(plan: BillPlan) -> None:
    kind, span = "tax, support, credits", {"first": plan.calendar.ago(4), "last": plan.calendar.ago(3)}
    for category, daily in (("Tax", 30.0), ("Credit", -12.0)):
        account = plan.pick("service", "email")
        options = {"price": 1.0, "category": category, "frequency": "One-Time"} | span
        plan.charge(account, "email", account.regions[0], daily=daily, **options)
        _quiet(plan, account, meters()["email"].service, ago=4, kind=kind, note=f"{category.lower()} alone")
    account = plan.organization.named("log-archive")
    options = {
        "first": plan.calendar.ago(7),
        "monthly": True,
        "category": "Purchase",
        "frequency": "Recurring",
    }
    plan.charge(account, "support", None, daily=120, **options)
    _quiet(plan, account, meters()["support"].service, ago=7, kind=kind, note="support from this month on")


def _renamed(plan: BillPlan) -> None:
    renamed = plan.calendar.ago(5)
    for before, after, service, daily in (
        ("firehose_before", "firehose", "firehose", 90.0),
        ("eks_before", "eks", "eks", 24.0),
    ):
        for _ in range(2):
            account = plan.pick("service", before, where=lambda account: account.environment == "prod")
            region = account.regions[0]
            options = {
                "resource": plan.arn(service, region, account, f"cluster/{plan.random_id(8)}"),
                "noise": 0.05,
            }
            plan.charge(account, before, region, daily=daily, last=renamed, **options)
            plan.charge(account, after, region, daily=daily, first=renamed, **options)
            kind = "a rename of a service already known (mapping)"
            note = f"called otherwise until {renamed}"
            _quiet(plan, account, meters()[after].service, ago=5, kind=kind, note=note)


def _known(plan: BillPlan) -> None:
    kind = "new accounts in their warm-up, other than GPU, Bedrock and data transfer"
    _quiet(
        plan,
        plan.organization.named("gift-cards-prod"),
        EC2,
        ago=6,
        kind=kind,
        note="an account of this week",
    )
    account = plan.pick("model", "pt_sonnet", where=lambda account: account.uses_bedrock)
    options = {"first": plan.calendar.ago(4), "tags": team_tag(account), "noise": 0.1}
    line = plan.charge(account, "sonnet_in", account.regions[0], daily=2.0, **options)
    kind, note = "all names of Bedrock are one service", "another edition of Bedrock"
    _quiet(plan, account, line.meter.service, ago=4, kind=kind, note=note)


def _reported_before(plan: BillPlan) -> None:
    for ago, kind, note in (
        (8, "a first scan reports the last 7 days", "first charged the day before"),
        (plan.calendar.days - 12, "the first 14 days of the bill", "where the bill begins"),
    ):
        account = plan.pick("service", "workspaces")
        plan.charge(account, "workspaces", account.regions[0], daily=30.0, first=plan.calendar.ago(ago))
        _quiet(plan, account, meters()["workspaces"].service, ago=ago, kind=kind, note=note)
