/*
title = "What the excess of strange days is made of"
why   = """
A cost that is out of its pattern is explained by the meters, regions, resources and operations that rose.
The mean day of each episode is set against the mean of the 28 days before it.
"""
reads = ["daily_charges"]
[parameters]
days_before = 28
episodes = []
service_names = []
first_day = 2000-01-01
*/
WITH episodes AS (
    SELECT *
    FROM (VALUES $episodes) AS given (sub_account_id, service_name, from_date, to_date)
),
charges AS (
    SELECT
        episodes.sub_account_id,
        episodes.service_name,
        daily_charges.meter,
        daily_charges.RegionId AS cause_region_id,
        daily_charges.ResourceId AS cause_resource_id,
        daily_charges.x_Operation AS operation,
        sum(CASE WHEN charge_date >= from_date THEN EffectiveCost END)
            / CAST(max(date_diff('day', from_date, to_date)) AS double) AS daily_cost,
        sum(CASE WHEN charge_date >= from_date THEN ConsumedQuantity END)
            / CAST(max(date_diff('day', from_date, to_date)) AS double) AS daily_quantity,
        sum(CASE WHEN charge_date < from_date THEN EffectiveCost END) / CAST($days_before AS double) AS daily_cost_before,
        sum(CASE WHEN charge_date < from_date THEN ConsumedQuantity END)
            / CAST($days_before AS double) AS daily_quantity_before
    FROM daily_charges
    INNER JOIN episodes
        ON daily_charges.SubAccountId IS NOT DISTINCT FROM episodes.sub_account_id
        AND daily_charges.ServiceName IS NOT DISTINCT FROM episodes.service_name
        AND daily_charges.charge_date < episodes.to_date
        AND date_diff('day', daily_charges.charge_date, episodes.from_date) <= $days_before
    WHERE daily_charges.ChargeCategory = 'Usage'
        AND daily_charges.charge_date >= CAST($first_day - INTERVAL '1' DAY * $days_before AS date)
        AND (daily_charges.ServiceName IN ($service_names) OR daily_charges.ServiceName IS NULL)
    GROUP BY 1, 2, 3, 4, 5, 6
),
excesses AS (
    SELECT
        *,
        coalesce(daily_cost, 0) - coalesce(daily_cost_before, 0) AS daily_excess,
        row_number() OVER (
            PARTITION BY sub_account_id, service_name
            ORDER BY round(coalesce(daily_cost, 0) - coalesce(daily_cost_before, 0), 6) DESC,  -- doubles differ beyond
                meter, cause_region_id, cause_resource_id, operation
        ) AS place
    FROM charges
)
SELECT *
FROM excesses
WHERE place <= 20 AND daily_excess > 0
ORDER BY sub_account_id, service_name, place
