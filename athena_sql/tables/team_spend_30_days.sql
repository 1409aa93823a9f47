/*
title = "Spend by team, provider, account and service"
why   = """
The table contains the spend of the last 30 complete days (days whose charges no longer change) and of the previous 30
days. The dates come from the table complete_30_days. Charges are allocated to teams as in the table owned_days. `team`
is null if a charge is unallocated. `tag_value` is the value of the owner tag, even if owners.toml does not list this
value. `effective_cost` and `billed_cost` include usage and fees. Credits and tax have separate columns. The sum of
`billed_cost`, `credits` and `tax` is the amount that is invoiced for the last 30 complete days.
"""
reads = ["owned_days", "complete_30_days"]
[parameters]
days = 105                # the two periods of 30 complete days, and the incomplete days after them
*/
WITH spends AS (
    SELECT
        owned_days.provider,
        owned_days.sub_account_id,
        owned_days.service_name,
        owned_days.team,
        owned_days.tag_value,
        owned_days.charge_kind,
        owned_days.charge_kind IN ('usage', 'fee') AS is_spend,
        owned_days.charge_date >= complete_30_days.first_day AS is_now,
        owned_days.effective_cost,
        owned_days.billed_cost
    FROM owned_days
    CROSS JOIN complete_30_days
    WHERE owned_days.charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND owned_days.charge_date >= complete_30_days.first_day_before
        AND owned_days.charge_date < complete_30_days.end_day
)
SELECT
    provider,
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
GROUP BY 1, 2, 3, 4, 5
