/*
title = "Resources that started or stopped at the start of a cost increase"
why   = """
On the first day of a cost increase, a resource, meter, operation, Region or service may appear on the bill for the
first or the last time. Such a start or stop often explains the increase: for example, a new resource adds cost, or a
more expensive instance type replaces a cheaper one.
"""
reads = ["daily_charges"]
[parameters]
rises = []
first_day = 2000-01-01         # first day of the earliest cost increase
days_before = 28               # number of days before the increase; at most 62, because each day is one bit of a bigint
least_days = 14                # minimum number of days with charges before the increase, because occasional charges do not count as stopped
settled_days = 4               # minimum number of days between the last day of a stopped charge and the scan, because later days are incomplete
settle_days = 2                # as in the table completeness
most_days = 62                 # maximum number of days of daily cost, because each day is one bit of a bigint
most = 20
*/
WITH rises AS (
    SELECT *
    FROM (VALUES $rises) AS given (fingerprint, sub_account_id, region_id, service_name, began_on)
),
days AS (                                                   -- many cost increases on a day belong to one account
    SELECT DISTINCT sub_account_id, began_on
    FROM rises
),
charges AS (                                                -- the detail of the bill, except the day
    SELECT
        days.sub_account_id,
        days.began_on,
        charges.ServiceName AS service_name,
        charges.RegionId AS region_id,
        charges.is_edge,
        charges.meter,
        charges.x_Operation AS operation,
        charges.ResourceId AS resource_id,
        min(charges.charge_date) AS first_day,
        max(charges.charge_date) AS last_day,
        bitwise_or_agg(
            CASE
                WHEN charges.charge_date < days.began_on
                    THEN CAST(power(2, date_diff('day', charges.charge_date, days.began_on)) AS bigint)
                ELSE 0
            END
        ) AS days_before,                                   -- one bit per day: counting distinct days takes three times as long
        sum(CASE WHEN charges.charge_date < days.began_on THEN charges.EffectiveCost ELSE 0 END) AS cost_before,
        bitwise_or_agg(
            CASE
                WHEN charges.charge_date >= days.began_on
                    AND date_diff('day', days.began_on, charges.charge_date) < $most_days
                    AND date_diff('day', charges.charge_date, $as_of) > $settle_days
                    THEN CAST(power(2, date_diff('day', days.began_on, charges.charge_date)) AS bigint)
                ELSE 0
            END
        ) AS ran_days,                                      -- settled days with charges since it started
        sum(CASE
            WHEN charges.charge_date >= days.began_on
                AND date_diff('day', days.began_on, charges.charge_date) < $most_days
                AND date_diff('day', charges.charge_date, $as_of) > $settle_days
                THEN charges.EffectiveCost
            ELSE 0
        END) AS ran_cost,
        bitwise_or_agg(
            CASE
                WHEN charges.charge_date >= days.began_on
                    AND date_diff('day', days.began_on, charges.charge_date) < $most_days
                    THEN CAST(power(2, date_diff('day', days.began_on, charges.charge_date)) AS bigint)
                ELSE 0
            END
        ) AS known_days,
        sum(CASE
            WHEN charges.charge_date >= days.began_on
                AND date_diff('day', days.began_on, charges.charge_date) < $most_days
                THEN charges.EffectiveCost
            ELSE 0
        END) AS known_cost
    FROM daily_charges AS charges
    INNER JOIN days
        ON charges.SubAccountId IS NOT DISTINCT FROM days.sub_account_id
        AND date_diff('day', charges.charge_date, days.began_on) <= $days_before
    WHERE charges.charge_date >= CAST($first_day - INTERVAL '1' DAY * $days_before AS date)
        AND charges.charge_date < $as_of
        AND charges.ChargeCategory = 'Usage'
        AND charges.CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
),
things AS (
    SELECT
        charges.sub_account_id,
        charges.began_on,
        kinds.kind,
        kinds.kind_place,
        CASE WHEN kinds.kind = 'region' THEN CAST(NULL AS varchar) ELSE charges.service_name END AS service_name,
        CASE kinds.kind
            WHEN 'service' THEN charges.service_name
            WHEN 'region' THEN CASE WHEN NOT charges.is_edge THEN charges.region_id END  -- otherwise the region of the viewers
            WHEN 'meter' THEN charges.meter
            WHEN 'operation' THEN charges.operation
            ELSE charges.resource_id
        END AS name,
        min(charges.region_id) AS one_region_id,
        max(charges.region_id) AS other_region_id,
        min(charges.service_name) AS one_service_name,
        max(charges.service_name) AS other_service_name,
        min(charges.first_day) AS first_day,
        max(charges.last_day) AS last_day,
        bit_count(bitwise_or_agg(charges.days_before), 64) >= $least_days AS came_daily,  -- by whichever resource
        sum(charges.cost_before)
            / CAST(nullif(bit_count(bitwise_or_agg(charges.days_before), 64), 0) AS double) AS daily_cost_before,
        coalesce(                                           -- over the days it ran; unsettled days only if there are no others
            sum(charges.ran_cost)
                / CAST(nullif(bit_count(bitwise_or_agg(charges.ran_days), 64), 0) AS double),
            sum(charges.known_cost) / CAST(nullif(bit_count(bitwise_or_agg(charges.known_days), 64), 0) AS double)
        ) AS daily_cost_since
    FROM charges
    CROSS JOIN (
        VALUES ('region', 1), ('service', 2), ('meter', 3), ('operation', 4), ('resource', 5)
    ) AS kinds (kind, kind_place)
    GROUP BY 1, 2, 3, 4, 5, 6
),
turns AS (
    SELECT
        *,
        first_day = began_on AS has_begun,
        CASE WHEN first_day = began_on THEN daily_cost_since ELSE daily_cost_before END AS daily_cost
    FROM things
    WHERE name IS NOT NULL
        AND (
            first_day = began_on
            OR (
                date_diff('day', last_day, began_on) BETWEEN 0 AND 1  -- it stopped during that day, or with the day before
                AND came_daily
                AND date_diff('day', last_day, $as_of) >= $settled_days
            )
        )
),
places AS (
    SELECT
        rises.fingerprint,
        turns.has_begun,
        turns.kind,
        turns.service_name,
        turns.name,
        turns.daily_cost,
        row_number() OVER (
            PARTITION BY rises.fingerprint, turns.has_begun
            ORDER BY
                CASE                                        -- resources in the region and service of the cost increase first
                    WHEN (rises.region_id IS NULL OR rises.region_id IN (turns.one_region_id, turns.other_region_id))
                        AND (
                            rises.service_name IS NULL
                            OR rises.service_name IN (turns.one_service_name, turns.other_service_name)
                        ) THEN 1
                    ELSE 2
                END,
                round(turns.daily_cost, 6) DESC,
                turns.kind_place,
                turns.name,
                turns.service_name
        ) AS place
    FROM turns
    INNER JOIN rises
        ON turns.sub_account_id IS NOT DISTINCT FROM rises.sub_account_id
        AND turns.began_on = rises.began_on
)
SELECT *
FROM places
WHERE place <= $most
ORDER BY fingerprint, has_begun DESC, place
