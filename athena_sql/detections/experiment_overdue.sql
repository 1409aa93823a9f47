/*
title     = "Experiment past its review date or cap"
category  = "governance"
providers = "all"
schedule  = "daily"
why       = """
An experiment in owners.toml has a hypothesis, a cost cap, and a review date. If an experiment is not reviewed, its
resources keep running, and a one-month trial can be billed for years.
"""
reason    = "Experiment {use_case} is {overdue}. The experiment costs {daily_cost} {currency}/day and has cost {spent} {currency} since {first_day} (cap in {currency}: {cap}, review date: {review_on}, hypothesis: {hypothesis})."
action    = """
1. Decide with {plan_team} whether the experiment confirmed its hypothesis: {hypothesis}
2. If the hypothesis is confirmed, set intent = "production" in [use_cases.{use_case}] of owners.toml, and add monthly_budget and unit.
3. If the hypothesis is not confirmed, delete the experiment's resources. To continue the experiment instead, set a new review_on or cap in owners.toml, with the reason as a comment.
"""
blind_spots = [
  "If an experiment sets on_cap in owners.toml, this detection does not report that the cap is reached, but only that the review date has passed. The detection spend_cap reports such an experiment at 70, 85 and 100% of its cap.",
  "An experiment that is identified only by a tag, without an entry in owners.toml, has no end date and is not reported. To list such experiments, run focuswatch report portfolio.",
  "Only the cost in the last 400 days of the bill counts toward the cap of an experiment.",
  "Charges that do not match the experiment's rules in owners.toml, such as charges for shared resources or for untagged data transfer, do not count toward the cost of the experiment.",
]
sources   = [
  "https://www.finops.org/framework/capabilities/planning-estimating/",
  "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/cost-alloc-tags.html",
]
[parameters]
lookback_days = 7
least_monthly_cost_usd = 1.0
[needs]
owners = ["experiments"]
*/
WITH experiment_days AS (
    SELECT
        owned_days.use_case,
        owned_days.charge_date,
        owned_days.effective_cost,
        coalesce(completeness.settled_recency <= $lookback_days, false) AS is_recent
    FROM owned_days
    LEFT JOIN completeness
        ON owned_days.sub_account_id IS NOT DISTINCT FROM completeness.sub_account_id
        AND owned_days.charge_date = completeness.charge_date
    WHERE owned_days.intent = 'experiment'
        AND owned_days.charge_kind IN ('usage', 'fee')                      -- credits and tax are not usage
),
experiments AS (
    SELECT
        use_case,
        min(charge_date) AS first_day,
        sum(effective_cost) AS spent,
        sum(CASE WHEN is_recent THEN effective_cost ELSE 0 END) / $lookback_days AS daily_cost
    FROM experiment_days
    GROUP BY 1
),
evaluated_experiments AS (
    SELECT
        plans.*,
        experiments.first_day,
        experiments.spent,
        experiments.daily_cost,
        coalesce(plans.review_on <= $as_of, false) AS is_late,
        coalesce(round(experiments.spent, 6) >= plans.cap, false) AND plans.on_cap IS NULL AS is_over_cap  -- else spend_cap
    FROM experiments
    INNER JOIN plans ON plans.kind = 'use case' AND plans.plan = experiments.use_case
    WHERE plans.intent = 'experiment'
)
SELECT
    CAST(NULL AS varchar) AS sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    'use case ' || plan AS resource_id,
    daily_cost * 30 AS monthly_cost,
    team,
    plan AS use_case,
    coalesce(team, 'the owning team') AS plan_team,
    CASE
        WHEN is_late AND is_over_cap THEN 'past its review date and its cap'
        WHEN is_late THEN 'past its review date'
        ELSE 'past its cap'
    END AS overdue,
    daily_cost,
    spent,
    first_day,
    cap,
    review_on,
    CASE WHEN is_late THEN date_diff('day', review_on, $as_of) END AS days_late,
    coalesce(hypothesis, 'not stated in owners.toml') AS hypothesis
FROM evaluated_experiments
WHERE (is_late OR is_over_cap)
    AND round(daily_cost * 30, 6) >= $least_monthly_cost_usd                     -- an experiment that stopped is not overdue
ORDER BY monthly_cost DESC, use_case
