/*
title = "Daily cost of a use case"
why   = """
The command focuswatch note uses the daily cost of a use case to determine the start date of a launch and its `factor`,
the cost of the launch as a multiple of the baseline.
"""
reads = ["owned_days"]
[parameters]
use_case = ""
days = 90
*/
SELECT charge_date, sum(effective_cost) AS effective_cost
FROM owned_days
WHERE use_case = $use_case
    AND charge_kind = 'usage'
    AND charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    AND charge_date < $as_of
GROUP BY 1
ORDER BY 1
