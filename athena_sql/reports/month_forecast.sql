/*
title = "Month-end forecast by team, use case and service, compared with budget"
basis = "BilledCost of usage and fees, without credits and tax"
kind  = "forecast"
why   = """
`spent` is the cost of settled days. The forecast adds the expected cost of active services, and fees that both previous
months charged after the same day. Usage that stopped is not forecast. The actual cost is between `low` and `high` in four of
five months. Budgets are the monthly_budget of teams and use cases in owners.toml.
"""
*/
SELECT team, use_case, sub_account_id, service_name, charge_date, is_settled, usage_cost, fee_cost
FROM paid_days
