/*
title = "Month-end forecast by team, use case and service, compared with budget"
basis = "BilledCost of usage and fees, excluding credits and tax"
kind  = "forecast"
why   = """
`spent` is the cost of settled days. The forecast adds the expected cost of active services, and fees that were
billed after the same day of the month in both previous months. Usage that stopped is not forecast. In four of five months, the
actual cost is between `low` and `high`. `budget` is the monthly_budget of the team or use case in owners.toml.
"""
[needs]
history_days = 28
*/
SELECT team, use_case, sub_account_id, service_name, charge_date, is_settled, usage_cost, fee_cost
FROM paid_days
