/*
title = "Hourly cost around the start of a cost increase"
why   = """
An hourly export shows the hour in which a cost increase started. focuswatch can therefore state whether an event, such
as a deployment, occurred before or after this hour. The tables of focuswatch contain only daily amounts, so this query
reads hourly rows of the original export. The query reads the hours from 18:00 UTC on the day before the increase to the
end of the first day of the increase. For comparison, the query also reads the same hours one day and seven days
earlier. Only charges for a single hour are included, because fees and daily charges do not belong to a specific hour.
"""
reads = ["focus_export"]
[parameters]
rises = []
hours_before = 6               # number of hours that are read on the day before the increase
*/
WITH rises AS (
    SELECT
        *,
        CAST(first_day AS timestamp) - INTERVAL '1' HOUR * $hours_before AS hours_from,
        CAST(first_day AS timestamp) + INTERVAL '1' DAY AS hours_to
    FROM (VALUES $rises) AS given (
        fingerprint, sub_account_id, region_id, service_name, resource_id, of_one_service, first_day
    )
)
SELECT
    rises.fingerprint,
    date_trunc('hour', charges.ChargePeriodStart) AS charge_hour,
    sum(charges.EffectiveCost) AS effective_cost
FROM rises
INNER JOIN focus_export AS charges
    ON charges.SubAccountId IS NOT DISTINCT FROM rises.sub_account_id
    AND (rises.region_id IS NULL OR charges.RegionId = rises.region_id)
    AND (
        charges.ServiceName = rises.service_name
        OR (rises.service_name IS NULL AND (NOT rises.of_one_service OR charges.ServiceName IS NULL))
    )
    AND (rises.resource_id IS NULL OR charges.ResourceId = rises.resource_id)
    AND (
        (charges.ChargePeriodStart >= rises.hours_from AND charges.ChargePeriodStart < rises.hours_to)
        OR (
            charges.ChargePeriodStart >= rises.hours_from - INTERVAL '1' DAY
            AND charges.ChargePeriodStart < rises.hours_to - INTERVAL '1' DAY
        )
        OR (
            charges.ChargePeriodStart >= rises.hours_from - INTERVAL '7' DAY
            AND charges.ChargePeriodStart < rises.hours_to - INTERVAL '7' DAY
        )
    )
WHERE charges.ChargeCategory = 'Usage'
    AND coalesce(charges.ChargeFrequency, 'Usage-Based') = 'Usage-Based'
    AND charges.ChargePeriodEnd <= charges.ChargePeriodStart + INTERVAL '1' HOUR
GROUP BY 1, 2
ORDER BY 1, 2
