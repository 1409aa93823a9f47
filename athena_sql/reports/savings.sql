/*
title = "Open, resolved and verified savings by team and detection"
basis = "EffectiveCost per month, as stated in the findings"
why   = """
The report covers waste findings. All amounts are per month. `open_cost` is the monthly cost of open findings that are
not suppressed, and `acknowledged_cost` is the part of `open_cost` for acknowledged findings. `suppressed_cost` is the
monthly cost of snoozed or excluded findings, and is not part of `open_cost`. `resolved_cost` is the monthly cost of
resolved findings at the time when they were resolved. `verified_cost` is the cost reduction that the bill confirmed
within a month after a finding was resolved. `unverified_cost` is the part of `resolved_cost` that has not yet been
compared with the bill. The rest of `resolved_cost` was compared with the bill, but the bill shows no savings, for
example because another resource now causes the same cost. If several findings report the same resource, the cost of the
resource is counted once.
"""
[offers]
limits = "The report adds up the amounts of findings, which are stated only in EffectiveCost."
*/
WITH counted_findings AS (                                     -- two findings can state the cost of one resource
    SELECT
        *,
        CASE WHEN coalesce(is_counted, true) THEN monthly_cost ELSE 0 END AS counted_cost,
        CASE WHEN coalesce(is_counted, true) THEN saved_monthly ELSE 0 END AS counted_saving
    FROM known_findings
    WHERE category = 'waste'
        AND state IN ('open', 'resolved')
)
SELECT
    team,
    detection,
    count(*) AS findings,
    sum(CASE WHEN state = 'open' AND NOT is_silenced THEN counted_cost ELSE 0 END) AS open_cost,
    sum(CASE WHEN state = 'open' AND NOT is_silenced AND acknowledged_on IS NOT NULL THEN counted_cost ELSE 0 END)
        AS acknowledged_cost,
    sum(CASE WHEN state = 'open' AND is_silenced THEN counted_cost ELSE 0 END) AS suppressed_cost,
    sum(CASE WHEN state = 'resolved' THEN counted_cost ELSE 0 END) AS resolved_cost,
    sum(CASE WHEN state = 'resolved' THEN coalesce(counted_saving, 0) ELSE 0 END) AS verified_cost,
    sum(CASE WHEN state = 'resolved' AND saved_monthly IS NULL THEN counted_cost ELSE 0 END) AS unverified_cost
FROM counted_findings
GROUP BY 1, 2
ORDER BY open_cost DESC, resolved_cost DESC, team, detection
