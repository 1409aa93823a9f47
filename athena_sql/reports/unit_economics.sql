/*
title = "Cost per unit by week: tokens, calls, inferences, GPU hours"
basis = "EffectiveCost of tokens, calls, inferences and GPU hours, excluding purchases, credits and tax"
why   = """
If spend grows faster than usage, the cost per unit increases. The report compares complete weeks (weeks whose charges
no longer change), most recent first. `by_price` is the part of the week-over-week change in unit cost that is due to
higher or lower prices. `by_mix` is the part of the change that is due to a different mix, such as a larger share of
another model or of output tokens. If the unit cost increased by the threshold (`least_increase`) or more, `cause` shows
whether price or mix contributed more. Token counts of all types are in millions. For each unit, the first row is the
total of all accounts. For each account, the first row is the total of the account; for tokens, this is the row (all
models). The number of Bedrock calls comes from CloudWatch, by account and Region. A day is included in the cost per
call only if the tokens in CloudWatch match the tokens on the bill. The number of calls does not include batch
inference. AWS does not price calls separately, so the report does not split the change in the cost per call into price
and mix.
"""
[parameters]
week_days = 7
least_increase = 1.05
most_a_unit = 60               # maximum number of rows for each unit, including totals
most_difference = 0.1          # maximum difference, as a share, between a day's tokens in CloudWatch and on the bill
[needs]
charges = "is_gpu OR ai_family IN ('bedrock', 'sagemaker')"
columns = ["ConsumedQuantity"]
history_days = 14
[offers]
cost = ["effective", "billed"]
limits = "Fees, credits and tax cannot be assigned to units."
*/
WITH weeks AS (
    SELECT
        sub_account_id,
        charge_date,
        CAST(floor(CAST(settled_recency - 1 AS double) / $week_days) AS integer) AS weeks_before
    FROM completeness
    WHERE settled_recency <= 3 * $week_days
),
call_days AS (
    SELECT
        sub_account_id,
        region_id,
        activity_date,
        sum(CASE WHEN metric = 'Invocations' THEN value ELSE 0 END) AS calls,
        sum(CASE WHEN metric LIKE '%TokenCount' THEN value ELSE 0 END) / 1E6 AS million_tokens
    FROM activity
    WHERE namespace = 'AWS/Bedrock'
        AND (resource_id NOT LIKE 'arn:%' OR resource_id LIKE '%inference-profile/%')  -- others are capacity, billed by the hour
        AND activity_date >= CAST($as_of - INTERVAL '1' DAY * (3 * $week_days + 14) AS date)
    GROUP BY 1, 2, 3
),
called_token_days AS (
    SELECT
        sub_account_id,
        region_id,
        charge_date,
        sum(million_tokens) AS million_tokens,
        sum(effective_cost) AS effective_cost
    FROM token_charges
    WHERE tier <> 'batch'
    GROUP BY 1, 2, 3
),
counted AS (
    SELECT
        sub_account_id,
        charge_date,
        '1M tokens' AS unit,
        model AS item,
        coalesce(region_id, '') || ' ' || token_kind || ' ' || model AS part,
        million_tokens AS units,
        effective_cost
    FROM token_charges
    UNION ALL
    SELECT
        tokens.sub_account_id,
        tokens.charge_date,
        '1K calls',
        '(all models)',
        coalesce(tokens.region_id, ''),
        call_days.calls / 1000,
        tokens.effective_cost
    FROM called_token_days AS tokens
    INNER JOIN call_days
        ON tokens.sub_account_id = call_days.sub_account_id
        AND tokens.region_id = call_days.region_id
        AND tokens.charge_date = call_days.activity_date
    WHERE call_days.calls > 0
        AND abs(call_days.million_tokens - tokens.million_tokens) <= $most_difference * tokens.million_tokens
    UNION ALL
    SELECT
        sub_account_id,
        charge_date,
        '1K inferences',
        coalesce(regexp_extract(resource_id, 'endpoint/(.+)$', 1), resource_id),
        coalesce(region_id, ''),
        invocations / 1000,
        effective_cost
    FROM endpoint_days
    WHERE invocations IS NOT NULL
    UNION ALL
    SELECT
        sub_account_id,
        charge_date,
        'GPU hour',
        array_join(instance_types, ', '),
        coalesce(region_id, ''),
        gpu_hours,
        effective_cost
    FROM gpu_days
    UNION ALL
    SELECT
        sub_account_id,
        charge_date,
        'used GPU hour',
        array_join(instance_types, ', '),
        coalesce(region_id, ''),
        gpu_hours * utilization / 100,
        effective_cost
    FROM gpu_days
    WHERE utilization IS NOT NULL
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
        sum(CASE WHEN weeks.weeks_before = 2 THEN counted.effective_cost ELSE 0 END) AS cost_2
    FROM counted
    INNER JOIN weeks
        ON counted.sub_account_id IS NOT DISTINCT FROM weeks.sub_account_id
        AND counted.charge_date = weeks.charge_date
    WHERE counted.charge_date >= CAST($as_of - INTERVAL '1' DAY * (3 * $week_days + 14) AS date)
    GROUP BY 1, 2, 3, 4
),
sums AS (
    SELECT
        unit,
        sub_account_id,
        item,
        grouping(sub_account_id) = 1 AS is_of_all_accounts,
        grouping(item) = 1 AS is_of_all_items,
        count(DISTINCT coalesce(sub_account_id, '')) AS accounts,
        count(DISTINCT item) AS items,
        sum(cost) AS effective_cost,
        sum(cost) / nullif(sum(units), 0) AS unit_cost,
        sum(cost_1) / nullif(sum(units_1), 0) AS a_week_before,
        sum(cost_2) / nullif(sum(units_2), 0) AS two_weeks_before,
        sum(coalesce(units * cost_1 / nullif(units_1, 0), cost)) / nullif(sum(units), 0)
            AS unit_cost_at_prices_before                  -- new items have no earlier price and count as mix
    FROM parts
    GROUP BY GROUPING SETS ((unit, sub_account_id, item), (unit, sub_account_id), (unit))
    HAVING sum(cost) > 0
),
account_names AS (
    SELECT
        SubAccountId AS sub_account_id,
        max_by(SubAccountName, charge_date) FILTER (WHERE SubAccountName IS NOT NULL) AS name
    FROM daily_services
    GROUP BY 1
),
listed AS (                                                -- a sum of one item or account would repeat its row
    SELECT
        sums.*,
        CASE
            WHEN sums.is_of_all_accounts THEN '(all accounts)'
            WHEN sums.sub_account_id IS NULL THEN '(no account)'
            ELSE coalesce(accounts.name, account_names.name)
        END AS sub_account_name,
        max(sums.effective_cost) OVER (PARTITION BY sums.unit, sums.is_of_all_accounts, sums.sub_account_id)
            AS account_cost
    FROM sums
    LEFT JOIN accounts ON sums.sub_account_id = accounts.sub_account_id
    LEFT JOIN account_names ON sums.sub_account_id = account_names.sub_account_id
    WHERE (sums.is_of_all_accounts AND sums.accounts > 1)
        OR (NOT sums.is_of_all_accounts AND sums.is_of_all_items AND (sums.items > 1 OR sums.unit = '1M tokens'))
        OR NOT sums.is_of_all_items
),
changes AS (
    SELECT
        *,
        CASE WHEN unit <> '1K calls' THEN unit_cost - unit_cost_at_prices_before END AS by_price,  -- a call has no price
        CASE WHEN unit <> '1K calls' THEN unit_cost_at_prices_before - a_week_before END AS by_mix,
        row_number() OVER (
            PARTITION BY unit
            ORDER BY CASE WHEN is_of_all_accounts THEN 0 ELSE 1 END, round(account_cost, 6) DESC, sub_account_id,
                CASE WHEN is_of_all_items THEN 0 ELSE 1 END, round(effective_cost, 6) DESC, item
        ) AS place
    FROM listed
)
SELECT
    unit,
    sub_account_id,
    sub_account_name,
    CASE
        WHEN NOT is_of_all_items THEN item
        WHEN unit IN ('1M tokens', '1K calls') THEN '(all models)'
        WHEN unit = '1K inferences' THEN '(all endpoints)'
        ELSE '(all instance types)'
    END AS item,
    effective_cost,
    unit_cost,
    a_week_before,
    two_weeks_before,
    by_price,
    by_mix,
    CASE
        WHEN round(unit_cost, 9) < round($least_increase * a_week_before, 9) THEN NULL
        WHEN by_price >= by_mix THEN 'price'
        WHEN by_price < by_mix THEN 'mix'
    END AS cause
FROM changes
WHERE place <= $most_a_unit
ORDER BY
    CASE unit WHEN '1M tokens' THEN 1 WHEN '1K calls' THEN 2 WHEN '1K inferences' THEN 3 WHEN 'GPU hour' THEN 4 ELSE 5 END,
    place
