/*
title     = "An experiment spends past the day or the money it was given"
category  = "governance"
schedule  = "daily"
why       = """
An experiment is a bet: so much money, until such a day, to learn one thing. Nobody switches it off, because nobody
remembers that it was one; and what was to be tried for a month is paid for years.
"""
reason    = "{use_case} spends {daily_cost} {currency} a day and is {overdue}: it has cost {spent} {currency} since {first_day} (cap {cap}, review on {review_on}). It was to show: {hypothesis}."
action    = """
1. Did it show what it was to show ({hypothesis})? Somebody of {plan_team} decides.
2. It did: give [use_cases.{use_case}] in owners.toml the intent production, with a budget and the unit it is measured by.
3. It did not, or nobody knows: switch its resources off; or say in owners.toml what another term is for, with a new review_on or cap.
"""
blind_spots = [
  "An experiment that owners.toml does not name, though a tag says experiment, has no term: the report portfolio shows it.",
  "What it cost before the bill's first day is not known; the cap counts the last 400 days.",
  "Charges that its rows do not match (shared resources, data transfer without a tag) are not counted.",
]
sources   = [
  "https://www.finops.org/framework/capabilities/planning-estimating/",
  "https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/cost-alloc-tags.html",
]
[parameters]
lookback_days = 7
least_monthly_cost_usd = 1.0
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
        AND owned_days.charge_kind IN ('usage', 'fee')                      -- credits and tax are no use
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
judged_experiments AS (
    SELECT
        plans.*,
        experiments.first_day,
        experiments.spent,
        experiments.daily_cost,
        coalesce(plans.review_on <= $as_of, false) AS is_late,
        coalesce(round(experiments.spent, 6) >= plans.cap, false) AS is_dear
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
    coalesce(team, 'its team') AS plan_team,
    CASE
        WHEN is_late AND is_dear THEN 'past its review day and its cap'
        WHEN is_late THEN 'past its review day'
        ELSE 'past its cap'
    END AS overdue,
    daily_cost,
    spent,
    first_day,
    cap,
    review_on,
    CASE WHEN is_late THEN date_diff('day', review_on, $as_of) END AS days_late,
    coalesce(hypothesis, 'owners.toml does not say what') AS hypothesis
FROM judged_experiments
WHERE (is_late OR is_dear)
    AND round(daily_cost * 30, 6) >= $least_monthly_cost_usd                     -- what has ended is overdue no more
ORDER BY monthly_cost DESC, use_case
