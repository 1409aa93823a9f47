/*
title = "AI spend of the last 30 days by layer, against the 30 days before"
basis = "EffectiveCost of AI usage, without purchases, credits and tax"
why   = """
Five layers: model inference, retrieval, orchestration and compute, observability, tools and data.
Tokens are the part people watch; the layers around them are the part that grows.
"""
[parameters]
days = 30
*/
SELECT
    layer,
    sum(CASE WHEN charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date) THEN EffectiveCost ELSE 0 END)
        AS effective_cost,
    sum(CASE WHEN charge_date < CAST($as_of - INTERVAL '1' DAY * $days AS date) THEN EffectiveCost ELSE 0 END)
        AS effective_cost_before,
    sum(
        CASE WHEN charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date) AND bedrock_filter
            THEN EffectiveCost ELSE 0 END
    ) AS seen_by_bedrock_filter,
    count(DISTINCT SubAccountId) AS sub_accounts
FROM ai_layers
WHERE charge_date >= CAST($as_of - INTERVAL '2' DAY * $days AS date)
    AND charge_date < $as_of
GROUP BY 1
ORDER BY effective_cost DESC, layer
