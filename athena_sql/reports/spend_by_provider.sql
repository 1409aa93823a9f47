/*
title = "Spend by provider, last 30 days and the 30 days before"
basis = "EffectiveCost and BilledCost of usage and fees; BilledCost plus the separate columns for credits and tax equals the invoice"
why   = """
The report compares the last 30 complete days (days whose charges no longer change) with the previous 30 days. The
report has one row for each provider name on the bill, highest cost first. If the bill comes from a gateway such as
LiteLLM, the provider is the vendor of the model. `share` is the row's share of the total EffectiveCost. If several
bills are scanned together, all amounts are converted to the currency of the first bill; the scan prints the exchange
rates. The total equals the totals of the reports spend_by_service, spend_by_account and spend_by_team.
"""
[offers]
limits = "EffectiveCost, BilledCost, credits and tax are separate columns of this report."
*/
SELECT
    provider,
    count(DISTINCT sub_account_id) AS sub_accounts,
    count(DISTINCT service_name) AS services,
    sum(effective_cost) AS effective_cost,
    sum(effective_cost_before) AS effective_cost_before,
    sum(effective_cost) / nullif(sum(sum(effective_cost)) OVER (), 0) AS share,
    sum(billed_cost) AS billed_cost,
    sum(credits) AS credits,
    sum(tax) AS tax
FROM team_spend_30_days
GROUP BY 1
ORDER BY effective_cost DESC, provider
