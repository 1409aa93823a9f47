/*
title     = "Idle Kiro subscription"
category  = "waste"
ai_families = ["kiro"]
schedule  = "daily"
why       = """
A Kiro subscription is billed per user per month, whether or not the user uses credits. Users who changed teams, stopped
using the IDE, or were subscribed through a group keep their subscription until an administrator deactivates it.
"""
reason    = "User {user_id} used no credits of the Kiro {plan} subscription in {lookback_days} days. The subscription costs {monthly_cost} {currency}/month and was last billed for {billed_month}."
action    = """
1. Identify the user: aws identitystore describe-user --identity-store-id IDENTITY_STORE_ID --user-id {user_id}
2. Ask the user or the user's manager whether Kiro is still needed.
3. If Kiro is not needed, open the Kiro console in {region_id}, choose Users & Groups, select the user, then choose Deactivate plan. If the user was subscribed through a group, remove the user from the group. The subscription ends at the end of the month, and AWS does not refund the remaining days.
"""
blind_spots = [
  "If a user has subscriptions in two Regions of an account but uses only one of them, focuswatch treats both subscriptions as used, because credits are matched to a subscription by user and account, not by Region.",
  "If no user in any account used credits in the lookback period (30 days by default), no subscription is evaluated, because the export may not list credits per user.",
  "Subscriptions to Amazon Q Developer and Amazon Quick are not evaluated, because the bill does not show the usage of each user.",
  "The subscription of a user who is on leave is also reported.",
  "AWS does not document the FOCUS columns of Kiro subscriptions, so focuswatch expects the usage types and resource IDs that AWS documents for the Cost and Usage Report. If a FOCUS export contains other usage types or resource IDs, subscriptions are not detected.",
]
sources   = [
  "https://kiro.dev/docs/cli/enterprise/billing",
  "https://kiro.dev/docs/cli/enterprise/subscription-management",
  "https://github.com/aws-solutions-library-samples/cloud-intelligence-dashboards-framework",
  "https://docs.aws.amazon.com/cli/latest/reference/identitystore/describe-user.html",
]
[parameters]
lookback_days = 30
least_monthly_cost_usd = 1.0
grace_days = 3             # number of days at the start of a month; on these days, the bill may not contain the subscriptions of the month yet
[needs]
charges = "ai_family = 'kiro' AND meter LIKE 'KiroEnterprise-%'"
columns = ["ResourceId"]
history_days = 30
*/
WITH lookbacks AS (
    SELECT
        sub_account_id,
        charge_date AS first_day,
        last_settled_day AS last_day,
        CAST(date_trunc('month', CAST(last_settled_day - INTERVAL '1' DAY * $grace_days AS date)) AS date) AS latest_month
    FROM completeness
    WHERE settled_recency = $lookback_days                 -- a younger account has no such day
),
kiro_charges AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ServiceName AS service_name,
        charges.ResourceId AS resource_id,
        charges.Tags AS tags,
        charges.charge_date,
        CAST(date_trunc('month', charges.charge_date) AS date) AS charge_month,
        regexp_extract(charges.meter, '^KiroEnterprise-(.+)$', 1) AS plan,
        coalesce(charges.ConsumedQuantity, charges.PricingQuantity) AS quantity,
        charges.EffectiveCost AS effective_cost,
        lookbacks.first_day,
        lookbacks.last_day,
        lookbacks.latest_month
    FROM ai_charges AS charges
    INNER JOIN lookbacks ON charges.SubAccountId IS NOT DISTINCT FROM lookbacks.sub_account_id
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 76) AS date)  -- two months before the lookback
        AND charges.charge_date < $as_of
        AND charges.ai_family = 'kiro'
        AND charges.meter LIKE 'KiroEnterprise-%'
        AND charges.ResourceId IS NOT NULL                 -- a discount of the account has none
        AND charges.ChargeCategory IN ('Usage', 'Purchase')
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
),
active_users AS (
    SELECT DISTINCT sub_account_id, resource_id, true AS is_active
    FROM kiro_charges
    WHERE plan = 'Credits'
        AND quantity > 0
        AND charge_date >= first_day                       -- unsettled days too: one prompt clears the user
),
seat_months AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        resource_id,
        charge_month,
        first_day,
        last_day,
        latest_month,
        max_by(plan, charge_date) FILTER (WHERE plan IS NOT NULL) AS plan,  -- after a change of plan, the new one
        max_by(tags, charge_date) FILTER (WHERE cardinality(tags) > 0) AS tags,
        min(charge_date) AS first_charge_date,
        sum(quantity) AS quantity,
        sum(effective_cost) AS effective_cost
    FROM kiro_charges
    WHERE plan <> 'Credits'
        AND charge_date <= last_day
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
seats AS (
    SELECT
        *,
        min(first_charge_date) OVER (PARTITION BY sub_account_id, region_id, service_name, resource_id) AS subscribed_on,
        row_number() OVER (PARTITION BY sub_account_id, region_id, service_name, resource_id ORDER BY charge_month DESC) AS recency
    FROM seat_months
),
paid_seats AS (
    SELECT
        *,
        effective_cost / CASE WHEN quantity > 0 AND quantity < 1 THEN quantity ELSE 1E0 END AS monthly_cost  -- a part of a month is prorated
    FROM seats
    WHERE recency = 1
        AND charge_month >= latest_month                   -- a subscription that ended is not billed again
        AND subscribed_on <= first_day                     -- a new user has not had the time
),
bill_usage AS (
    SELECT count(*) AS active_users
    FROM active_users
)
SELECT
    seats.sub_account_id,
    seats.region_id,
    seats.resource_id,
    seats.monthly_cost,
    seats.service_name,
    seats.tags,
    bill_usage.active_users = 0 AS not_evaluated,
    CASE seats.plan WHEN 'ProPlus' THEN 'Pro+' ELSE seats.plan END AS plan,
    coalesce(regexp_extract(seats.resource_id, 'user/(.+)$', 1), seats.resource_id) AS user_id,
    seats.subscribed_on,
    substr(CAST(seats.charge_month AS varchar), 1, 7) AS billed_month,
    $lookback_days AS lookback_days,
    seats.first_day,
    seats.last_day
FROM paid_seats AS seats
CROSS JOIN bill_usage
LEFT JOIN active_users
    ON seats.sub_account_id IS NOT DISTINCT FROM active_users.sub_account_id
    AND seats.resource_id = active_users.resource_id
WHERE active_users.is_active IS NULL
    AND round(seats.monthly_cost, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, seats.sub_account_id, seats.region_id, seats.resource_id
