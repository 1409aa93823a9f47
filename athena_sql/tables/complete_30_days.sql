/*
title = "The last 30 complete days of all bills, and the 30 days before"
why   = """
All reports for the last 30 days read their date range from this table, so they cover the same days. The table has one
row. The last 30 complete days start on `first_day` and end on the day before `end_day`. The previous 30 days start on
`first_day_before`. `end_day` is the first day whose charges can still change. If several bills are scanned together,
all reported days are complete in every bill. If the last complete day of a bill is more than seven days before the last
complete day of the newest bill, focuswatch ignores the late bill when it determines `end_day`. The reports then contain
only the available days of the late bill. If no bill has a complete day, `end_day` is `as_of`, so the reports include
incomplete days.
"""
reads = ["completeness"]
[parameters]
days = 30
most_days_late = 7             # a bill that is delivered once a week still determines the period
*/
WITH bill_ends AS (
    SELECT DISTINCT incomplete_from
    FROM completeness
    WHERE is_settled
),
late_ends AS (
    SELECT
        incomplete_from,
        date_diff('day', incomplete_from, max(incomplete_from) OVER ()) AS days_late
    FROM bill_ends
),
ends AS (
    SELECT coalesce(min(CASE WHEN days_late <= $most_days_late THEN incomplete_from END), $as_of) AS end_day
    FROM late_ends
)
SELECT
    CAST(end_day - INTERVAL '2' DAY * $days AS date) AS first_day_before,
    CAST(end_day - INTERVAL '1' DAY * $days AS date) AS first_day,
    end_day
FROM ends
