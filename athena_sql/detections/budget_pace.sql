/*
title     = "Budget forecast to be exceeded"
category  = "governance"
providers = "all"
names     = "amount"
schedule  = "daily"
kind      = "forecast"
why       = """
If an alert arrives only after a budget is exceeded, the owner can no longer prevent the overspend. The month-end
forecast shows early in the month whether spend will exceed the budget. The forecast combines month-to-date spend, the
weekday pattern of daily spend, and the recurring fees that are not yet charged. focuswatch notifies the owner when the
forecast first reaches the budget, and when spend reaches 100% of the budget. At 70 and 85% of the budget, focuswatch
notifies the owner only if the upper end of the forecast range reaches the budget. Each notification is sent at most
once a month.
"""
reason    = "Spend for {plan_of} {plan} is {budget_status}: {spent} of {budget} {currency} ({spent_percent}%) was spent through {settled_until}. The forecast for the end of {month} is {forecast} {currency} ({low} to {high}). Days left in the month: {days_left}."
action    = """
1. To find the cost drivers, run focuswatch report month_forecast. To see the week-over-week changes, run focuswatch report weekly_deltas.
2. Reduce waste first: run focuswatch findings, and resolve the open findings for {plan}.
3. If the higher spend is intentional, raise monthly_budget in owners.toml before the budget is exceeded.
"""
blind_spots = [
  "Credits and tax are excluded, so the amounts differ from those in AWS Budgets if your AWS budget includes credits and tax.",
  "The forecast does not include the cost of a launch planned in owners.toml until the launch starts.",
  "At the start of a month, until the charges of the first days no longer change, the forecast uses data from previous months.",
]
sources   = [
  "https://focus.finops.org/focus-specification/v1-2/#billedcost",
  "https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-best-practices.html",
]
[pace]
alerts = [0.70, 0.85, 1.0]     # shares of the budget; the owner is notified when spend reaches a share
[parameters]
days = 155                     # as in the table forecast_days
[needs]
owners = ["monthly_budget"]
history_days = 7
*/
SELECT team, use_case, sub_account_id, service_name, charge_date, is_settled, usage_cost, fee_cost
FROM forecast_days                                                -- only the plans that have a budget are read: forecasts_and_budgets_by_group.py
UNION ALL
SELECT                                                        -- the days of the whole bill, of which some are complete
    CAST(NULL AS varchar) AS team,
    CAST(NULL AS varchar) AS use_case,
    CAST(NULL AS varchar) AS sub_account_id,
    CAST(NULL AS varchar) AS service_name,
    charge_date,
    bool_or(is_settled) AS is_settled,
    0 AS usage_cost,
    0 AS fee_cost
FROM completeness
WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
GROUP BY charge_date
