/*
title = "Month close: forecasts of day 1, 10 and 20 compared with the actual cost"
basis = "BilledCost of usage and fees, excluding credits and tax"
kind  = "month_close"
why   = """
The report compares the actual cost of a month with the forecasts made on day 1, 10 and 20 of the month, for the whole bill, each
team and each use case. Each scan keeps its forecasts; if none was kept on a day, the forecast is computed again from the charges
before that day, and `recomputed` names the day. `difference` is the actual cost minus the forecast of day 1. It is the sum of
`launches` (cost above the baseline in launches that started in the month), `incidents` (cost of anomaly and security findings that
started in the month, above the same charges before), `price` (the quantities of the month at its prices, compared with the prices of
the month before), `late_charges` (charges of complete days that arrived after the last kept forecast) and `other`.
`next_month` is the forecast of the following month from the charges of this month. Launches are in EffectiveCost.
"""
[parameters]
months_before = 1              # 1 is the month before that of the day of the report
[offers]
limits = "Forecasts are kept in BilledCost; credits and tax are not forecast."
[needs]
history_days = 28
*/
WITH months AS (
    SELECT CAST(date_trunc('month', $as_of) - INTERVAL '1' MONTH * $months_before AS date) AS first_day
)
SELECT
    owned_days.team,
    owned_days.use_case,
    owned_days.charge_date,
    sum(owned_days.billed_cost) AS billed_cost
FROM owned_days
CROSS JOIN months
WHERE owned_days.charge_kind IN ('usage', 'fee')
    AND owned_days.charge_date >= months.first_day
    AND owned_days.charge_date < CAST(months.first_day + INTERVAL '1' MONTH AS date)
GROUP BY 1, 2, 3
ORDER BY owned_days.charge_date, owned_days.team, owned_days.use_case
