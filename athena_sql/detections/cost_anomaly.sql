/*
title     = "A service costs more than its own pattern explains"
category  = "anomaly"
schedule  = "daily"
kind      = "series"
why       = """
A loop that calls a model, a job that never ends, a price that moved: each is a step out of the account's own rhythm.
Every account's every service is held against its own trend and weekdays; what was strange before does not raise the bar.
"""
reason    = "{service_name} cost {daily_cost} {currency} a day from {strange_from} to {strange_until} where {daily_expected} was to be expected; most of it {meter} in {cause_region_id}, by {moved}."
action    = """
1. See why: what rose stands with this finding, largest part first.
2. Ask who started it on {strange_from}: aws cloudtrail lookup-events --start-time {strange_from} --region {cause_region_id}
3. It is meant to be so: focuswatch exclude it with a reason, and the new level is learnt within weeks.
"""
blind_spots = [
  "A series with fewer than 28 days of history is not judged.",
  "What a launch in owners.toml announces is taken out of the costs while it lasts; what goes beyond its factor is told.",
  "A service that grows by the same share every day is its own pattern.",
]
sources   = [
  "https://focus.finops.org/focus-specification/v1-2/#effectivecost",
  "https://docs.aws.amazon.com/cost-management/latest/userguide/getting-started-ad.html",
]
[parameters]
history_days = 400
[scoring]
threshold = 3.75
least_daily_excess_usd = 20.0
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
        AND ChargeCategory = 'Usage'                        -- credits, refunds, tax, fees and purchases have no rhythm
        AND coalesce(ChargeFrequency, 'Usage-Based') = 'Usage-Based'
        AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
    GROUP BY 1, 2, 3
),
launched_days AS (                                          -- up to `factor` times the usual is meant
    SELECT
        charge_date,
        sub_account_id,
        service_name,
        least(
            greatest(sum(effective_cost) - max(own_cost), 0),
            (max(factor) - 1) * max(usual_cost)
        ) AS planned_cost
    FROM launch_days
    GROUP BY 1, 2, 3
)
SELECT
    daily_costs.SubAccountId AS sub_account_id,
    daily_costs.ServiceName AS series,
    daily_costs.charge_date,
    daily_costs.cost - coalesce(launched_days.planned_cost, 0) AS cost,
    completeness.is_settled                                 -- the others tell only whether it goes on
FROM daily_costs
INNER JOIN completeness
    ON daily_costs.SubAccountId IS NOT DISTINCT FROM completeness.sub_account_id
    AND daily_costs.charge_date = completeness.charge_date
LEFT JOIN launched_days
    ON daily_costs.SubAccountId IS NOT DISTINCT FROM launched_days.sub_account_id
    AND daily_costs.ServiceName IS NOT DISTINCT FROM launched_days.service_name
    AND daily_costs.charge_date = launched_days.charge_date
ORDER BY 1, 2, 3
