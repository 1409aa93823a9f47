/*
title = "The charges of AI services, under whatever name they are billed"
why   = """
A few charges in a hundred, or in a thousand: kept apart once a refresh, so that whoever asks about AI need not read
the rest. What other services bill for AI workloads is not here; the reports' ai_layers adds it.
"""
reads = ["daily_charges"]
*/
SELECT *
FROM daily_charges
WHERE ai_family IS NOT NULL
