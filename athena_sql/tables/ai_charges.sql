/*
title = "Charges for AI services"
why   = """
The table contains all charges for AI services, regardless of the service name on the bill. The table ai_layer_charges
also contains charges for other services that AI workloads use. focuswatch stores the table ai_charges at each refresh,
so queries for AI spend read only a small part of the bill. The query filters by meter first, so the query engine reads
the other columns only for matching rows.
"""
reads = ["daily_charges"]
*/
WITH ai_meters AS (
    SELECT DISTINCT SkuMeter
    FROM daily_charges
    WHERE ai_family IS NOT NULL
)
SELECT *
FROM daily_charges
WHERE ai_family IS NOT NULL AND SkuMeter IN (SELECT SkuMeter FROM ai_meters)
UNION ALL
SELECT *
FROM daily_charges
WHERE ai_family IS NOT NULL AND SkuMeter IS NULL
