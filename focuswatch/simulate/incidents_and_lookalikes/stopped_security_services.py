"""Plant security services that stop while the account continues, and ones that stop for a reason."""

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.everyday.security_services import charge_security_services
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan

STOPPED = "security_service_went_dark"
CHARGED_DAYS = 21  # consecutive days with charges before a security service counts as enabled
ABSENT_DAYS = 2
GUARDDUTY = "Amazon GuardDuty"


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
            STOPPED,
            (account.id, region, service, None),
            since=last,
            note=note,
            found_after=ABSENT_DAYS + SETTLE_DAYS,
            history=CHARGED_DAYS,
        )
    _everything_ended(plan)
    _incomplete_and_irregular(plan)


def _stored(plan: BillPlan, *, ended: int = 0) -> tuple[SimulatedAccount, str]:
    """Return an account and one of its regions in which only storage is charged."""
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
    plan.charge(account, "cdn_requests", region, daily=90_000)  # viewers are not a service that runs there
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
