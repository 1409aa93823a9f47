"""How long charges still change after their day: 2 days on AWS's bills, 3 on others.

Other providers deliver late usage without a stated limit of days, so the value for them is one of caution: a day counts
as settled later, and a finding of missing usage is reported a day later.
"""

AWS_DAYS = 2  # as the parameter settle_days of the table completeness
OTHER_DAYS = 3


def settle_days(*, charges: int, of_others: int) -> int:
    """Return the days after which charges no longer change; `of_others` are charges of providers other than AWS."""
    return OTHER_DAYS if 2 * of_others > charges else AWS_DAYS
