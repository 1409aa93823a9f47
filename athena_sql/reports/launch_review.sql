/*
title = "Planned and actual cost of launches, last 90 days"
basis = "EffectiveCost of usage, excluding fees, credits and tax"
why   = """
A launch in owners.toml has an end date and a maximum planned cost. The maximum is a multiple of the baseline
(`planned_factor`). When the charges for the last day of a launch are complete, this report compares the planned cost
with the cost on the bill. `baseline_daily_cost` is the mean daily cost of the use case in the four weeks before the
launch. `actual_factor` is the highest daily cost during the launch divided by `baseline_daily_cost`. `average_factor`
is the mean daily cost during the launch divided by `baseline_daily_cost`. `daily_cost_after` is the mean daily cost of
the use case in the two weeks after the launch. If the use case has a unit and the activity file contains its unit
counts, the report shows the cost per unit before and during the launch. `accepted_unit_cost` is the maximum accepted
cost per unit, as set in owners.toml. `ended_this_week` is true if the launch has ended and the charges for its last day
became complete within the last seven days. The weekly digest lists only launches for which `ended_this_week` is true,
so each launch appears once.
"""
[parameters]
days = 90
settle_days = 2                # as in the table completeness
days_before = 28               # as in the table launch_days
days_after = 14
week_days = 7
[needs]
owners = ["use_cases"]
[offers]
cost = ["effective", "billed"]
charges = ["usage"]
more = ["fees", "credits", "tax"]
*/
WITH ended_launches AS (
    SELECT
        launches.use_case,
        launches.first_day,
        launches.last_day,
        launches.factor,
        bill.bill_began,
        complete_30_days.end_day
    FROM launches
    CROSS JOIN complete_30_days
    CROSS JOIN (SELECT min(charge_date) AS bill_began FROM completeness) AS bill
    WHERE date_diff('day', launches.last_day, $as_of) BETWEEN $settle_days + 1 AND $days
        AND launches.last_day >= bill.bill_began
),
use_case_days AS (
    SELECT use_case, charge_date, sum(effective_cost) AS effective_cost
    FROM owned_days
    WHERE charge_kind = 'usage' AND use_case IS NOT NULL
    GROUP BY 1, 2
),
counts AS (
    SELECT resource_id AS use_case, metric AS unit, activity_date, sum(value) AS units
    FROM activity
    WHERE namespace = 'business' AND value IS NOT NULL
    GROUP BY 1, 2, 3
),
launch_totals AS (
    SELECT
        launches.use_case,
        launches.first_day,
        launches.last_day,
        launches.factor,
        launches.end_day,
        max(greatest(least(date_diff('day', launches.bill_began, launches.first_day), $days_before), 1)) AS baseline_days,
        max(date_diff('day', greatest(launches.first_day, launches.bill_began), launches.last_day) + 1) AS launch_days,
        max(greatest(least(date_diff('day', launches.last_day, launches.end_day) - 1, $days_after), 0)) AS days_after,
        sum(CASE
            WHEN date_diff('day', days.charge_date, launches.first_day) BETWEEN 1 AND $days_before
                THEN days.effective_cost ELSE 0
        END) AS cost_before,
        sum(CASE
            WHEN days.charge_date BETWEEN launches.first_day AND launches.last_day THEN days.effective_cost ELSE 0
        END) AS launch_cost,
        max(CASE
            WHEN days.charge_date BETWEEN launches.first_day AND launches.last_day THEN days.effective_cost
        END) AS peak_daily_cost,
        sum(CASE
            WHEN date_diff('day', launches.last_day, days.charge_date) BETWEEN 1 AND $days_after
                AND days.charge_date < launches.end_day
                THEN days.effective_cost ELSE 0
        END) AS cost_after,
        sum(CASE
            WHEN date_diff('day', days.charge_date, launches.first_day) BETWEEN 1 AND $days_before
                AND counts.units > 0
                THEN days.effective_cost
        END) AS counted_cost_before,
        sum(CASE
            WHEN date_diff('day', days.charge_date, launches.first_day) BETWEEN 1 AND $days_before THEN counts.units
        END) AS units_before,
        sum(CASE
            WHEN days.charge_date BETWEEN launches.first_day AND launches.last_day AND counts.units > 0
                THEN days.effective_cost
        END) AS counted_cost,
        sum(CASE
            WHEN days.charge_date BETWEEN launches.first_day AND launches.last_day THEN counts.units
        END) AS units
    FROM ended_launches AS launches
    LEFT JOIN use_case_days AS days
        ON launches.use_case = days.use_case
        AND date_diff('day', days.charge_date, launches.first_day) <= $days_before
    LEFT JOIN plans ON plans.kind = 'use case' AND plans.plan = launches.use_case
    LEFT JOIN counts
        ON counts.use_case = plans.plan AND counts.unit = plans.unit AND counts.activity_date = days.charge_date
    GROUP BY 1, 2, 3, 4, 5
),
reviews AS (
    SELECT
        launch_totals.*,
        cost_before / baseline_days AS baseline_daily_cost,
        launch_cost / launch_days AS launch_daily_cost,
        CASE WHEN days_after > 0 THEN cost_after / days_after END AS daily_cost_after,
        peak_daily_cost / nullif(cost_before / baseline_days, 0) AS actual_factor,
        launch_cost / launch_days / nullif(cost_before / baseline_days, 0) AS average_factor,
        counted_cost_before / nullif(units_before, 0) AS unit_cost_before,
        counted_cost / nullif(units, 0) AS unit_cost
    FROM launch_totals
)
SELECT
    reviews.use_case,
    plans.team,
    reviews.first_day,
    reviews.last_day,
    reviews.factor AS planned_factor,
    reviews.actual_factor,
    reviews.average_factor,
    CASE
        WHEN reviews.launch_cost <= 0 THEN 'no cost during the launch'
        WHEN reviews.actual_factor IS NULL THEN 'no cost before the launch to compare with'
        WHEN round(reviews.actual_factor, 6) > reviews.factor THEN 'above the planned factor'
        WHEN round(reviews.unit_cost, 9) > plans.accepted_unit_cost THEN 'unit cost above the accepted cost'
        ELSE 'within the plan'
    END AS verdict,
    reviews.launch_cost,
    reviews.baseline_daily_cost,
    reviews.launch_daily_cost,
    reviews.peak_daily_cost,
    reviews.daily_cost_after,
    plans.unit,
    reviews.unit_cost_before,
    reviews.unit_cost,
    plans.accepted_unit_cost,
    date_diff('day', reviews.last_day, $as_of) BETWEEN $settle_days + 1 AND $settle_days + $week_days AS ended_this_week
FROM reviews
LEFT JOIN plans ON plans.kind = 'use case' AND plans.plan = reviews.use_case
ORDER BY reviews.last_day DESC, reviews.launch_cost DESC, reviews.use_case, reviews.first_day
