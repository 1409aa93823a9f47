/*
title = "Total daily spend"
why   = """
The report page shows a chart of the total daily spend. The chart includes the same charges as the reports spend_by_team
and spend_by_service: usage and fees, without credits and tax.
"""
reads = ["daily_charges"]
[parameters]
days = 105                     # the two periods of 30 complete days, and the incomplete days after them
*/
SELECT
    charge_date,
    sum(EffectiveCost) AS effective_cost
FROM daily_charges
WHERE coalesce(ChargeCategory, '') NOT IN ('Tax', 'Credit')
    AND charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    AND charge_date < $as_of
GROUP BY 1
ORDER BY charge_date
