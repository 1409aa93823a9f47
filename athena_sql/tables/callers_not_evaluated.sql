/*
title = "Why Bedrock callers are not evaluated"
why   = """
The table has one row if the callers of Bedrock are unknown, or if the export with IAM principals ends several days
before the bill. Otherwise, the table is empty. If the table has a row, detections that evaluate callers of Bedrock are
reported as not evaluated. The column `lacks_input` contains the reason.
"""
reads = ["principal_days"]
[parameters]
stale_days = 4                 # callers are not evaluated if their export ends at least this many days before the bill
*/
WITH coverage AS (
    SELECT
        max(charge_date) AS last_bill_day,
        max(CASE WHEN principal IS NOT NULL THEN charge_date END) AS last_caller_day
    FROM principal_days
)
SELECT
    last_bill_day,
    last_caller_day,
    CASE WHEN last_caller_day IS NULL
        THEN 'the callers of Bedrock are unknown without an export with IAM principals (--principals, docs/attribution.md)'
        ELSE 'the export with IAM principals ends on ' || CAST(last_caller_day AS varchar)
    END AS lacks_input
FROM coverage
WHERE coalesce(date_diff('day', last_caller_day, last_bill_day) >= $stale_days, last_bill_day IS NOT NULL)
