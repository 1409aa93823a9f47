"""Determine how many days charges still change after their charge date: 2 in AWS bills, 3 in other bills.

Other providers state no limit for late usage, so their value is a cautious assumption: a day counts as settled later,
and a finding of missing usage is reported a day later. A provider that delivers recency metadata (FOCUS 1.3) states
which days are complete.
"""

from datetime import date, timedelta

AWS_DAYS = 2  # equals the default of settle_days in completeness.sql
OTHER_DAYS = 3


def settle_days(
    *, charges: int, of_others: int, complete_until: date | None = None, as_of: date | None = None
) -> int:
    """Return the days after which charges no longer change; `of_others` are charges of providers other than AWS.

    `complete_until` is the first day that the provider states to be incomplete; charges before it are complete.
    """
    if complete_until and as_of:
        return max(0, (as_of - complete_until).days)
    return OTHER_DAYS if 2 * of_others > charges else AWS_DAYS


def aws_settle_days(*, complete_until: date | None, as_of: date) -> int:
    """Return the days after which the AWS charges of a bill no longer change; see settle_days."""
    return settle_days(charges=1, of_others=0, complete_until=complete_until, as_of=as_of)


def end_of_bill(last_charge_date: date, *, as_of: date) -> date:
    """Return the first day of a bill that is not analyzed; the bill may end before other bills."""
    return min(as_of, last_charge_date + timedelta(days=1))
