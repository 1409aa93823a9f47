/*
title = "Unallocated spend, last 30 days and the 30 days before"
basis = "EffectiveCost of usage and fees, excluding credits and tax"
why   = """
The report compares the last 30 complete days (days whose charges no longer change) with the previous 30 days.
Unallocated spend has no team and no budget. The report lists unallocated spend by account and service, highest cost
first, with the reason why no owner was found, such as a renamed OU. The last row contains all unallocated spend that
the other rows do not list, so the total of the report equals the row (unallocated) in the report spend_by_team. `share`
is the row's share of all unallocated spend.
"""
[parameters]
most = 100                     # maximum number of listed rows; one more row contains the sum of all other rows
[offers]
cost = ["effective", "billed"]
charges = ["usage", "fees"]
more = ["credits", "tax"]
*/
WITH former_ous AS (                                           -- the last OU of an account that a team owned
    SELECT
        periods.sub_account_id,
        max_by(
            'the account was in the OU ' || ou_rules.value || ' of team ' || ou_rules.team || ' until '
                || CAST(periods.valid_to AS varchar) || '; no team owns its current OU',
            date_diff('day', DATE '1900-01-01', periods.valid_to) * 1000 + length(ou_rules.value)
        ) FILTER (WHERE ou_rules.team IS NOT NULL) AS unowned_because
    FROM account_periods AS periods
    INNER JOIN owner_rules AS ou_rules
        ON ou_rules.rule = 'ou'
        AND starts_with('/' || regexp_replace(periods.ou_path, '^/+|/+$', '') || '/', ou_rules.value || '/')
    WHERE NOT periods.is_current
    GROUP BY 1
),
unowned AS (
    SELECT
        team_spend_30_days.sub_account_id,
        service_name,
        CASE
            WHEN tag_value IS NULL AND former_ous.unowned_because IS NOT NULL THEN former_ous.unowned_because
            WHEN tag_value IS NULL THEN 'no team tag on the resource or its account, and no team owns the account or its OU'
            ELSE 'the tag value ' || tag_value || ' is not a team in owners.toml'
        END AS unowned_because,
        sum(effective_cost) AS effective_cost,
        sum(effective_cost_before) AS effective_cost_before
    FROM team_spend_30_days
    LEFT JOIN former_ous ON team_spend_30_days.sub_account_id = former_ous.sub_account_id
    WHERE team IS NULL
    GROUP BY 1, 2, 3
),
places AS (
    SELECT
        *,
        row_number() OVER (
            ORDER BY round(effective_cost, 6) DESC, sub_account_id, service_name, unowned_because
        ) AS place
    FROM unowned
    WHERE effective_cost <> 0
),
listed AS (
    SELECT
        *,
        CASE WHEN place <= $most AND effective_cost > 0 THEN place ELSE $most + 1 END AS listed_place  -- the sum covers all rows, listed or not
    FROM places
),
spends AS (
    SELECT
        listed_place,
        max(CASE WHEN listed_place <= $most THEN sub_account_id END) AS sub_account_id,
        max(CASE WHEN listed_place <= $most THEN service_name END) AS service_name,
        CASE
            WHEN listed_place <= $most THEN max(unowned_because)
            ELSE 'not listed: ' || CAST(count(*) AS varchar) || ' smaller or negative rows'
        END AS unowned_because,
        sum(effective_cost) AS effective_cost,
        sum(effective_cost_before) AS effective_cost_before
    FROM listed
    GROUP BY 1
)
SELECT
    spends.sub_account_id,
    CASE WHEN spends.listed_place <= $most THEN accounts.name ELSE '(all others)' END AS sub_account_name,
    spends.service_name,
    spends.unowned_because,
    spends.effective_cost,
    spends.effective_cost_before,
    spends.effective_cost / nullif(sum(spends.effective_cost) OVER (), 0) AS share
FROM spends
LEFT JOIN accounts ON spends.sub_account_id = accounts.sub_account_id
ORDER BY spends.listed_place
