/*
title = "Spend by service, last 30 complete days compared with the previous 30 days"
basis = "EffectiveCost and BilledCost of usage and fees; BilledCost plus the separate columns for credits and tax equals the invoice"
why   = """
The report has one row for each AWS service name, highest cost first. `share` is the row's share of all EffectiveCost. Services
whose amounts all round to 0.00 are combined in the row (below 0.01), so the total equals spend_by_team and spend_by_account.
"""
*/
WITH service_spends AS (
    SELECT
        coalesce(service_name, '(no service)') AS service_name,
        sum(effective_cost) AS effective_cost,
        sum(effective_cost_before) AS effective_cost_before,
        sum(billed_cost) AS billed_cost,
        sum(credits) AS credits,
        sum(tax) AS tax
    FROM team_spends
    GROUP BY 1
),
shown_services AS (
    SELECT
        *,
        abs(effective_cost) < 0.005 AND abs(effective_cost_before) < 0.005 AND abs(billed_cost) < 0.005
            AND abs(credits) < 0.005 AND abs(tax) < 0.005 AS is_below_a_cent
    FROM service_spends
),
spends AS (
    SELECT
        CASE WHEN is_below_a_cent THEN '(below 0.01)' ELSE service_name END AS service_name,
        is_below_a_cent,
        sum(effective_cost) AS effective_cost,
        sum(effective_cost_before) AS effective_cost_before,
        sum(billed_cost) AS billed_cost,
        sum(credits) AS credits,
        sum(tax) AS tax,
        count(*) AS services
    FROM shown_services
    GROUP BY 1, 2
)
SELECT
    service_name,
    effective_cost,
    effective_cost_before,
    effective_cost / nullif(sum(effective_cost) OVER (), 0) AS share,
    billed_cost,
    credits,
    tax,
    services
FROM spends
ORDER BY CASE WHEN is_below_a_cent THEN 1 ELSE 0 END, effective_cost DESC, service_name
