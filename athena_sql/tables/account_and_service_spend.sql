/*
title = "Spend by account and by service, in two 30-day periods"
why   = """
The column `dimension` has the value `account` or `service`. The column `value` contains the account ID or the service
name, or null for charges without an account or service. Accounts or services whose amounts all round to 0.00 are
combined in one row, in which `is_below_a_cent` is true. The total of each dimension therefore equals the total of the
table team_spend_30_days. `summed_up` is the number of accounts or services that a row combines. `share` is the
account's or service's share of the total EffectiveCost.
"""
reads = ["team_spend_30_days"]
*/
WITH value_spends AS (
    SELECT
        CASE WHEN grouping(sub_account_id) = 0 THEN 'account' ELSE 'service' END AS dimension,
        CASE WHEN grouping(sub_account_id) = 0 THEN sub_account_id ELSE service_name END AS value,
        sum(effective_cost) AS effective_cost,
        sum(effective_cost_before) AS effective_cost_before,
        sum(billed_cost) AS billed_cost,
        sum(credits) AS credits,
        sum(tax) AS tax
    FROM team_spend_30_days
    GROUP BY GROUPING SETS ((sub_account_id), (service_name))
),
rounded_spends AS (
    SELECT
        *,
        abs(effective_cost) < 0.005 AND abs(effective_cost_before) < 0.005 AND abs(billed_cost) < 0.005
            AND abs(credits) < 0.005 AND abs(tax) < 0.005 AS is_below_a_cent
    FROM value_spends
)
SELECT
    dimension,
    CASE WHEN NOT is_below_a_cent THEN value END AS value,
    is_below_a_cent,
    count(*) AS summed_up,
    sum(effective_cost) AS effective_cost,
    sum(effective_cost_before) AS effective_cost_before,
    sum(effective_cost) / nullif(sum(sum(effective_cost)) OVER (PARTITION BY dimension), 0) AS share,
    sum(billed_cost) AS billed_cost,
    sum(credits) AS credits,
    sum(tax) AS tax
FROM rounded_spends
GROUP BY 1, 2, 3
