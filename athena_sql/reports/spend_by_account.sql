/*
title = "Spend by account, last 30 complete days compared with the previous 30 days"
basis = "EffectiveCost and BilledCost of usage and fees; BilledCost plus the separate columns for credits and tax equals the invoice"
why   = """
The report has one row for each account, with its OU, highest cost first. `share` is the row's share of all EffectiveCost.
Accounts whose amounts all round to 0.00 are combined in the row (below 0.01), so the total equals spend_by_team and
spend_by_service. Charges without an account, such as the payer's tax, are in the row (no account).
"""
*/
WITH account_spends AS (
    SELECT
        sub_account_id,
        sum(effective_cost) AS effective_cost,
        sum(effective_cost_before) AS effective_cost_before,
        sum(billed_cost) AS billed_cost,
        sum(credits) AS credits,
        sum(tax) AS tax
    FROM team_spends
    GROUP BY 1
),
shown_accounts AS (
    SELECT
        *,
        abs(effective_cost) < 0.005 AND abs(effective_cost_before) < 0.005 AND abs(billed_cost) < 0.005
            AND abs(credits) < 0.005 AND abs(tax) < 0.005 AS is_below_a_cent
    FROM account_spends
),
spends AS (
    SELECT
        CASE WHEN NOT is_below_a_cent THEN sub_account_id END AS sub_account_id,
        is_below_a_cent,
        sum(effective_cost) AS effective_cost,
        sum(effective_cost_before) AS effective_cost_before,
        sum(billed_cost) AS billed_cost,
        sum(credits) AS credits,
        sum(tax) AS tax,
        count(*) AS sub_accounts
    FROM shown_accounts
    GROUP BY 1, 2
)
SELECT
    spends.sub_account_id,
    CASE
        WHEN spends.is_below_a_cent THEN '(below 0.01)'
        WHEN spends.sub_account_id IS NULL THEN '(no account)'
        ELSE accounts.name
    END AS sub_account_name,
    accounts.ou_path,
    spends.effective_cost,
    spends.effective_cost_before,
    spends.effective_cost / nullif(sum(spends.effective_cost) OVER (), 0) AS share,
    spends.billed_cost,
    spends.credits,
    spends.tax,
    spends.sub_accounts
FROM spends
LEFT JOIN accounts ON spends.sub_account_id = accounts.sub_account_id
ORDER BY CASE WHEN spends.is_below_a_cent THEN 1 ELSE 0 END, spends.effective_cost DESC, spends.sub_account_id
