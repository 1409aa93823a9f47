/*
title = "Spend by account, last 30 days and the 30 days before"
basis = "EffectiveCost and BilledCost of usage and fees; BilledCost plus the separate columns for credits and tax equals the invoice"
why   = """
The report compares the last 30 complete days (days whose charges no longer change) with the previous 30 days. The
report has one row for each account, with its OU, highest cost first. `share` is the row's share of the total
EffectiveCost. If every amount of an account rounds to 0.00, the account is included in the row `(below 0.01)`. The
total therefore equals the totals of the reports spend_by_team and spend_by_service. Charges without an account, such as
the payer's tax, appear in the row `(no account)`.
"""
[offers]
limits = "EffectiveCost, BilledCost, credits and tax are separate columns of this report."
*/
SELECT
    spends.value AS sub_account_id,
    CASE
        WHEN spends.is_below_a_cent THEN '(below 0.01)'
        WHEN spends.value IS NULL THEN '(no account)'
        ELSE accounts.name
    END AS sub_account_name,
    accounts.ou_path,
    spends.effective_cost,
    spends.effective_cost_before,
    spends.share,
    spends.billed_cost,
    spends.credits,
    spends.tax,
    spends.summed_up AS sub_accounts
FROM account_and_service_spend AS spends
LEFT JOIN accounts ON spends.value = accounts.sub_account_id
WHERE spends.dimension = 'account'
ORDER BY CASE WHEN spends.is_below_a_cent THEN 1 ELSE 0 END, spends.effective_cost DESC, spends.value
