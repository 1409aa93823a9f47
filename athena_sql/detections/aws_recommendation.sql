/*
title     = "AWS cost recommendation"
category  = "waste"
schedule  = "daily"
why       = """
AWS Cost Optimization Hub recommends which resources to stop, delete, rightsize or migrate, and estimates the savings
after discounts. The Cost Optimization Hub console does not notify resource owners. focuswatch notifies the owner of the
resource, tracks the recommendation until it is resolved, and verifies the savings on the bill. If a resource has
several recommendations, focuswatch reports the recommendation with the highest savings.
"""
reason    = "AWS Cost Optimization Hub recommendation for {resource_type} {resource_name}: {recommended_action}{recommended_change}. AWS estimates savings of {estimated_monthly_savings} {currency}/month after discounts. According to the bill, the resource costs {resource_monthly_cost} {currency}/month."
action    = """
1. Review the recommendation in the AWS console (Billing and Cost Management > Cost Optimization Hub) or with the AWS CLI: aws cost-optimization-hub get-recommendation --recommendation-id {recommendation_id} --region us-east-1
2. Ask the owner whether the resource needs its current size, for example for peak loads that the AWS estimate does not include.
3. Apply the recommendation. If you decide not to apply the recommendation, exclude the finding.
"""
blind_spots = [
  "AWS estimates the savings and refreshes the estimate daily. focuswatch caps the estimated savings at the cost of the resource on the bill.",
  "Recommendations to purchase Savings Plans or reservations are not reported, because they do not refer to a specific resource on the bill.",
  "AWS creates recommendations only if you opt in to Cost Optimization Hub and Compute Optimizer. AWS may need up to 30 days of usage data before it creates a recommendation for a resource.",
]
sources   = [
  "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cor-columns.html",
  "https://docs.aws.amazon.com/cost-management/latest/userguide/cost-optimization-hub.html",
  "https://docs.aws.amazon.com/cost-management/latest/userguide/coh-estimated-monthly-savings.html",
  "https://docs.aws.amazon.com/cli/latest/reference/cost-optimization-hub/get-recommendation.html",
]
[parameters]
lookback_days = 7
fresh_days = 3
least_monthly_cost_usd = 10.0
[needs]
files = ["recommendations"]
*/
WITH current_recommendations AS (
    SELECT
        *,
        regexp_extract(resource_arn, '[^/:]+$') AS resource_key,
        row_number() OVER (
            PARTITION BY recommendation_id ORDER BY last_refresh_timestamp DESC, estimated_monthly_savings_after_discount
        ) AS recency
    FROM recommendations
    WHERE last_refresh_timestamp >= CAST($as_of - INTERVAL '1' DAY * $fresh_days AS date)  -- one that AWS withdrew is not refreshed
        AND resource_arn IS NOT NULL                       -- Savings Plans and reservations have none
        AND estimated_monthly_savings_after_discount > 0
),
service_costs AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ResourceId AS resource_id,
        charges.BillingCurrency AS currency_code,
        charges.ServiceName AS service_name,
        regexp_extract(charges.ResourceId, '[^/:]+$') AS resource_key,
        lookbacks.charge_date AS first_day,
        lookbacks.last_settled_day AS last_day,
        max_by(charges.Tags, charges.charge_date) FILTER (WHERE cardinality(charges.Tags) > 0) AS tags,
        sum(charges.EffectiveCost) / $lookback_days * 30 AS monthly_cost
    FROM daily_charges AS charges
    INNER JOIN completeness AS lookbacks
        ON charges.SubAccountId = lookbacks.sub_account_id
        AND lookbacks.settled_recency = $lookback_days
        AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.ResourceId IS NOT NULL
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
recommended_resources AS (
    SELECT
        costs.sub_account_id,
        costs.region_id,
        costs.resource_id,
        costs.service_name,
        costs.tags,
        costs.first_day,
        costs.last_day,
        costs.monthly_cost AS resource_monthly_cost,
        given.recommendation_id,
        given.action_type,
        given.current_resource_type,
        given.current_resource_summary,
        given.recommended_resource_summary,
        given.estimated_monthly_savings_after_discount AS estimated_monthly_savings,
        given.estimated_savings_percentage_after_discount,
        given.implementation_effort,
        given.restart_needed,
        given.rollback_possible,
        given.recommendation_source,
        given.last_refresh_timestamp,
        row_number() OVER (
            PARTITION BY costs.sub_account_id, costs.resource_key
            ORDER BY
                given.estimated_monthly_savings_after_discount DESC, given.recommendation_id,
                costs.monthly_cost DESC, costs.service_name, costs.region_id, costs.resource_id
        ) AS place
    FROM current_recommendations AS given
    INNER JOIN service_costs AS costs
        ON given.account_id = costs.sub_account_id
        AND given.resource_key = costs.resource_key
        AND given.currency_code = costs.currency_code      -- an estimate in another currency is not comparable
        AND (given.resource_arn = costs.resource_id OR costs.resource_id NOT LIKE 'arn:%')  -- some bills have only the last part
    WHERE given.recency = 1
        AND costs.monthly_cost > 0
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    least(estimated_monthly_savings, resource_monthly_cost) AS monthly_cost,
    service_name,
    tags,
    recommendation_id,
    coalesce(
        CASE action_type
            WHEN 'Rightsize' THEN 'rightsize'
            WHEN 'Stop' THEN 'stop'
            WHEN 'Delete' THEN 'delete'
            WHEN 'Upgrade' THEN 'upgrade'
            WHEN 'MigrateToGraviton' THEN 'migrate to Graviton'
            WHEN 'ScaleIn' THEN 'scale in'
        END,
        action_type
    ) AS recommended_action,
    current_resource_type AS resource_type,
    regexp_extract(resource_id, '[^/:]+$') AS resource_name,
    coalesce(
        ' (' || coalesce(current_resource_summary || ' to ', '') || nullif(recommended_resource_summary, '') || ')', ''
    ) AS recommended_change,
    estimated_monthly_savings,
    estimated_savings_percentage_after_discount AS estimated_savings_percent,
    resource_monthly_cost,
    implementation_effort,
    restart_needed,
    rollback_possible,
    recommendation_source,
    CAST(last_refresh_timestamp AS date) AS refreshed_on,
    first_day,
    last_day
FROM recommended_resources
WHERE place = 1
    AND round(least(estimated_monthly_savings, resource_monthly_cost), 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, resource_id
