"""Plant accounts missing from the newest days of the bill, and look-alikes of them."""

from datetime import timedelta

from focuswatch.simulate.bill_calendar import SETTLE_DAYS
from focuswatch.simulate.planned_bill import BillPlan

STALE = "stale_export"
MISSING_DAYS = 2  # complete days without a row
MISSING_AT_MOST_DAYS = 30  # days without charges after which an account counts as gone
CHARGED_DAYS = 30  # consecutive days with charges before an account can be missing


def plant_missing_accounts(plan: BillPlan) -> None:
    for name, note in (
        ("partner-portal", "charged every day until last week, then not a row"),
        ("old-campaigns", "charged every day until six weeks ago, then not a row"),
    ):
        account = plan.organization.named(name)
        assert account.gone_on is not None
        forgotten = account.gone_on + timedelta(days=MISSING_AT_MOST_DAYS - 2)
        plan.incident(
            STALE,
            (account.id, None, None, None),
            since=account.gone_on,
            note=note,
            found_after=MISSING_DAYS + SETTLE_DAYS,
            found_until=forgotten,
            history=CHARGED_DAYS,
        )
    for name, kind, note in (
        ("legacy-shop", "an account with `closed_on`", "closed"),
        ("old-campaigns", "without charges for 30 days", "no charges for six weeks"),
        ("disaster-drills", "a sub-account that was always there", "charged on one day in four"),
        ("gift-cards-prod", "a sub-account that was always there", "joined this week"),
    ):
        account = plan.organization.named(name)
        since = account.gone_on or account.joined_on
        plan.hard_negative(STALE, (account.id, None, None, None), since=since, kind=kind, note=note)
