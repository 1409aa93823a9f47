/*
title     = "Cost anomaly"
category  = "anomaly"
providers = "all"
names     = "amount"
schedule  = "daily"
kind      = "series"
why       = """
A retry loop, a job that does not stop, or a price change can raise an account's daily cost above the expected level.
For each service in each account, focuswatch compares the daily cost with the cost expected from the trend and the
weekday pattern. Earlier anomalies do not raise the expected level.
"""
reason    = "{service_name} cost {daily_cost} {currency}/day from {anomalous_from} to {anomalous_until}, compared with an expected {daily_expected} {currency}/day. Main cost driver: higher {moved} of {meter} in {cause_region_id}."
action    = """
1. Review the cost drivers in this finding, largest first.
2. Identify who started the usage on {anomalous_from}: aws cloudtrail lookup-events --start-time {anomalous_from} --region {cause_region_id}
3. If the new cost is expected, no action is required: the baseline adjusts after about three weeks. To stop notifications until the baseline adjusts, snooze this finding for 30 days (focuswatch snooze).
"""
action_of_others = """
1. Review the cost drivers in this finding, largest first.
2. In the activity log of {provider}, identify who started the usage on {anomalous_from}.
3. If the new cost is expected, no action is required: the baseline adjusts after about three weeks. To stop notifications until the baseline adjusts, snooze this finding for 30 days (focuswatch snooze).
"""
blind_spots = [
  "A service with less than 28 days of history in an account is not evaluated.",
  "During a launch planned in owners.toml, cost is reported only if it exceeds the baseline multiplied by the `factor` of the launch.",
  "If the cost of a service grows by a constant percentage every day, the growth is part of the trend and is not reported.",
]
sources   = [
  "https://focus.finops.org/focus-specification/v1-2/#effectivecost",
  "https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html",
]
[explain]
days = ["anomalous_from", "anomalous_until"]
by_service = true
[parameters]
history_days = 400
[scoring]
# Clean simulated series with 5 to 15 % noise reach this score less than once in 1,000 days, whatever their trend, weekly
# pattern and noise distribution; series with a drifting level reach it more often. Days before such a day count as
# anomalous from a lower deviation, which finds more days than a lower threshold would, without more findings.
# benchmarks/anomaly.py measures both.
threshold = 3.75
least_daily_excess_usd = 20.0
history_days = 28
[needs]
history_days = 28
*/
WITH daily_costs AS (
    SELECT
        SubAccountId,
        ServiceName,
        charge_date,
        sum(EffectiveCost) AS cost
    FROM daily_services
    WHERE charge_date < $as_of
        AND charge_date >= CAST($as_of - INTERVAL '1' DAY * $history_days AS date)
        AND ChargeCategory = 'Usage'                        -- credits, refunds, tax, fees and purchases have no daily pattern
        AND coalesce(ChargeFrequency, 'Usage-Based') = 'Usage-Based'
        AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
    GROUP BY 1, 2, 3
),
launched_days AS (                                          -- cost up to `factor` times the baseline is planned
    SELECT
        charge_date,
        sub_account_id,
        service_name,
        least(
            greatest(sum(effective_cost) - max(own_cost), 0),
            (max(factor) - 1) * max(baseline_cost)
        ) AS planned_cost
    FROM launch_days
    GROUP BY 1, 2, 3
)
SELECT
    daily_costs.SubAccountId AS sub_account_id,
    daily_costs.ServiceName AS series,
    daily_costs.charge_date,
    daily_costs.cost - coalesce(launched_days.planned_cost, 0) AS cost,
    completeness.is_settled                                 -- unsettled days only show whether it continues
FROM daily_costs
INNER JOIN completeness
    ON daily_costs.SubAccountId IS NOT DISTINCT FROM completeness.sub_account_id
    AND daily_costs.charge_date = completeness.charge_date
LEFT JOIN launched_days
    ON daily_costs.SubAccountId IS NOT DISTINCT FROM launched_days.sub_account_id
    AND daily_costs.ServiceName IS NOT DISTINCT FROM launched_days.service_name
    AND daily_costs.charge_date = launched_days.charge_date
ORDER BY 1, 2, 3
