/*
title = "Bedrock tokens in millions, by model, kind and tier"
why   = """
Bedrock bills tokens under three families of meters in two units; this table is the only place that parses them.
All four kinds are included: input, output, cache read and cache write. `tier` is the pricing tier. Capacity that is billed by
the hour (provisioned or reserved) and training tokens are not included.
Meter formats: https://github.com/aws-solutions-library-samples/cloud-intelligence-dashboards-framework, CUDOS.
"""
reads = ["ai_charges"]
*/
WITH token_rows AS (
    SELECT
        *,
        coalesce(ConsumedQuantity, PricingQuantity) AS quantity,
        lower(CASE WHEN ConsumedQuantity IS NULL THEN PricingUnit ELSE coalesce(ConsumedUnit, PricingUnit) END) AS unit,
        lower(coalesce(
            regexp_extract(meter, '(?i)(^MP:.*|-(cache|input|output)-.*)$', 1),  -- a model's name may contain any word
            meter
        )) AS said
    FROM ai_charges
    WHERE ai_family = 'bedrock'
        AND ChargeCategory = 'Usage'
        AND ChargeClass IS DISTINCT FROM 'Correction'
        AND regexp_like(SkuMeter, '(?i)token')
        AND NOT regexp_like(SkuMeter, '(?i)training|customization|reserved|provisioned|guardrail')
)
SELECT
    charge_date,
    SubAccountId AS sub_account_id,
    RegionId AS region_id,
    ServiceName AS service_name,
    ResourceId AS resource_id,
    Tags AS tags,
    SkuMeter AS sku_meter,
    meter,
    CASE
        WHEN meter LIKE 'MP:%' THEN coalesce(regexp_replace(ServiceName, ' *\(Amazon Bedrock Edition\)$', ''), meter)
        ELSE regexp_replace(
            meter, '(?i)(-mantle)?(-(text|speech|image|audio|video))?-(cache-read|cache-write|input|output)-.*$', ''
        )
    END AS model,
    CASE
        WHEN regexp_like(said, 'cache[-_]?read') THEN 'cache read'         -- before input: CacheReadInputTokenCount
        WHEN regexp_like(said, 'cache[-_]?write') THEN 'cache write'
        WHEN regexp_like(said, 'output') THEN 'output'
        WHEN regexp_like(said, 'input') THEN 'input'
        ELSE 'other'
    END AS token_kind,
    CASE
        WHEN regexp_like(said, 'batch') THEN 'batch'
        WHEN regexp_like(said, 'flex') THEN 'flex'
        WHEN regexp_like(said, 'priority') THEN 'priority'
        WHEN regexp_like(said, 'latency-?optimized') THEN 'latency optimized'
        WHEN regexp_like(said, 'custom-model') THEN 'custom model'
        ELSE 'on demand'
    END AS tier,
    quantity,                                                              -- in the unit of the meter
    quantity * CASE
        WHEN regexp_like(unit, '^ *(1m|1,?000,?000|million)') THEN 1E0
        WHEN regexp_like(unit, '^ *(1k|1,?000|thousand)') THEN 1E-3
        WHEN unit IN ('token', 'tokens') THEN 1E-6
        WHEN meter LIKE 'MP:%' THEN 1E0                                    -- a Marketplace 'Unit' is a million tokens
        ELSE 1E-3                                                          -- AWS's own meters count thousands of tokens
    END AS million_tokens,
    EffectiveCost AS effective_cost
FROM token_rows
WHERE quantity > 0
