/*
title = "The last 30 complete days of all bills, and the 30 days before"
why   = """
All reports about 30 days read their days from this table, so they cover the same days. The table has one row. The period
starts on `first_day` and ends before `end_day`, and the period before starts on `first_day_before`. `end_day` is the
first day on which the charges of a bill can still change. If several bills are scanned together, all reported days are
complete in each bill. A bill whose complete days end more than seven days before those of the newest bill does not
change `end_day`; the reports contain the days that the bill has. If no bill has a complete day, `end_day` is `as_of`,
so the reports include incomplete days.
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
