/*
title = "Token usage by model and tier, in two periods of 30 days"
basis = "EffectiveCost of tokens, excluding purchases, credits and tax"
why   = """
The report compares the last 30 complete days (days whose charges no longer change) with the previous 30 days. Each row
shows the number of tokens of a model in one tier, and the cost per million tokens. Tokens in the batch tier cost half
the on-demand price, and tokens in the priority tier cost nearly twice the on-demand price. `batch_share` is the share
of the model's input and output tokens that are in the batch tier. Cache tokens are excluded from `batch_share`, because
batch inference does not use the prompt cache.
"""
[parameters]
days = 105                     # the two periods of 30 complete days, and the incomplete days after them
[needs]
charges = "ai_family IN ('bedrock', 'model_api') AND regexp_like(SkuMeter || ' ' || coalesce(ConsumedUnit, ''), '(?i)token')"
[offers]
cost = ["effective", "billed"]
limits = "Fees, credits and tax cannot be assigned to tokens."
*/
WITH tiers AS (
    SELECT
        model,
        tier,
        count(DISTINCT CASE WHEN charge_date >= complete_30_days.first_day THEN sub_account_id END) AS sub_accounts,
        sum(CASE WHEN charge_date >= complete_30_days.first_day THEN million_tokens ELSE 0 END) AS million_tokens,
        sum(CASE WHEN charge_date >= complete_30_days.first_day THEN effective_cost ELSE 0 END) AS effective_cost,
        sum(CASE WHEN charge_date < complete_30_days.first_day THEN million_tokens ELSE 0 END) AS million_tokens_before,
        sum(CASE WHEN charge_date < complete_30_days.first_day THEN effective_cost ELSE 0 END) AS effective_cost_before,
        sum(CASE
            WHEN charge_date >= complete_30_days.first_day AND token_kind IN ('input', 'output')
                THEN million_tokens ELSE 0
        END) AS batchable_tokens
    FROM token_charges
    CROSS JOIN complete_30_days
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date >= complete_30_days.first_day_before
        AND charge_date < complete_30_days.end_day
    GROUP BY 1, 2
)
SELECT
    model,
    tier,
    sub_accounts,
    million_tokens,
    effective_cost,
    effective_cost / nullif(million_tokens, 0) AS cost_per_million,
    effective_cost / nullif(sum(effective_cost) OVER (), 0) AS share_of_cost,
    sum(CASE WHEN tier = 'batch' THEN batchable_tokens ELSE 0 END) OVER (PARTITION BY model)
        / nullif(sum(batchable_tokens) OVER (PARTITION BY model), 0) AS batch_share,
    million_tokens_before,
    effective_cost_before
FROM tiers
ORDER BY sum(effective_cost) OVER (PARTITION BY model) DESC, model, effective_cost DESC, tier
