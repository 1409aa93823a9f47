/*
title     = "Spend cap nearly reached or exceeded"
category  = "governance"
providers = "all"
names     = "amount"
schedule  = "daily"
why       = """
If a use case sets on_cap in owners.toml, it has a spend cap: its `cap` (total since the first charge) or, if `cap` is
not set, its `monthly_budget` (per calendar month). Owners are notified when spend reaches 70, 85 and 100% of the cap.
If on_cap is "notify", focuswatch only sends these notifications. If on_cap is "ask", an approver can pause spending at
100% of the cap by pressing a button. If on_cap is "pause", focuswatch pauses spending immediately at 100% of the cap.
For more information about spend caps, see docs/control.md.
"""
reason    = "Use case {use_case} has spent {spent} of {limit_amount} {currency} ({spent_percent}% of {limit_of}) and currently spends {daily_cost} {currency}/day. When the cap is reached, {at_cap}."
action    = """
1. Decide with {plan_team} whether the spend is intended. If the spend is intended, raise {limit_key} in [use_cases.{use_case}] of owners.toml.
2. If the spend is not intended, stop the resources with the highest cost. To see the cost of the use case, run focuswatch report portfolio.
3. To stop model calls immediately, press Pause spending in the Slack message (if the message has this button).
"""
blind_spots = [
  "The bill can be a day late, so spend can exceed the cap before focuswatch detects the overspend.",
  "Tags determine which charges belong to a use case, so anyone who can tag a resource can add its cost to a use case.",
  "Charges that do not match the use case's rules, such as charges for shared resources, do not count toward the cap.",
]
sources   = [
  "https://www.finops.org/framework/capabilities/budgeting/",
  "https://docs.aws.amazon.com/cost-management/latest/userguide/budgets-controls.html",
]
[pace]
alerts = [0.70, 0.85, 1.0]     # shares of the cap; the query reports the highest share that is reached
[parameters]
lookback_days = 7
active_days = 35
[needs]
owners = ["spend_caps"]
*/
WITH capped_plans AS (
    SELECT
        *,
        CASE WHEN cap IS NOT NULL THEN 'in total' ELSE 'this month' END AS limit_period,
        coalesce(cap, monthly_budget) AS limit_amount,
        CAST(date_trunc('month', CAST($as_of - INTERVAL '1' DAY AS date)) AS date) AS month_start
    FROM plans
    WHERE kind = 'use case'
        AND on_cap IS NOT NULL
        AND coalesce(cap, monthly_budget) IS NOT NULL
),
capped_days AS (
    SELECT
        capped_plans.plan,
        owned_days.charge_date,
        CASE WHEN capped_plans.cap IS NULL THEN owned_days.billed_cost ELSE owned_days.effective_cost END AS cost,
        coalesce(completeness.settled_recency <= $lookback_days, false) AS is_recent
    FROM owned_days
    INNER JOIN capped_plans ON owned_days.use_case = capped_plans.plan
    LEFT JOIN completeness
        ON owned_days.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
        AND owned_days.charge_date = completeness.charge_date
    WHERE owned_days.charge_kind IN ('usage', 'fee')                        -- credits and tax are not usage
        AND (capped_plans.cap IS NOT NULL OR owned_days.charge_date >= capped_plans.month_start)
),
plan_spends AS (
    SELECT
        plan,
        min(charge_date) AS first_day,
        max(charge_date) AS last_day,
        sum(cost) AS spent,
        sum(CASE WHEN is_recent THEN cost ELSE 0 END) / $lookback_days AS daily_cost
    FROM capped_days
    GROUP BY 1
),
spent_plans AS (
    SELECT
        capped_plans.*,
        plan_spends.first_day,
        plan_spends.last_day,
        plan_spends.spent,
        plan_spends.daily_cost,
        round(plan_spends.spent / capped_plans.limit_amount, 9) AS spent_share
    FROM capped_plans
    INNER JOIN plan_spends ON capped_plans.plan = plan_spends.plan
)
SELECT
    CAST(NULL AS varchar) AS sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    'use case ' || plan AS resource_id,
    daily_cost * 30 AS monthly_cost,
    team,
    plan AS use_case,
    coalesce(team, 'the owning team') AS plan_team,
    on_cap,
    CASE on_cap
        WHEN 'pause' THEN 'focuswatch pauses the spending of the use case'
        WHEN 'ask' THEN 'an approver can pause the spending of the use case'
        ELSE 'focuswatch only notifies the owner'
    END AS at_cap,
    limit_amount,
    limit_period,
    CASE WHEN cap IS NULL THEN 'its monthly budget' ELSE 'its total cap' END AS limit_of,
    CASE WHEN cap IS NULL THEN 'monthly_budget' ELSE 'cap' END AS limit_key,
    spent,
    spent_share * 100 AS spent_percent,
    CASE WHEN spent_share >= 1 THEN 100E0 WHEN spent_share >= 0.85 THEN 85E0 ELSE 70E0 END AS reached_percent,
    -- a new month starts again at 70%; a total never does
    CASE WHEN cap IS NULL THEN substr(CAST(month_start AS varchar), 1, 7) ELSE limit_period END AS month,
    first_day,
    last_day,
    daily_cost
FROM spent_plans
WHERE spent_share >= 0.7
    AND last_day >= CAST($as_of - INTERVAL '1' DAY * $active_days AS date)    -- an experiment that ended spends no more
ORDER BY monthly_cost DESC, use_case
