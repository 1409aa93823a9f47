/*
title = "Month-end forecast compared with budget"
basis = "BilledCost of usage and fees, excluding credits and tax"
kind  = "forecast"
why   = """
The report forecasts the billed cost of the current month for the whole bill and for each team, use case and service. A
day is complete when its charges no longer change. `spent` is the cost from the first day of the month through the last
complete day. `forecast` is the sum of `spent`, the expected cost of usage on the remaining days, and the fees that are
still due. A fee is still due if it was charged in each of the previous two months, on a later day of the month than the
last complete day. An example is a support fee on the 25th, if the last complete day is the 20th. The forecast does not
include usage that has stopped. `low` and `high` are the limits of an 80% prediction interval: in four out of five
months, the actual cost is expected to be between `low` and `high`. `budget` is the monthly_budget of the team or use
case in owners.toml. `over_by` is the forecast minus the budget, and `over_on` is the day on which the budget is
forecast to be exceeded. Do not add up the rows, because they overlap: the row for the whole bill includes every team
and service, and the row for a team includes the team's use cases.
"""
[needs]
history_days = 28
[offers]
cost = ["billed", "effective"]
charges = ["usage", "fees"]
limits = "Credits and tax are not forecast."
*/
SELECT team, use_case, sub_account_id, service_name, charge_date, is_settled, usage_cost, fee_cost
FROM forecast_days
