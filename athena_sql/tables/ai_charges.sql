/*
title = "Charges of AI services"
why   = """
All charges of AI services, whatever service name they are billed under. The table is stored at each refresh because it is a small
part of the bill. Charges of other services for AI workloads are in ai_layers.
The meters are selected first, so that an engine reads the other columns only for these charges.
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
