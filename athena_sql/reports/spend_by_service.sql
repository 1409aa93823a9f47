/*
title = "Spend by service, last 30 days and the 30 days before"
basis = "EffectiveCost and BilledCost of usage and fees; BilledCost plus the separate columns for credits and tax equals the invoice"
why   = """
The report compares the last 30 complete days (days whose charges no longer change) with the previous 30 days. The
report has one row for each AWS service name, highest cost first. `share` is the row's share of the total EffectiveCost.
If every amount of a service rounds to 0.00, the service is included in the row `(below 0.01)`. The total therefore
equals the totals of the reports spend_by_team and spend_by_account.
"""
[offers]
limits = "EffectiveCost, BilledCost, credits and tax are separate columns of this report."
*/
SELECT
    CASE WHEN is_below_a_cent THEN '(below 0.01)' ELSE coalesce(value, '(no service)') END AS service_name,
    effective_cost,
    effective_cost_before,
    share,
    billed_cost,
    credits,
    tax,
    summed_up AS services
FROM account_and_service_spend
WHERE dimension = 'service'
ORDER BY CASE WHEN is_below_a_cent THEN 1 ELSE 0 END, effective_cost DESC, service_name
