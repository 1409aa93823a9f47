/*
title = "What a unit costs, week by week: a million tokens, a thousand inferences, a GPU hour, a used GPU hour"
why   = """
Spend that grows with use is growth; spend that grows on the same use is not. Settled weeks, the newest first.
`by_price` and `by_mix` are the two parts of the change to the week before: the same kinds of units at other prices, and
other kinds of units (another model, more output for the same input). `moved` names the larger part where a unit got
dearer by the threshold. All four kinds of tokens count, in millions, whatever the meter's unit.
"""
[parameters]
week_days = 7
least_dearer = 1.05
most = 200
*/
WITH weeks AS (
    SELECT
        sub_account_id,
        charge_date,
        CAST(floor(CAST(settled_recency - 1 AS double) / $week_days) AS integer) AS weeks_before
    FROM completeness
    WHERE settled_recency <= 4 * $week_days
),
counted AS (
    SELECT sub_account_id, charge_date, 'million tokens' AS unit, model AS item, token_kind AS part, million_tokens AS units, effective_cost
    FROM token_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * (4 * $week_days + 14) AS date)
    UNION ALL
    SELECT sub_account_id, charge_date, 'million tokens', '(all models)', model || ' ' || token_kind, million_tokens, effective_cost
    FROM token_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * (4 * $week_days + 14) AS date)
    UNION ALL
    SELECT sub_account_id, charge_date, 'thousand inferences', resource_id, '', invocations / 1000, effective_cost
    FROM endpoint_days
    WHERE invocations IS NOT NULL
    UNION ALL
    SELECT sub_account_id, charge_date, 'GPU hour', array_join(instance_types, ', '), '', gpu_hours, effective_cost
    FROM gpu_days
    UNION ALL
    SELECT sub_account_id, charge_date, 'used GPU hour', array_join(instance_types, ', '), '', gpu_hours * utilisation / 100, effective_cost
    FROM gpu_days
    WHERE utilisation IS NOT NULL
),
parts AS (
    SELECT
        counted.unit,
        counted.sub_account_id,
        counted.item,
        counted.part,
        sum(CASE WHEN weeks.weeks_before = 0 THEN counted.units ELSE 0 END) AS units,
        sum(CASE WHEN weeks.weeks_before = 0 THEN counted.effective_cost ELSE 0 END) AS cost,
        sum(CASE WHEN weeks.weeks_before = 1 THEN counted.units ELSE 0 END) AS units_1,
        sum(CASE WHEN weeks.weeks_before = 1 THEN counted.effective_cost ELSE 0 END) AS cost_1,
        sum(CASE WHEN weeks.weeks_before = 2 THEN counted.units ELSE 0 END) AS units_2,
        sum(CASE WHEN weeks.weeks_before = 2 THEN counted.effective_cost ELSE 0 END) AS cost_2,
        sum(CASE WHEN weeks.weeks_before = 3 THEN counted.units ELSE 0 END) AS units_3,
        sum(CASE WHEN weeks.weeks_before = 3 THEN counted.effective_cost ELSE 0 END) AS cost_3
    FROM counted
    INNER JOIN weeks
        ON counted.sub_account_id IS NOT DISTINCT FROM weeks.sub_account_id
        AND counted.charge_date = weeks.charge_date
    GROUP BY 1, 2, 3, 4
),
items AS (
    SELECT
        unit,
        sub_account_id,
        item,
        sum(units) AS units,
        sum(cost) AS effective_cost,
        sum(cost) / nullif(sum(units), 0) AS unit_cost,
        sum(cost_1) / nullif(sum(units_1), 0) AS unit_cost_1_week_before,
        sum(cost_2) / nullif(sum(units_2), 0) AS unit_cost_2_weeks_before,
        sum(cost_3) / nullif(sum(units_3), 0) AS unit_cost_3_weeks_before,
        sum(coalesce(units * cost_1 / nullif(units_1, 0), cost)) / nullif(sum(units), 0)
            AS unit_cost_at_prices_before                  -- what is new has no price before: it is mix
    FROM parts
    GROUP BY 1, 2, 3
    HAVING sum(cost) > 0
),
changes AS (
    SELECT
        *,
        unit_cost - unit_cost_at_prices_before AS by_price,
        unit_cost_at_prices_before - unit_cost_1_week_before AS by_mix
    FROM items
)
SELECT
    changes.unit,
    changes.sub_account_id,
    accounts.name AS sub_account_name,
    changes.item,
    changes.units,
    changes.effective_cost,
    changes.unit_cost,
    changes.unit_cost_1_week_before,
    changes.unit_cost_2_weeks_before,
    changes.unit_cost_3_weeks_before,
    changes.by_price,
    changes.by_mix,
    CASE
        WHEN round(changes.unit_cost, 9) < round($least_dearer * changes.unit_cost_1_week_before, 9) THEN NULL
        WHEN changes.by_price >= changes.by_mix THEN 'price'
        WHEN changes.by_price < changes.by_mix THEN 'mix'
    END AS moved
FROM changes
LEFT JOIN accounts ON changes.sub_account_id = accounts.sub_account_id
ORDER BY changes.unit, changes.effective_cost DESC, changes.sub_account_id, changes.item
LIMIT $most
