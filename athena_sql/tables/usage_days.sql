/*
title = "Daily usage by account and Region, for the meters that detections read"
why   = """
Detections that evaluate data transfer, compute, volumes, services with a minimum charge, or extended support read this
table instead of all charges. focuswatch stores the table at each refresh. The table contains only these kinds of usage:
- EBS volumes, with ResourceId and Tags, on days when no instance ran in the same account and Region
- OpenSearch domains, Kendra and Amazon Q indexes, and Neptune Analytics graphs, with ResourceId and Tags
- extended support, with ResourceId and Tags
- data transfer to the internet (`internet_gb` is not null), with ResourceId, without Tags
- EC2 and SageMaker instances, Fargate and Lambda functions, as totals without ResourceId and Tags
`is_consumed` is true if at least one of the aggregated charges has a quantity above zero. A combination of key columns
can have several rows per day; always sum these rows.
"""
reads = ["daily_charges"]
*/
WITH listed_meters AS (                                         -- few: the conditions are evaluated once for each
    SELECT
        SkuMeter,
        SkuMeter LIKE '%DataTransfer-Out-Bytes' AS is_transfer,
        SkuMeter LIKE '%EBS:Volume%' AS is_volume,              -- with provisioned IOPS and throughput; not EBS:SnapshotUsage
        SkuMeter LIKE '%BoxUsage%'                              -- On-Demand, reserved, and on dedicated hosts (HostBoxUsage)
            OR SkuMeter LIKE '%SpotUsage%'
            OR SkuMeter LIKE '%DedicatedUsage%'
            OR SkuMeter LIKE '%HostUsage%'
            OR (SkuMeter LIKE '%HeavyUsage:%' AND SkuMeter NOT LIKE '%:db.%' AND SkuMeter NOT LIKE '%:cache.%')  -- of EC2
            OR SkuMeter LIKE '%:ml.%'                           -- SageMaker: Host, Train, TrSpt, Notebk, Cluster …
            OR SkuMeter LIKE '%-ml.%' AS is_instance,           -- Studio:JupyterLab-ml.…
        SkuMeter LIKE '%Fargate-%' OR SkuMeter LIKE '%Lambda-GB-Second%' AS is_serverless,
        SkuMeter LIKE '%ESInstance:%'
            OR SkuMeter LIKE '%Kendra%'
            OR SkuMeter LIKE '%Index%'
            OR SkuMeter LIKE '%m-NCU%' AS is_floor,
        regexp_like(SkuMeter, '(?i)extended-?support') AS is_support
    FROM (SELECT DISTINCT SkuMeter FROM daily_charges WHERE SkuMeter IS NOT NULL) AS billed
),
read_meters AS (
    SELECT
        SkuMeter,
        is_volume AND NOT is_floor AND NOT is_support AS is_volume,
        is_instance,
        is_transfer AND NOT is_floor AND NOT is_support AS is_transfer,
        is_transfer OR is_volume OR is_floor OR is_support AS has_resource,
        is_volume OR is_floor OR is_support AS has_tags
    FROM listed_meters
    WHERE is_transfer OR is_volume OR is_instance OR is_serverless OR is_floor OR is_support
),
running_days AS (                                               -- days on which an instance ran in a Region of an account
    SELECT DISTINCT
        charges.charge_date,
        coalesce(charges.ProviderName, '') AS provider_key,
        coalesce(charges.SubAccountId, '') AS account_key,      -- keys without nulls, so that every engine can hash them
        coalesce(charges.RegionId, '') AS region_key
    FROM daily_charges AS charges
    INNER JOIN read_meters AS meters ON charges.SkuMeter = meters.SkuMeter AND meters.is_instance
    WHERE charges.ChargeCategory = 'Usage'
        AND charges.CommitmentDiscountStatus IS DISTINCT FROM 'Unused'          -- a reservation without an instance
        AND charges.ConsumedQuantity > 0
)
SELECT
    charges.charge_date,
    charges.billing_period,
    charges.ProviderName,
    charges.BillingCurrency,
    charges.SubAccountId,
    charges.RegionId,
    charges.ServiceName,
    charges.SkuMeter,
    charges.meter,
    CASE WHEN meters.has_resource THEN charges.ResourceId END AS ResourceId,
    charges.ChargeCategory,
    charges.ChargeClass,
    charges.ChargeFrequency,
    charges.CommitmentDiscountStatus,
    charges.ConsumedUnit,
    charges.ai_family,
    charges.is_edge,
    any_value(CASE WHEN meters.has_tags AND cardinality(charges.Tags) > 0 THEN charges.Tags END) AS Tags,
    bool_or(charges.ConsumedQuantity > 0) AS is_consumed,
    sum(charges.BilledCost) AS BilledCost,
    sum(charges.EffectiveCost) AS EffectiveCost,
    sum(charges.ConsumedQuantity) AS ConsumedQuantity,
    sum(charges.internet_gb) AS internet_gb,
    CAST(sum(charges.charges) AS bigint) AS charges
FROM daily_charges AS charges
INNER JOIN read_meters AS meters ON charges.SkuMeter = meters.SkuMeter
WHERE charges.ChargeCategory = 'Usage'
    AND NOT coalesce(                                           -- volumes where an instance ran are not evaluated
        meters.is_volume
            AND (
                charges.charge_date,
                coalesce(charges.ProviderName, ''),
                coalesce(charges.SubAccountId, ''),
                coalesce(charges.RegionId, '')
            ) IN (SELECT charge_date, provider_key, account_key, region_key FROM running_days),
        false
    )
    AND (NOT meters.is_transfer OR charges.internet_gb IS NOT NULL)             -- not the traffic of edge locations
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17
