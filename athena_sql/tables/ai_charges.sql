/*
title = "Charges of AI services"
why   = """
The table has all charges for AI services, under all service names that AWS uses for these services on the bill. The
table ai_layer_charges contains the charges for other services that AI workloads use. focuswatch stores the table
ai_charges at each refresh, so that queries for AI spend read only a small part of the bill. The query filters on the
meter first. The query engine then reads the other columns only for matching rows.
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
