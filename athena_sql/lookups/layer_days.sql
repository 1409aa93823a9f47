/*
title = "Daily AI cost by layer, and the cost billed under Amazon Bedrock"
why   = """
The report page shows a chart of daily AI spend by layer of the AI workload, such as model inference or retrieval.
"""
reads = ["ai_layer_charges"]
[parameters]
days = 60
*/
SELECT
    charge_date,
    layer,
    sum(EffectiveCost) AS effective_cost,
    sum(CASE WHEN bedrock_filter THEN EffectiveCost ELSE 0 END) AS seen_by_bedrock_filter
FROM ai_layer_charges
WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    AND charge_date < $as_of
GROUP BY 1, 2
ORDER BY charge_date, layer
