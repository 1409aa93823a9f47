/*
title     = "Unit cost increase"
category  = "anomaly"
providers = "all"
ai_families = ["bedrock", "model_api", "sagemaker"]
schedule  = "daily"
notify    = "every_run"
why       = """
If spend grows faster than usage, the cost per unit increases. Possible causes are a model called through another
inference profile (a regional profile costs 10% more than the global profile), a more expensive pricing tier, an expired
discount, or an endpoint that was not scaled down after traffic fell. The total cost can hide this increase if usage
falls at the same time.
"""
reason    = "{unit} of {item} cost {unit_cost} {currency} from {first_day} to {last_day}, {increase_percent}% more than in the week before ({unit_cost_before} {currency}), because {cause}. At the current volume, the additional cost is {monthly_cost_if_continues} {currency}/month."
action    = """
1. Compare the cost and usage of {item} in the week that starts on {first_day} with the week before. Check whether the usage types of {item} show a different tier or inference profile than in the week before. In CloudTrail, check who changed an endpoint or an inference profile.
2. For tokens: if your data is allowed to leave the Region, use the global inference profile, which costs less than a regional profile. Use the priority and latency-optimized tiers only if a user waits for the response. Check https://aws.amazon.com/bedrock/pricing/ for price changes.
3. For an endpoint: check that a discount or Savings Plan still covers the instances. If traffic fell, lower the endpoint's minimum capacity: aws application-autoscaling register-scalable-target --service-namespace sagemaker --min-capacity N ...
"""
action_of_others = """
1. Compare the cost and usage of {item} in the week that starts on {first_day} with the week before. Check whether the meters of {item} show a different tier or region than in the week before.
2. Check the price list of {provider} for price changes, and whether a discount or committed usage has ended.
3. If no user waits for the response, use a cheaper tier. If your data is allowed to leave the region, use a region or deployment type with a lower price.
"""
blind_spots = [
  "Only consecutive weeks are compared; a unit cost that rises by less than 5% per week is not reported.",
  "A higher share of output tokens or cache writes is a change in the token mix and is not reported as a unit cost increase; see the report unit_economics.",
  "Unit costs are compared for the same model and Region; a change to a more expensive model or Region is not reported.",
  "If an endpoint's invocations are not collected, only its cost per instance hour is evaluated.",
  "In a week with little traffic, such as a holiday week, an endpoint's instances keep running, so the cost per inference rises. The detection might report this increase although no price or configuration has changed.",
]
sources   = [
  "https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html",
  "https://aws.amazon.com/bedrock/pricing/",
  "https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html",
]
[explain]
weeks = 1
[parameters]
week_days = 7
least_increase = 1.05            # minimum ratio of unit costs; a regional inference profile costs 1.1 times as much as the global profile
least_inference_increase = 1.5   # minimum ratio of costs per inference; higher, because traffic varies while the number of instances does not
least_million_tokens = 1.0     # minimum tokens in each of the two weeks, in millions
least_inferences = 1000.0      # minimum invocations in each of the two weeks
least_monthly_cost_usd = 50.0
[needs]
charges = "ai_family IN ('bedrock', 'sagemaker', 'model_api')"
columns = ["ConsumedQuantity"]
history_days = 14
*/
WITH weeks AS (
    SELECT
        sub_account_id,
        charge_date,
        settled_recency <= $week_days AS is_this_week,
        min(CASE WHEN settled_recency <= $week_days THEN charge_date END) OVER (PARTITION BY sub_account_id) AS first_day,
        max(charge_date) OVER (PARTITION BY sub_account_id) AS last_day,
        count(*) OVER (PARTITION BY sub_account_id) AS settled_days
    FROM completeness
    WHERE settled_recency <= 2 * $week_days
),
meter_weeks AS (
    SELECT
        charges.sub_account_id,
        charges.region_id,
        charges.service_name,
        charges.model,
        charges.token_kind,
        charges.meter,
        weeks.first_day,
        weeks.last_day,
        max_by(charges.tags, charges.effective_cost) FILTER (WHERE cardinality(charges.tags) > 0) AS tags,
        sum(CASE WHEN weeks.is_this_week THEN charges.million_tokens ELSE 0 END) AS units,
        sum(CASE WHEN weeks.is_this_week THEN charges.effective_cost ELSE 0 END) AS cost,
        sum(CASE WHEN weeks.is_this_week THEN 0 ELSE charges.million_tokens END) AS units_before,
        sum(CASE WHEN weeks.is_this_week THEN 0 ELSE charges.effective_cost END) AS cost_before
    FROM token_charges AS charges
    INNER JOIN weeks
        ON charges.sub_account_id IS NOT DISTINCT FROM weeks.sub_account_id
        AND charges.charge_date = weeks.charge_date
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * (2 * $week_days + 14) AS date)
        AND weeks.settled_days = 2 * $week_days
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
kind_weeks AS (                                            -- one kind of token of a model, over all of its meters
    SELECT
        sub_account_id,
        region_id,
        service_name,
        model,
        first_day,
        last_day,
        max_by(tags, cost) FILTER (WHERE tags IS NOT NULL) AS tags,
        sum(units) AS units,
        sum(cost) AS cost,
        sum(units_before) AS units_before,
        sum(cost_before) AS cost_before,
        sum(units) * sum(cost_before) / nullif(sum(units_before), 0) AS cost_at_prices_before,
        sum(CASE WHEN units_before > 0 THEN cost - units * cost_before / nullif(units_before, 0) ELSE 0 END)
            AS price_increase                               -- the same meter at another price; the remainder is other meters
    FROM meter_weeks
    GROUP BY sub_account_id, region_id, service_name, model, token_kind, first_day, last_day
    HAVING sum(units) > 0 AND sum(units_before) > 0 AND sum(cost_before) > 0
),
model_weeks AS (
    SELECT
        sub_account_id,
        region_id,
        CAST(NULL AS varchar) AS resource_id,
        service_name,
        model AS item,
        'A million tokens' AS unit,
        first_day,
        last_day,
        max_by(tags, cost) FILTER (WHERE tags IS NOT NULL) AS tags,
        sum(units) AS units,
        sum(cost) AS cost,
        sum(cost_at_prices_before) AS cost_at_prices_before,
        CASE WHEN sum(price_increase) >= (sum(cost) - sum(cost_at_prices_before)) / 2
            THEN 'the price of the usage type increased'
            ELSE 'the model was called through a more expensive tier or inference profile'
        END AS cause
    FROM kind_weeks
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    HAVING sum(units) >= $least_million_tokens
        AND sum(units_before) >= $least_million_tokens
        AND round(sum(cost) / sum(cost_at_prices_before), 9) >= $least_increase
),
endpoint_sums AS (
    SELECT
        endpoint_days.sub_account_id,
        endpoint_days.region_id,
        endpoint_days.resource_id,
        weeks.first_day,
        weeks.last_day,
        max(endpoint_days.service_name) AS service_name,
        max_by(endpoint_days.tags, endpoint_days.charge_date) FILTER (WHERE cardinality(endpoint_days.tags) > 0) AS tags,
        sum(CASE WHEN weeks.is_this_week THEN endpoint_days.instance_hours ELSE 0 END) AS hours,
        sum(CASE WHEN weeks.is_this_week THEN endpoint_days.invocations ELSE 0 END) AS calls,
        sum(CASE WHEN weeks.is_this_week THEN endpoint_days.effective_cost ELSE 0 END) AS cost,
        sum(CASE WHEN weeks.is_this_week THEN 0 ELSE endpoint_days.instance_hours END) AS hours_before,
        sum(CASE WHEN weeks.is_this_week THEN 0 ELSE endpoint_days.invocations END) AS calls_before,
        sum(CASE WHEN weeks.is_this_week THEN 0 ELSE endpoint_days.effective_cost END) AS cost_before,
        count(*) = count(endpoint_days.invocations) AS is_evaluated
    FROM endpoint_days
    INNER JOIN weeks
        ON endpoint_days.sub_account_id IS NOT DISTINCT FROM weeks.sub_account_id
        AND endpoint_days.charge_date = weeks.charge_date
    WHERE endpoint_days.charge_date >= CAST($as_of - INTERVAL '1' DAY * (2 * $week_days + 14) AS date)
        AND weeks.settled_days = 2 * $week_days
        AND endpoint_days.instance_hours > 0
    GROUP BY 1, 2, 3, 4, 5
    HAVING count(*) = 2 * $week_days                       -- an endpoint that started, paused or stopped has no two full weeks
),
endpoint_weeks AS (
    SELECT
        *,
        round(cost / hours, 9) >= round($least_increase * cost_before / hours_before, 9) AS is_hour_increase,
        is_evaluated
            AND calls >= $least_inferences
            AND calls_before >= $least_inferences
            AND round(cost * calls_before, 6) >= round($least_inference_increase * cost_before * calls, 6) AS is_inference_increase
    FROM endpoint_sums
    WHERE cost_before > 0
),
increased_units AS (
    SELECT * FROM model_weeks
    UNION ALL
    SELECT
        sub_account_id,
        region_id,
        resource_id,
        service_name,
        coalesce(regexp_extract(resource_id, 'endpoint/(.+)$', 1), resource_id),
        CASE WHEN is_hour_increase THEN 'An instance hour' ELSE 'A thousand inferences' END,
        first_day,
        last_day,
        tags,
        CASE WHEN is_hour_increase THEN hours ELSE calls / 1000 END,
        cost,
        CASE WHEN is_hour_increase THEN hours * cost_before / hours_before ELSE calls * cost_before / calls_before END,
        CASE
            WHEN is_hour_increase THEN 'the price of an instance hour increased (another instance type, or an expired discount)'
            WHEN calls < calls_before THEN 'traffic fell but the endpoint was not scaled down'
            ELSE 'instance hours grew more than traffic'
        END
    FROM endpoint_weeks
    WHERE is_hour_increase OR is_inference_increase
),
ranked_units AS (
    SELECT
        *,
        cost - cost_at_prices_before AS excess,
        row_number() OVER (
            PARTITION BY sub_account_id, region_id, service_name, resource_id
            ORDER BY round(cost - cost_at_prices_before, 6) DESC, item
        ) AS place
    FROM increased_units
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    sum(excess) AS monthly_cost,                                            -- an anomaly states its cost so far
    sum(excess) / $week_days * 30 AS monthly_cost_if_continues,
    service_name,
    max(CASE WHEN place = 1 THEN item END) AS item,
    max(CASE WHEN place = 1 THEN unit END) AS unit,
    max(CASE WHEN place = 1 THEN cost / units END) AS unit_cost,
    max(CASE WHEN place = 1 THEN cost_at_prices_before / units END) AS unit_cost_before,  -- at this week's mix
    max(CASE WHEN place = 1 THEN (cost / cost_at_prices_before - 1) * 100 END) AS increase_percent,
    max(CASE WHEN place = 1 THEN cause END) AS cause,
    array_agg(item ORDER BY place) AS items,
    max_by(tags, excess) FILTER (WHERE tags IS NOT NULL) AS tags,
    min(first_day) AS first_day,
    max(last_day) AS last_day
FROM ranked_units
GROUP BY sub_account_id, region_id, service_name, resource_id
HAVING round(sum(excess) / $week_days * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, service_name, resource_id
