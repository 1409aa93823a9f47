/*
title = "Cost of planned launches by day, account and service"
why   = """
A launch in owners.toml allows cost up to `factor` times the baseline, from the first day of the launch through its last
day. For each day of a launch, the table contains the cost of its use case. Anomaly detections report only the cost
above the amount that the launch allows. `own_cost` is the mean daily cost of the use case in the four weeks before the
launch. If the use case had any cost before the launch, `baseline_cost` equals `own_cost`. Otherwise, `baseline_cost` is
the mean daily cost of the service in the account. These amounts are EffectiveCost. `billed_cost` and `own_billed_cost`
correspond to `effective_cost` and `own_cost`, but are computed from BilledCost, because the month close compares
BilledCost with forecasts.
"""
reads = ["owner_key_days", "daily_services", "launch_rules", "launches"]
[parameters]
days_before = 28
*/
WITH named_resources AS (
    SELECT DISTINCT charges.ResourceId, rules.use_case
    FROM owner_key_days AS charges
    INNER JOIN launch_rules AS rules
        ON starts_with(charges.ResourceId, rules.resource)
        AND (rules.is_beginning OR charges.ResourceId = rules.resource)
    WHERE rules.resource IS NOT NULL
),
spends AS (
    SELECT
        charges.charge_date,
        charges.SubAccountId,
        charges.ServiceName,
        charges.ResourceId,
        charges.Tags,
        sum(charges.EffectiveCost) AS effective_cost,
        sum(charges.BilledCost) AS billed_cost
    FROM owner_key_days AS charges
    INNER JOIN (SELECT min(first_day) AS first_day, max(last_day) AS last_day FROM launches) AS span
        ON date_diff('day', charges.charge_date, span.first_day) <= $days_before
        AND charges.charge_date <= span.last_day
    WHERE charges.charge_date < $as_of
        AND charges.ChargeCategory = 'Usage'
    GROUP BY 1, 2, 3, 4, 5
),
use_case_charges AS (                                         -- DISTINCT: a charge that two rules match counts once
    SELECT DISTINCT spends.*, named.use_case
    FROM spends
    LEFT JOIN launch_rules AS by_tag ON spends.Tags = by_tag.tags
    LEFT JOIN launch_rules AS by_account ON spends.SubAccountId = by_account.sub_account_id
    LEFT JOIN named_resources AS by_resource ON spends.ResourceId = by_resource.ResourceId
    CROSS JOIN UNNEST(ARRAY[by_tag.use_case, by_account.use_case, by_resource.use_case]) AS named (use_case)
    WHERE named.use_case IS NOT NULL                          -- one read of spends: Trino evaluates it at every mention
),
launch_charges AS (
    SELECT
        charges.charge_date,
        charges.SubAccountId AS sub_account_id,
        charges.ServiceName AS service_name,
        charges.use_case,
        launches.first_day,
        launches.last_day,
        launches.factor,
        sum(charges.effective_cost) AS effective_cost,
        sum(charges.billed_cost) AS billed_cost
    FROM use_case_charges AS charges
    INNER JOIN launches
        ON charges.use_case = launches.use_case
        AND date_diff('day', charges.charge_date, launches.first_day) <= $days_before
        AND charges.charge_date <= launches.last_day
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
service_days AS (
    SELECT
        launches.use_case,
        launches.first_day,
        services.SubAccountId AS sub_account_id,
        services.ServiceName AS service_name,
        sum(services.EffectiveCost) / $days_before AS service_cost
    FROM daily_services AS services
    INNER JOIN launches
        ON services.charge_date < launches.first_day
        AND date_diff('day', services.charge_date, launches.first_day) <= $days_before
    WHERE services.ChargeCategory = 'Usage'
    GROUP BY 1, 2, 3, 4
),
weighed_charges AS (
    SELECT
        *,
        sum(CASE WHEN charge_date < first_day THEN effective_cost ELSE 0 END)
            OVER (PARTITION BY use_case, first_day, sub_account_id, service_name) / $days_before AS own_cost,
        sum(CASE WHEN charge_date < first_day THEN billed_cost ELSE 0 END)
            OVER (PARTITION BY use_case, first_day, sub_account_id, service_name) / $days_before AS own_billed_cost
    FROM launch_charges
)
SELECT
    charges.*,
    coalesce(CASE WHEN charges.own_cost > 0 THEN charges.own_cost ELSE service_days.service_cost END, 0) AS baseline_cost
FROM weighed_charges AS charges
LEFT JOIN service_days
    ON charges.use_case = service_days.use_case
    AND charges.first_day = service_days.first_day
    AND charges.sub_account_id IS NOT DISTINCT FROM service_days.sub_account_id
    AND charges.service_name IS NOT DISTINCT FROM service_days.service_name
WHERE charges.charge_date >= charges.first_day
