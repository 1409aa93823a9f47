/*
title = "Cost drivers of a cost increase"
why   = """
The query splits the excess cost of a finding into cost drivers: meters, Regions, operations and resources whose cost
increased. The query compares the cost of each cost driver with its cost on the same weekdays of the previous weeks. The
earlier cost is scaled so that the differences add up to the excess cost of the finding. To separate the effects of
price and volume, the query computes what the current quantity would cost at the earlier cost per unit. A new resource
has no earlier cost per unit, so the query uses the earlier cost per unit of other resources with the same meter. For a
finding that reports a first charge (kind `first`), the query includes purchases. If the EffectiveCost of a purchase is
0, the query uses its BilledCost. If tagged charges cause at least half of a cost driver's increase, the column `tags`
contains the tags of the charges with the largest increase.
"""
reads = ["daily_charges"]
[parameters]
rises = []
service_names = []
every_service = false          # true for a cost increase of a whole account or Region
first_day = 2000-01-01         # first day of the weeks before the earliest cost increase
end_day = 2000-01-01           # day after the latest cost increase
most_growth = 5.0              # maximum growth that is expected without a launch; higher growth is a planned launch and not a cost driver
most_parts = 20
most_falls = 2
*/
WITH rises AS (
    SELECT *
    FROM (VALUES $rises) AS given (
        fingerprint, sub_account_id, region_id, service_name, resource_id, of_one_service, kind, before_from, from_date,
        to_date, is_told, told_excess, monday, tuesday, wednesday, thursday, friday, saturday, sunday
    )                                                       -- weight of a weekday: its days in the cost increase divided by those before
),
charges AS (
    SELECT
        rises.fingerprint,
        rises.is_told,
        rises.told_excess,
        charges.SubAccountId AS sub_account_id,
        charges.ServiceName AS service_name,
        charges.RegionId AS region_id,
        charges.meter,
        charges.x_Operation AS operation,
        charges.ResourceId AS resource_id,
        charges.charge_date >= rises.from_date AS is_risen,
        CASE
            WHEN rises.kind = 'first' AND charges.ChargeCategory = 'Purchase' AND charges.EffectiveCost = 0
                THEN charges.BilledCost                     -- its EffectiveCost is amortized over later usage
            ELSE charges.EffectiveCost
        END AS effective_cost,
        charges.ChargeCategory = 'Purchase' AND charges.EffectiveCost = 0 AS is_billed,
        charges.Tags AS tags,
        CASE WHEN charges.ResourceId IS NULL THEN charges.Tags END AS tags_of_nothing,  -- one row can hold many callers
        coalesce(charges.ConsumedQuantity, charges.PricingQuantity) AS quantity,
        CASE day_of_week(charges.charge_date)
            WHEN 1 THEN rises.monday
            WHEN 2 THEN rises.tuesday
            WHEN 3 THEN rises.wednesday
            WHEN 4 THEN rises.thursday
            WHEN 5 THEN rises.friday
            WHEN 6 THEN rises.saturday
            ELSE rises.sunday
        END AS weight
    FROM daily_charges AS charges
    INNER JOIN rises
        ON charges.SubAccountId IS NOT DISTINCT FROM rises.sub_account_id
        AND (rises.region_id IS NULL OR charges.RegionId = rises.region_id)
        AND (
            charges.ServiceName = rises.service_name
            OR (rises.service_name IS NULL AND (NOT rises.of_one_service OR charges.ServiceName IS NULL))
        )
        AND (rises.resource_id IS NULL OR charges.ResourceId = rises.resource_id)
        AND charges.charge_date >= rises.before_from
        AND charges.charge_date < rises.to_date
    WHERE charges.charge_date >= $first_day
        AND charges.charge_date < $end_day
        AND ($every_service OR charges.ServiceName IN ($service_names) OR charges.ServiceName IS NULL)
        AND (
            (
                charges.ChargeCategory = 'Usage'
                AND coalesce(charges.ChargeFrequency, 'Usage-Based') = 'Usage-Based'  -- fees have no daily pattern
            )
            OR (                                            -- but a fee can be the first charge
                rises.kind = 'first'
                AND charges.ChargeCategory IN ('Usage', 'Purchase')
                AND charges.CommitmentDiscountId IS NULL
            )
        )
        AND charges.CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
        AND NOT (rises.region_id IS NOT NULL AND NOT rises.of_one_service AND charges.is_edge)  -- not part of a region's cost increase
        AND CASE rises.kind
            WHEN 'tokens' THEN coalesce(regexp_like(charges.SkuMeter, '(?i)token'), false)
            WHEN 'gpu' THEN charges.is_gpu
            WHEN 'transfer' THEN charges.internet_gb IS NOT NULL
            ELSE true
        END
),
resources AS (
    SELECT
        fingerprint,
        is_told,
        told_excess,
        sub_account_id,
        service_name,
        region_id,
        meter,
        operation,
        resource_id,
        tags_of_nothing,
        max_by(tags, effective_cost) FILTER (WHERE is_risen AND cardinality(tags) > 0) AS tags,
        bool_or(is_risen AND is_billed) AS is_billed,
        sum(CASE WHEN is_risen THEN effective_cost ELSE 0 END) AS cost,
        sum(CASE WHEN is_risen THEN quantity ELSE 0 END) AS quantity,
        sum(CASE WHEN is_risen THEN 0 ELSE effective_cost * weight END) AS cost_before,
        sum(CASE WHEN is_risen THEN 0 ELSE quantity * weight END) AS quantity_before
    FROM charges
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
),
wholes AS (
    SELECT
        *,
        sum(cost) OVER (PARTITION BY fingerprint) AS whole_cost,
        sum(cost_before) OVER (PARTITION BY fingerprint) AS whole_cost_before,
        sum(cost_before) OVER (PARTITION BY fingerprint, sub_account_id, service_name, region_id, meter, operation)
            / nullif(sum(quantity_before) OVER (
                PARTITION BY fingerprint, sub_account_id, service_name, region_id, meter, operation
            ), 0) AS meter_price_before
    FROM resources
),
priced AS (
    SELECT
        *,
        CASE
            WHEN is_told AND whole_cost_before > 0
                AND whole_cost - told_excess BETWEEN 0 AND $most_growth * whole_cost_before
                THEN (whole_cost - told_excess) / nullif(whole_cost_before, 0)
            ELSE 1E0
        END AS measure,                                     -- the expected share of the cost before
        CASE WHEN quantity_before > 0 THEN cost_before / nullif(quantity_before, 0) ELSE meter_price_before END
            AS price_before
    FROM wholes
),
excesses AS (
    SELECT
        *,
        cost - cost_before * measure AS excess,
        CASE
            WHEN quantity > 0 AND price_before IS NOT NULL THEN cost - quantity * price_before
            ELSE 0E0                                        -- new usage has no earlier price to compare
        END AS by_price,
        row_number() OVER (
            PARTITION BY fingerprint, sub_account_id, service_name, region_id, meter, operation
            ORDER BY round(cost - cost_before * measure, 6) DESC, resource_id  -- doubles differ beyond 6 digits
        ) AS place
    FROM priced
),
parts AS (
    SELECT
        fingerprint,
        sub_account_id,
        service_name,
        region_id,
        meter,
        operation,
        max(CASE WHEN place = 1 THEN resource_id END) AS resource_id,
        max(CASE WHEN place = 1 THEN excess END) AS resource_excess,
        count(DISTINCT CASE WHEN excess > 0 THEN resource_id END) AS resources,
        sum(excess) AS excess,
        sum(by_price) AS by_price,
        sum(cost_before) = 0 AND sum(quantity_before) = 0 AS is_new,
        bool_or(is_billed) AS is_billed,
        CASE
            WHEN 2 * sum(CASE WHEN tags IS NOT NULL THEN greatest(excess, 0) ELSE 0 END) >= sum(greatest(excess, 0))
                THEN max_by(tags, -place) FILTER (WHERE tags IS NOT NULL AND excess > 0)
        END AS tags,
        max(whole_cost) AS whole_cost,
        max(whole_cost_before) AS whole_cost_before
    FROM excesses
    GROUP BY 1, 2, 3, 4, 5, 6
),
places AS (
    SELECT
        *,
        sum(by_price) OVER (PARTITION BY fingerprint) AS whole_by_price,
        row_number() OVER (
            PARTITION BY fingerprint
            ORDER BY round(excess, 6) DESC, meter, region_id, operation, service_name
        ) AS place,
        row_number() OVER (
            PARTITION BY fingerprint
            ORDER BY round(excess, 6), meter, region_id, operation, service_name
        ) AS place_from_below
    FROM parts
)
SELECT *
FROM places
WHERE place <= $most_parts OR place_from_below <= $most_falls
ORDER BY fingerprint, place
