/*
title = "Weekly spend by team, compared with the previous week"
basis = "EffectiveCost of usage, excluding fees, credits and tax; month_to_date: BilledCost of usage and fees of complete days, excluding credits and tax"
why   = """
The report compares the last seven complete days (days whose charges no longer change) with the previous seven days. The
report excludes incomplete days, because missing charges would look like savings. The weekly columns contain usage cost
only, without fees. `month_to_date` is the spend from the first day of the month through the last complete day
(`settled_until`), and equals `spent` in the report month_forecast. For unallocated spend, `team` is empty.
"""
[parameters]
days = 7
[needs]
history_days = 14
[offers]
limits = "The report uses the basis of the weekly digest; the report weekly_deltas offers other bases."
*/
WITH bills AS (
    SELECT max(CASE WHEN is_settled THEN charge_date END) AS settled_until
    FROM completeness
),
weeks AS (
    SELECT
        owned_days.team,
        owned_days.sub_account_id,
        owned_days.service_name,
        sum(CASE
            WHEN completeness.settled_recency <= $days AND owned_days.charge_kind = 'usage' THEN owned_days.effective_cost
            ELSE 0
        END) AS effective_cost,
        sum(CASE
            WHEN completeness.settled_recency > $days AND completeness.settled_recency <= 2 * $days
                AND owned_days.charge_kind = 'usage' THEN owned_days.effective_cost
            ELSE 0
        END) AS effective_cost_before,
        sum(CASE
            WHEN owned_days.charge_date >= CAST(date_trunc('month', $as_of - INTERVAL '1' DAY) AS date)
                AND completeness.is_settled
                AND owned_days.charge_kind IN ('usage', 'fee')
                THEN owned_days.billed_cost
            ELSE 0
        END) AS month_to_date
    FROM owned_days
    LEFT JOIN completeness
        ON owned_days.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
        AND owned_days.charge_date = completeness.charge_date
    WHERE owned_days.charge_date >= CAST($as_of - INTERVAL '1' DAY * (2 * $days + 31) AS date)
    GROUP BY 1, 2, 3
)
SELECT
    weeks.team,
    weeks.sub_account_id,
    accounts.name AS sub_account_name,
    weeks.service_name,
    weeks.effective_cost,
    weeks.effective_cost_before,
    weeks.effective_cost - weeks.effective_cost_before AS movement,
    weeks.month_to_date,
    bills.settled_until
FROM weeks
CROSS JOIN bills
LEFT JOIN accounts ON weeks.sub_account_id = accounts.sub_account_id
WHERE abs(weeks.effective_cost) + abs(weeks.effective_cost_before) + abs(weeks.month_to_date) >= 0.01
ORDER BY weeks.team, abs(weeks.effective_cost - weeks.effective_cost_before) DESC, weeks.sub_account_id, weeks.service_name
