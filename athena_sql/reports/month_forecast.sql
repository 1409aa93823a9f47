/*
title = "What the month will have cost at its end, by team, use case and service, against plan"
basis = "BilledCost of usage and fees, without credits and tax"
kind  = "forecast"
why   = """
Spent is what is settled; the rest is forecast from the rhythm of what goes on, with the fees that both months before
charged after the same day. What has ended is not forecast to go on. `low` and `high` hold four months of five.
As billed, without credits and tax; plans are the monthly_budget of teams and use cases in owners.toml.
"""
*/
SELECT team, use_case, sub_account_id, service_name, charge_date, is_settled, usage_cost, fee_cost
FROM paid_days
