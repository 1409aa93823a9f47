/*
title = "Spend by intent and use case, last 30 complete days"
basis = "EffectiveCost of usage and fees, excluding credits and tax"
why   = """
A use case is a workload that is defined under [use_cases] in owners.toml. Tags, accounts or resources determine which
charges belong to the use case. An intent is the purpose of the spend, such as experiment or production. owners.toml
states the intent of each use case. For a charge without a use case, the report uses the value of the `intent` tag as
the intent. For experiments, the report shows the cap and the review date. If a use case has a unit and the activity
file contains its unit counts, the report shows the cost per unit. Unit counts have the namespace `business`, the name
of the use case as resource_id, and the unit as metric. `accepted_unit_cost` is the maximum accepted cost per unit of
the use case, as set in owners.toml. `verdict` states the status of the use case, for example `past its review date`.
`launch` shows the current planned launch. During a planned launch, the detections token_burst, cost_anomaly and
live_burn report usage of the use case only if it exceeds `factor` times the baseline.
"""
[needs]
owners = ["use_cases"]
[offers]
cost = ["effective", "billed"]
charges = ["usage", "fees"]
more = ["credits", "tax"]
*/
WITH use_case_days AS (
    SELECT
        owned_days.intent,
        owned_days.use_case,
        CASE WHEN owned_days.use_case IS NULL THEN owned_days.team END AS team,
        owned_days.charge_date,
        sum(CASE
            WHEN owned_days.charge_date >= complete_30_days.first_day AND owned_days.charge_date < complete_30_days.end_day
                THEN owned_days.effective_cost ELSE 0
        END) AS effective_cost,
        sum(CASE
            WHEN owned_days.charge_date >= complete_30_days.first_day_before
                AND owned_days.charge_date < complete_30_days.first_day
                THEN owned_days.effective_cost ELSE 0
        END) AS effective_cost_before,
        sum(owned_days.effective_cost) AS effective_cost_ever
    FROM owned_days
    CROSS JOIN complete_30_days
    WHERE owned_days.charge_kind IN ('usage', 'fee')
    GROUP BY 1, 2, 3, 4
),
counts AS (
    SELECT resource_id AS use_case, metric AS unit, activity_date, sum(value) AS units
    FROM activity
    WHERE namespace = 'business' AND value IS NOT NULL
    GROUP BY 1, 2, 3
),
running_launches AS (
    SELECT
        use_case,
        'up to ' || CAST(CAST(max(factor) AS bigint) AS varchar) || ' times the baseline through '
            || CAST(max(last_day) AS varchar) AS launch
    FROM launches
    WHERE first_day <= $as_of AND last_day >= CAST($as_of - INTERVAL '7' DAY AS date)
    GROUP BY 1
),
use_cases AS (
    SELECT
        days.intent,
        days.use_case,
        days.team,
        sum(days.effective_cost) AS effective_cost,
        sum(days.effective_cost_before) AS effective_cost_before,
        sum(days.effective_cost_ever) AS effective_cost_ever,
        sum(CASE WHEN days.effective_cost > 0 THEN counts.units END) AS units,
        sum(CASE WHEN counts.units IS NOT NULL THEN days.effective_cost ELSE 0 END) AS counted_cost
    FROM use_case_days AS days
    LEFT JOIN plans ON plans.kind = 'use case' AND plans.plan = days.use_case
    LEFT JOIN counts
        ON counts.use_case = plans.plan AND counts.unit = plans.unit AND counts.activity_date = days.charge_date
    GROUP BY 1, 2, 3
),
evaluated_use_cases AS (
    SELECT
        coalesce(use_cases.intent, CASE WHEN use_cases.team IS NULL THEN '(unallocated)' ELSE '(no intent)' END) AS intent,
        use_cases.use_case,
        coalesce(plans.team, use_cases.team) AS team,
        use_cases.effective_cost,
        use_cases.effective_cost_before,
        use_cases.effective_cost_ever,
        plans.cap,
        plans.review_on,
        plans.unit,
        use_cases.counted_cost / nullif(use_cases.units, 0) AS unit_cost,
        plans.accepted_unit_cost,
        plans.hypothesis,
        running_launches.launch
    FROM use_cases
    LEFT JOIN running_launches ON use_cases.use_case = running_launches.use_case
    LEFT JOIN plans ON plans.kind = 'use case' AND plans.plan = use_cases.use_case
)
SELECT
    intent,
    use_case,
    team,
    effective_cost,
    effective_cost_before,
    effective_cost / nullif(sum(effective_cost) OVER (), 0) AS share,
    CASE
        WHEN intent = '(unallocated)' THEN 'no owner'
        WHEN intent = '(no intent)' THEN 'no intent specified'
        WHEN intent = 'experiment' AND use_case IS NULL THEN 'experiment has no end date'
        WHEN intent = 'experiment' AND round(effective_cost_ever, 6) >= cap THEN 'past its cap'
        WHEN intent = 'experiment' AND review_on <= $as_of THEN 'past its review date'
        WHEN round(unit_cost, 9) > accepted_unit_cost THEN 'unit cost above the accepted cost'
        WHEN unit_cost IS NOT NULL THEN 'unit cost within the accepted cost'
        WHEN unit IS NOT NULL THEN 'units not counted'
    END AS verdict,
    unit,
    unit_cost,
    accepted_unit_cost,
    cap,
    review_on,
    launch,
    hypothesis
FROM evaluated_use_cases
WHERE effective_cost > 0 OR effective_cost_before > 0
ORDER BY
    CASE intent
        WHEN 'production' THEN 1 WHEN 'experiment' THEN 2 WHEN 'sandbox' THEN 3 WHEN 'shared' THEN 4 WHEN '(no intent)' THEN 5
        ELSE 6
    END,
    effective_cost DESC, use_case, team
