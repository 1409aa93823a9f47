/*
title = "Spend of each team in the last 30 settled days, and in the 30 before, by account and service"
why   = """
The owner chain over every charge, as owned_days has it: `team` is null where nobody owns it; `tag_value` is what the
tags say, whether owners.toml knows that name or not.
`effective_cost` and `billed_cost` are of usage and fees; credits and tax, as billed, stand beside them, so that billed cost,
credits and tax add up to the invoice. Settled days alone; a bill that has none yet is taken whole.
"""
reads = ["owned_days", "completeness"]
[parameters]
days = 30
settle_days = 2                # as in completeness
*/
WITH windows AS (
    SELECT
        CASE
            WHEN bool_or(is_settled) THEN CAST($as_of - INTERVAL '1' DAY * $settle_days AS date)
            ELSE $as_of                                       -- a bill that has no settled day yet is taken whole
        END AS end_day
    FROM completeness
),
spends AS (
    SELECT
        owned_days.sub_account_id,
        owned_days.service_name,
        owned_days.team,
        owned_days.tag_value,
        owned_days.charge_kind,
        owned_days.charge_kind IN ('usage', 'fee') AS is_spend,
        date_diff('day', owned_days.charge_date, windows.end_day) <= $days AS is_now,
        owned_days.effective_cost,
        owned_days.billed_cost
    FROM owned_days
    CROSS JOIN windows
    WHERE owned_days.charge_date >= CAST($as_of - INTERVAL '1' DAY * (2 * $days + 14) AS date)
        AND date_diff('day', owned_days.charge_date, windows.end_day) BETWEEN 1 AND 2 * $days
)
SELECT
    sub_account_id,
    service_name,
    team,
    tag_value,
    sum(CASE WHEN is_spend AND is_now THEN effective_cost ELSE 0 END) AS effective_cost,
    sum(CASE WHEN is_spend AND NOT is_now THEN effective_cost ELSE 0 END) AS effective_cost_before,
    sum(CASE WHEN is_spend AND is_now THEN billed_cost ELSE 0 END) AS billed_cost,
    sum(CASE WHEN charge_kind = 'credit' AND is_now THEN billed_cost ELSE 0 END) AS credits,
    sum(CASE WHEN charge_kind = 'tax' AND is_now THEN billed_cost ELSE 0 END) AS tax
FROM spends
GROUP BY 1, 2, 3, 4
