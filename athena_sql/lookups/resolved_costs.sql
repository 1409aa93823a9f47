/*
title = "Remaining cost of resolved findings"
why   = """
A resource can still be billed after detections stop reporting its finding. For example, an idle endpoint is no longer
reported after a single call. The query returns the cost of the finding's resource on the most recent complete days
(days whose charges no longer change) and on the days before the finding was last reported. If a finding has no service,
the charges for all services are included. If a finding has no Region, the charges for all Regions are included. If a
finding has no resource, only charges without a resource are included.
"""
reads = ["daily_charges", "completeness"]
[parameters]
resolved = []
newest_days = 3
previous_days = 7
*/
WITH resolved AS (
    SELECT *
    FROM (VALUES $resolved) AS given (
        fingerprint, sub_account_id, region_id, service_name, resource_id, previous_from, previous_until
    )
),
newest_days AS (
    SELECT sub_account_id, min(charge_date) AS first_day, max(charge_date) AS last_day
    FROM completeness
    WHERE settled_recency <= $newest_days
    GROUP BY sub_account_id
),
measured AS (
    SELECT resolved.*, newest_days.first_day, newest_days.last_day
    FROM resolved
    INNER JOIN newest_days ON resolved.sub_account_id IS NOT DISTINCT FROM newest_days.sub_account_id
),
costs AS (
    SELECT
        measured.fingerprint,
        sum(CASE
            WHEN charges.charge_date BETWEEN measured.first_day AND measured.last_day THEN charges.EffectiveCost
        END) AS newest_cost,
        sum(CASE
            WHEN charges.charge_date BETWEEN measured.previous_from AND measured.previous_until
            THEN charges.EffectiveCost
        END) AS previous_cost
    FROM measured
    INNER JOIN daily_charges AS charges
        ON charges.SubAccountId IS NOT DISTINCT FROM measured.sub_account_id
        AND (measured.region_id IS NULL OR charges.RegionId = measured.region_id)
        AND (measured.service_name IS NULL OR charges.ServiceName = measured.service_name)
        AND charges.ResourceId IS NOT DISTINCT FROM measured.resource_id
        AND charges.charge_date >= measured.previous_from
    WHERE charges.ChargeCategory = 'Usage'
    GROUP BY measured.fingerprint
)
SELECT
    measured.fingerprint,
    measured.first_day,
    measured.last_day,
    coalesce(costs.newest_cost, 0) / CAST($newest_days AS double) AS daily_cost,
    coalesce(costs.previous_cost, 0) / CAST($previous_days AS double) AS previous_daily_cost
FROM measured
LEFT JOIN costs ON measured.fingerprint = costs.fingerprint
ORDER BY measured.fingerprint
