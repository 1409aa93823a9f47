/*
title = "Tokens in millions, by model, token kind and pricing tier"
why   = """
AWS bills Bedrock tokens in two units, under usage types with three name formats. The query derives the model and the
token kind from the usage type. The token kind is input, output, cache read, cache write, or other. `tier` is the
pricing tier of the tokens. The table does not include training tokens, or capacity that is billed by the hour
(provisioned or reserved). For providers other than AWS, a charge for model calls is included if its meter or its unit
contains the word token. For such a charge, the model is the part of the meter before the token kind: `gpt-4o` for the
meter `gpt-4o, input`, and `Gemini 2.5 Flash` for the meter `Gemini 2.5 Flash Text Output`. Charges with quantities in
DBU, credits, hours or requests are not included, because these quantities are not token counts. On Azure, the unit
`Units` means one token (see https://learn.microsoft.com/en-us/cloud-computing/finops/toolkit/open-data#pricing-units).
The formats of AWS usage types are taken from the CUDOS dashboard (see
https://github.com/aws-solutions-library-samples/cloud-intelligence-dashboards-framework).
"""
reads = ["ai_charges"]
*/
WITH token_rows AS (
    SELECT
        *,
        coalesce(ConsumedQuantity, PricingQuantity) AS quantity,
        ai_family = 'bedrock' AS is_bedrock,
        lower(CASE WHEN ConsumedQuantity IS NULL THEN PricingUnit ELSE coalesce(ConsumedUnit, PricingUnit) END) AS unit,
        lower(coalesce(
            regexp_extract(meter, '(?i)(^MP:.*|-(cache|input|output)-.*)$', 1),  -- a model's name may contain any word
            meter
        )) AS meter_text
    FROM ai_charges
    WHERE ai_family IN ('bedrock', 'model_api')
        AND ChargeCategory = 'Usage'
        AND ChargeClass IS DISTINCT FROM 'Correction'
        AND (
            regexp_like(SkuMeter, '(?i)token')
            OR (ai_family = 'model_api' AND lower(coalesce(ConsumedUnit, PricingUnit)) LIKE '%token%')
        )
        AND NOT regexp_like(SkuMeter, '(?i)training|customization|reserved|provisioned|guardrail')
        AND NOT (                                                    -- Databricks meters TOKEN in DBU, Snowflake in credits
            ai_family = 'model_api'
            AND regexp_like(lower(coalesce(ConsumedUnit, PricingUnit, '')), '^ *(dbu|credit|hour|request)')
        )
)
SELECT
    charge_date,
    SubAccountId AS sub_account_id,
    RegionId AS region_id,
    ServiceName AS service_name,
    ai_family,
    ResourceId AS resource_id,
    Tags AS tags,
    SkuMeter AS sku_meter,
    meter,
    CASE
        WHEN NOT is_bedrock THEN coalesce(
            nullif(regexp_replace(
                meter,
                '(?i)( (text|image|audio|video))?[ ,_-]+(usage|cached?|batch|priority|flex|inp(ut)?|outp(ut)?|prompt|completion|tokens?)([ ,_-].*)?$',
                ''
            ), ''),
            meter
        )
        WHEN meter LIKE 'MP:%' THEN coalesce(regexp_replace(ServiceName, ' *\(Amazon Bedrock Edition\)$', ''), meter)
        ELSE regexp_replace(
            meter, '(?i)(-mantle)?(-(text|speech|image|audio|video))?-(cache-read|cache-write|input|output)-.*$', ''
        )
    END AS model,
    CASE
        WHEN NOT is_bedrock AND regexp_like(meter_text, 'cache[-_ ]?(write|creation)') THEN 'cache write'
        WHEN NOT is_bedrock AND regexp_like(meter_text, 'cache') THEN 'cache read'  -- gpt-4o, cached input
        WHEN NOT is_bedrock AND regexp_like(meter_text, 'outp|completion') THEN 'output'
        WHEN NOT is_bedrock AND regexp_like(meter_text, 'inp|prompt') THEN 'input'
        WHEN regexp_like(meter_text, 'cache[-_]?read') THEN 'cache read'         -- before input: CacheReadInputTokenCount
        WHEN regexp_like(meter_text, 'cache[-_]?write') THEN 'cache write'
        WHEN regexp_like(meter_text, 'output') THEN 'output'
        WHEN regexp_like(meter_text, 'input') THEN 'input'
        ELSE 'other'
    END AS token_kind,
    CASE
        WHEN regexp_like(meter_text, 'batch') THEN 'batch'
        WHEN regexp_like(meter_text, 'flex') THEN 'flex'
        WHEN regexp_like(meter_text, 'priority') THEN 'priority'
        WHEN regexp_like(meter_text, 'latency-?optimized') THEN 'latency optimized'
        WHEN regexp_like(meter_text, 'custom-model') THEN 'custom model'
        ELSE 'on demand'
    END AS tier,
    quantity,                                                              -- in the unit of the meter
    quantity * CASE
        WHEN regexp_like(unit, '^ *(1m|1,?000,?000|million)') THEN 1E0
        WHEN regexp_like(unit, '^ *(1k|1,?000|thousand)') THEN 1E-3
        WHEN NOT is_bedrock OR unit IN ('token', 'tokens') THEN 1E-6       -- others than Bedrock count tokens
        WHEN meter LIKE 'MP:%' THEN 1E0                                    -- a Marketplace 'Unit' is a million tokens
        ELSE 1E-3                                                          -- AWS's own meters count thousands of tokens
    END AS million_tokens,
    EffectiveCost AS effective_cost
FROM token_rows
WHERE quantity > 0
