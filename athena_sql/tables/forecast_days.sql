/*
title = "Billed cost by day, team and use case, for forecasts"
why   = """
The table contains BilledCost without credits and tax, because budgets do not include credits and tax. Fees (purchases,
recurring and one-time charges) are listed separately from usage so that a monthly fee is not forecast as a daily cost.
"""
reads = ["owned_days", "completeness"]
[parameters]
days = 155                # a forecast reads the current month and the 120 days before it
*/
SELECT
    owned_days.team,
    owned_days.use_case,
    owned_days.sub_account_id,
    owned_days.service_name,
    owned_days.charge_date,
    bool_or(coalesce(completeness.is_settled, false)) AS is_settled,
    sum(CASE WHEN owned_days.charge_kind = 'usage' THEN owned_days.billed_cost ELSE 0 END) AS usage_cost,
    sum(CASE WHEN owned_days.charge_kind = 'fee' THEN owned_days.billed_cost ELSE 0 END) AS fee_cost
FROM owned_days
LEFT JOIN completeness
    ON owned_days.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
    AND owned_days.charge_date = completeness.charge_date
WHERE owned_days.charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    AND owned_days.charge_kind IN ('usage', 'fee')
GROUP BY 1, 2, 3, 4, 5
