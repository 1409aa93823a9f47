/*
title = "What nobody owns of the last 30 days' spend, and why, against the 30 days before"
why   = """
What reaches the fallback channel reaches nobody: no budget, no team, nobody to ask. Largest first, by account and
service, with what would give it an owner. `share` is of all that nobody owns.
"""
[parameters]
most = 100
*/
WITH unowned AS (
    SELECT
        sub_account_id,
        service_name,
        CASE
            WHEN tag_value IS NULL THEN 'neither it nor its account is tagged, and no team owns the account or its OU'
            ELSE 'its tag names ' || tag_value || ', which is no team in owners.toml'
        END AS unowned_because,
        sum(effective_cost) AS effective_cost,
        sum(effective_cost_before) AS effective_cost_before
    FROM team_spends
    WHERE team IS NULL
    GROUP BY 1, 2, 3
)
SELECT
    unowned.sub_account_id,
    accounts.name AS sub_account_name,
    unowned.service_name,
    unowned.unowned_because,
    unowned.effective_cost,
    unowned.effective_cost_before,
    unowned.effective_cost / nullif(sum(unowned.effective_cost) OVER (), 0) AS share
FROM unowned
LEFT JOIN accounts ON unowned.sub_account_id = accounts.sub_account_id
WHERE unowned.effective_cost > 0
ORDER BY unowned.effective_cost DESC, unowned.sub_account_id, unowned.service_name, unowned.unowned_because
LIMIT $most
