/*
title = "Month close: actual cost compared with the forecasts"
basis = "BilledCost of usage and fees, excluding credits and tax"
kind  = "month_close"
why   = """
For the whole bill, each team and each use case, the report compares the actual cost of a month with the forecasts made
on days 1, 10 and 20 of the month. The first scan of each day stores the forecasts. If no scan stored the forecast for
day 1, 10 or 20 on time or at most three days late, the report computes this forecast from the charges through that day.
The column `recomputed` lists such days. `difference` is the actual cost minus the forecast from day 1. It is the sum of
`launches`, `incidents`, `price`, `late_charges` and `other`. `launches` is the cost above the baseline for launches
that started in the month. `incidents` is the additional cost of anomaly and security findings that started in the
month. `price` is the increase or decrease in cost that was caused by price changes since the previous month.
`late_charges` is the total of the charges that arrived after the last forecast was stored, although the days of these
charges were already complete at that time. `other` is the part of the difference without a known cause. `next_month` is
the forecast for the following month, computed from the charges through the end of the closed month.
"""
[parameters]
months_before = 1              # 1 selects the last month before the day of the report
[offers]
limits = "Forecasts are stored in BilledCost; credits and tax are not forecast."
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
