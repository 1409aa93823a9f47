"""Plant dormant accounts that become active and security services that stop, and look-alikes of them."""

from datetime import date

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.bill_plan import BillPlan
from focuswatch.simulate.everyday.everyday_accounts import charge_security_services
from focuswatch.simulate.list_prices import ec2
from focuswatch.simulate.organization import SimulatedAccount

DORMANT = "dormant_account_woke"
STOPPED = "security_service_went_dark"
DORMANT_DAYS = 90  # without spend before an account counts as dormant
CHARGED_DAYS = 21  # without a gap before its end, for a security service to count as on
ABSENT_DAYS = 2
GUARDDUTY = "Amazon GuardDuty"


def plant_dormant_accounts(plan: BillPlan) -> None:
    dormant = plan.organization.of("dormant")
    for account, ago, daily, note in (
        (dormant[0], 4, 700.0, "a fleet on the fourth day before"),
        (dormant[1], 1, 900.0, "yesterday"),
    ):
        first = plan.calendar.ago(ago)
        _fleet(plan, account, daily=daily, first=first)
        identity = (account.id, None, None, None)
        plan.at_once(DORMANT, identity, since=first, shown_on=first, history=DORMANT_DAYS, note=note)
    _fees(plan, dormant[2])
    kind = "a month under a floor, then a day far above it"
    _not_active_again(plan, dormant[3], ago=4, kind=kind, note="four gigabytes more, not 50 a day")
    _fleet(plan, dormant[4], daily=700.0, first=plan.calendar.ago(4))
    note = "joined forty days ago and got to work"
    _not_active_again(plan, dormant[4], ago=4, kind="accounts in their first month", note=note)


def _fees(plan: BillPlan, account: SimulatedAccount) -> None:
    """Add fees of more than 50 USD on the first of every month, and nothing else."""
    zones = plan.arn("route53", None, account, "hostedzone/Z0" + plan.random_id(12).upper())
    monthly = {"monthly": True, "frequency": "Recurring"}
    plan.charge(account, "route53_queries", "global", daily=1000, noise=0.1)
    plan.charge(account, "route53_zones", "global", resource=zones, daily=260, **monthly)
    plan.charge(account, "support", None, daily=100, category="Purchase", **monthly)
    note = "hosted zones and support on the first of the month"
    _not_active_again(plan, account, ago=7, kind="month-start fees and support", note=note)


def _not_active_again(plan: BillPlan, account: SimulatedAccount, *, ago: int, kind: str, note: str) -> None:
    since = plan.calendar.ago(ago)
    plan.hard_negative(DORMANT, (account.id, None, None, None), since=since, kind=kind, note=note)


def _fleet(plan: BillPlan, account: SimulatedAccount, *, daily: float, first: date) -> None:
    """Add instances for `daily` USD a day."""
    region, machine = account.regions[0], ec2("c6i.4xlarge")
    hours = daily / machine.price
    plan.charge(account, machine, region, resource=plan.instance(account, region), daily=hours, first=first)


def plant_stopped_security_services(plan: BillPlan) -> None:
    for meter, ago, note in (
        ("guardduty", 5, "threat detection switched off"),
        ("cloudtrail", 4, "the trail stopped; it never cost anything"),
        ("config", 9, "the recorder stopped"),
        ("securityhub", 6, "checks stopped"),
        ("inspector", 7, "scans stopped"),
    ):
        account, region = _stored(plan)
        last = plan.calendar.ago(ago)
        charge_security_services(plan, account, region, meters=(meter,), last=last)
        service = plan.lines[-1].meter.service
        plan.incident(
            STOPPED, (account.id, region, service, None), since=last, note=note,
            found_after=ABSENT_DAYS + SETTLE_DAYS, history=CHARGED_DAYS,
        )  # fmt: skip
    _everything_ended(plan)
    _incomplete_and_irregular(plan)


def _stored(plan: BillPlan, *, ended: int = 0) -> tuple[SimulatedAccount, str]:
    """Return an account and a region of it with storage only."""
    account = plan.random_account()
    region = plan.unused_region(account)
    plan.charge(account, "s3_storage", region, daily=900 / 30, last=plan.calendar.ago(ended))
    return account, region


def _guarded(
    plan: BillPlan, account: SimulatedAccount, region: str, service: str, *, ago: int, kind: str, note: str
) -> None:
    identity = (account.id, region, service, None)
    plan.hard_negative(STOPPED, identity, since=plan.calendar.ago(ago), kind=kind, note=note)


def _everything_ended(plan: BillPlan) -> None:
    account, region = _stored(plan, ended=8)
    charge_security_services(plan, account, region, meters=("guardduty", "config"), last=plan.calendar.ago(8))
    plan.charge(account, "cdn_requests", region, daily=90_000)  # a reader there is no service that goes on
    kind = "a region where everything ended"
    _guarded(plan, account, region, GUARDDUTY, ago=8, kind=kind, note="cleared out")
    closed = plan.organization.named("legacy-shop")
    _guarded(plan, closed, closed.regions[0], GUARDDUTY, ago=20, kind="an account that closed", note="closed")


def _incomplete_and_irregular(plan: BillPlan) -> None:
    account, region = _stored(plan)
    charge_security_services(plan, account, region, meters=("guardduty",), last=plan.calendar.ago(3))
    note = "absent on the newest settled day and since"
    _guarded(plan, account, region, GUARDDUTY, ago=3, kind="incomplete days", note=note)
    account, region = _stored(plan)
    charge_security_services(
        plan, account, region, meters=("securityhub",), every=2, last=plan.calendar.ago(5)
    )
    kind, note = "charged every day for weeks", "charged on every second day, then not"
    _guarded(plan, account, region, "AWS Security Hub", ago=5, kind=kind, note=note)
