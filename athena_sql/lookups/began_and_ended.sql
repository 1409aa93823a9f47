/*
title = "What began and what ended in an account on the day a rise began"
why   = """
A rise that begins on the day on which a resource, a meter, an operation, a region or a service is seen for the first
time, or another one for the last time, is most often one story.
"""
reads = ["daily_charges"]
[parameters]
rises = []
first_day = 2000-01-01         # of the earliest rise
days_before = 28
least_days = 14                # of those: what came less often did not end, it comes now and then
settled_days = 4               # a day that was not yet told in full ends nothing
most = 20
*/
WITH rises AS (
    SELECT *
    FROM (VALUES $rises) AS given (fingerprint, sub_account_id, region_id, service_name, began_on)
),
charges AS (
    SELECT
        rises.fingerprint,
        rises.began_on,
        coalesce(charges.RegionId = rises.region_id, rises.region_id IS NULL)
            AND coalesce(charges.ServiceName = rises.service_name, rises.service_name IS NULL) AS is_near,
        charges.charge_date,
        charges.ServiceName AS service_name,
        charges.RegionId AS region_id,
        charges.meter,
        charges.x_Operation AS operation,
        charges.ResourceId AS resource_id,
        sum(charges.EffectiveCost) AS effective_cost
    FROM daily_charges AS charges
    INNER JOIN rises
        ON charges.SubAccountId IS NOT DISTINCT FROM rises.sub_account_id
        AND date_diff('day', charges.charge_date, rises.began_on) <= $days_before
    WHERE charges.charge_date >= CAST($first_day - INTERVAL '1' DAY * $days_before AS date)
        AND charges.charge_date < $as_of
        AND charges.ChargeCategory = 'Usage'
        AND charges.CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
),
things AS (
    SELECT
        charges.fingerprint,
        charges.began_on,
        kinds.kind,
        kinds.kind_place,
        CASE WHEN kinds.kind = 'region' THEN CAST(NULL AS varchar) ELSE charges.service_name END AS service_name,
        CASE kinds.kind
            WHEN 'service' THEN charges.service_name
            WHEN 'region' THEN charges.region_id
            WHEN 'meter' THEN charges.meter
            WHEN 'operation' THEN charges.operation
            ELSE charges.resource_id
        END AS name,
        bool_or(charges.is_near) AS is_near,                -- of the rise's own region and service: told first
        min(charges.charge_date) AS first_day,
        max(charges.charge_date) AS last_day,
        count(DISTINCT CASE WHEN charges.charge_date < charges.began_on THEN charges.charge_date END) AS days_before,
        sum(CASE WHEN charges.charge_date < charges.began_on THEN charges.effective_cost ELSE 0 END) AS cost_before,
        sum(CASE WHEN charges.charge_date < charges.began_on THEN 0 ELSE charges.effective_cost END) AS cost_since
    FROM charges
    CROSS JOIN (
        VALUES ('region', 1), ('service', 2), ('meter', 3), ('operation', 4), ('resource', 5)
    ) AS kinds (kind, kind_place)
    GROUP BY 1, 2, 3, 4, 5, 6
),
turns AS (
    SELECT
        *,
        CASE
            WHEN first_day = began_on THEN true
            WHEN last_day < began_on THEN false
            WHEN last_day = began_on THEN false             -- it ended in the course of that day
        END AS has_begun,
        CASE
            WHEN first_day = began_on THEN cost_since / CAST(date_diff('day', began_on, $as_of) AS double)
            ELSE cost_before / CAST(nullif(days_before, 0) AS double)
        END AS daily_cost
    FROM things
    WHERE name IS NOT NULL
        AND (
            first_day = began_on
            OR (
                date_diff('day', last_day, began_on) BETWEEN 0 AND 1
                AND days_before >= $least_days
                AND date_diff('day', last_day, $as_of) >= $settled_days
            )
        )
),
places AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY fingerprint, has_begun
            ORDER BY is_near DESC, round(daily_cost, 6) DESC, kind_place, name, service_name
        ) AS place
    FROM turns
)
SELECT fingerprint, has_begun, kind, service_name, name, daily_cost, place
FROM places
WHERE place <= $most
ORDER BY fingerprint, has_begun DESC, place
