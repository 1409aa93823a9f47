/*
title = "What there is to save, what was promised, and what the bill shows to be gone, by team and detection"
basis = "EffectiveCost a month, as the findings state it"
why   = """
Waste alone, in money a month. Open is what was found and is still there; acknowledged the part of it that somebody said
to know of; silenced what people asked not to be told, which is not in open. Promised is what findings cost when they were
resolved; verified is what is really gone of that, read again in the bill for a month; not read is the part that the bill
was not asked about yet. Promised less verified less not read came back under another name, or never went.
"""
*/
SELECT
    team,
    detection,
    count(*) AS findings,
    sum(CASE WHEN state = 'open' AND NOT is_silenced THEN monthly_cost ELSE 0 END) AS open_cost,
    sum(CASE WHEN state = 'open' AND NOT is_silenced AND acknowledged_on IS NOT NULL THEN monthly_cost ELSE 0 END)
        AS acknowledged_cost,
    sum(CASE WHEN state = 'open' AND is_silenced THEN monthly_cost ELSE 0 END) AS silenced_cost,
    sum(CASE WHEN state = 'resolved' THEN monthly_cost ELSE 0 END) AS promised_cost,
    sum(CASE WHEN state = 'resolved' THEN coalesce(saved_monthly, 0) ELSE 0 END) AS verified_cost,
    sum(CASE WHEN state = 'resolved' AND saved_monthly IS NULL THEN monthly_cost ELSE 0 END) AS not_read_cost
FROM known_findings
WHERE category = 'waste'
    AND state IN ('open', 'resolved')
GROUP BY 1, 2
ORDER BY open_cost DESC, promised_cost DESC, team, detection
