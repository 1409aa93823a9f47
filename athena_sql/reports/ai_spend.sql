/*
title = "AI spend of the last 30 days, and what a filter on Amazon Bedrock shows of it"
basis = "EffectiveCost of AI usage, without purchases, credits and tax"
why   = """
One line for every name under which AI is billed. `seen_by_bedrock_filter` is what the usual filter shows;
the rest hides under OpenSearch, Marketplace, SageMaker, Lambda, S3, EBS and logs.
"""
[parameters]
days = 30
*/
SELECT
    ServiceName AS service_name,
    layer,
    counted_as,
    count(DISTINCT SubAccountId) AS sub_accounts,
    sum(EffectiveCost) AS effective_cost,
    sum(CASE WHEN bedrock_filter THEN EffectiveCost ELSE 0 END) AS seen_by_bedrock_filter,
    sum(EffectiveCost) / nullif(sum(sum(EffectiveCost)) OVER (), 0) AS share
FROM ai_layers
WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    AND charge_date < $as_of
GROUP BY 1, 2, 3
HAVING sum(EffectiveCost) > 0
ORDER BY effective_cost DESC, service_name, layer, counted_as
