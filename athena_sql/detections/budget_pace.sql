/*
title     = "A month's plan will not last the month"
category  = "governance"
schedule  = "daily"
kind      = "forecast"
why       = """
A budget that is told of when it is gone tells of nothing that can be changed. A month's rhythm is known early: what is
spent, what goes on at which weekdays, which fees are still to come; so the day on which the plan is passed is known, too. A plan that will not last is told when that is forecast, then at 70,
85 and 100 % spent: each once a month, in this order. One that lasts is quiet, however much of it is spent.
"""
reason    = "{plan_of} {plan} is {told}: {spent} of {budget} {currency} ({spent_percent} %) are spent through {settled_until}, {days_left} days of {month} are to come, and {forecast} are forecast ({low} to {high})."
action    = """
1. What moves it? focuswatch report month_forecast, and focuswatch report weekly_deltas: what rose against the week before.
2. Open findings of {plan} are money that nobody needs to miss: focuswatch findings
3. It is meant to be so: raise monthly_budget in owners.toml, for everybody to see, before the day comes.
"""
blind_spots = [
  "Credits and tax are left out: a budget of AWS Budgets that counts them will differ.",
  "A launch that owners.toml announces is not added to the forecast before it begins.",
  "Before the month's first days are settled the forecast is that of the months before.",
]
sources   = [
  "https://focus.finops.org/focus-specification/v1-2/#billedcost",
  "https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-best-practices.html",
]
[pace]
alerts = [0.70, 0.85, 1.0]     # shares of the plan that are spent; the forecast alone comes before them
*/
SELECT team, use_case, sub_account_id, service_name, charge_date, is_settled, usage_cost, fee_cost
FROM paid_days
