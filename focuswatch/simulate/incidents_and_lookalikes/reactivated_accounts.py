"""Plant dormant accounts that become active, and look-alikes of them."""

from datetime import date

from focuswatch.simulate.meter_catalog import ec2
from focuswatch.simulate.organization import SimulatedAccount
from focuswatch.simulate.planned_bill import BillPlan

DORMANT = "dormant_account_woke"
DORMANT_DAYS = 90  # days without spend before an account counts as dormant


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
    """Add instances that cost `daily` USD a day."""
    region, machine = account.regions[0], ec2("c6i.4xlarge")
    hours = daily / machine.price
    plan.charge(account, machine, region, resource=plan.instance(account, region), daily=hours, first=first)
