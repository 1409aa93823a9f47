/*
title = "Month-end forecast by team, use case and service, compared with budget"
basis = "BilledCost of usage and fees, excluding credits and tax"
kind  = "forecast"
why   = """
`spent` is the month-to-date cost through the last complete day (its charges no longer change). `forecast` is the sum of
`spent`, the expected usage cost of the remaining days, and the fees that are still due. A fee is still due if it was billed
later in the month in both previous months, for example a monthly fee on the 25th. The forecast does not include usage that
stopped. In four of five months, the actual cost is between `low` and `high`. `budget` is the monthly_budget of the team or
use case in owners.toml.
"""
[needs]
history_days = 28
[offers]
cost = ["billed", "effective"]
charges = ["usage", "fees"]
limits = "Credits and tax are not forecast."
*/
SELECT team, use_case, sub_account_id, service_name, charge_date, is_settled, usage_cost, fee_cost
FROM paid_days
