/*
title = "The charges of AI services, under whatever name they are billed"
why   = """
A few charges in a hundred, or in a thousand: kept apart once a refresh, so that whoever asks about AI need not read
the rest. What other services bill for AI workloads is not here; the reports' ai_layers adds it.
Their meters are looked up first: an engine that knows them reads the other columns of these charges alone.
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
