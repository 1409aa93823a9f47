/*
title = "Estimated cost of Bedrock tokens by hour"
why   = """
CloudWatch shows token counts within minutes, but the bill shows the cost of these tokens only a day later. The table
multiplies the tokens of each hour by the most recent price on the bill for the same account, Region, model and token
kind. If the bill contains no such price, the table uses the most recent price for the model in any account. Prices on
the bill include discounts. `unpriced_tokens` is the number (in millions) of tokens for models without a price on the
bill. CloudWatch and the bill use different model names, such as anthropic.claude-sonnet-4-20250514-v1:0 and
Claude4Sonnet. To match the names, the table removes the geography, vendor, date and version from a model ID (such as
us., anthropic., -20250514 and -v1:0). A name on the bill then matches a model ID if both contain the same words, and
the same digits in the same order. An application inference profile is matched by its ID.
https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
"""
reads = ["token_hours", "token_charges"]
[parameters]
price_days = 35
history_days = 31
ahead_days = 7                 # number of days with token counts after the last day of the bill, because the bill can be late
*/
WITH price_days AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        CASE WHEN resource_id LIKE '%application-inference-profile/%' THEN resource_id END AS profile_arn,
        model,
        token_kind,
        charge_date,
        sum(million_tokens) AS million_tokens,
        sum(effective_cost) AS effective_cost
    FROM token_charges                -- Trino evaluates a common table expression at every mention: two mentions at most
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $price_days AS date)
        AND charge_date < $as_of
        AND tier NOT IN ('batch', 'custom model')
        AND token_kind <> 'other'
        AND model IS NOT NULL
        AND effective_cost > 0                                -- free use has no price
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
hours AS (
    SELECT
        *,
        regexp_extract(model_id, '([^/]+)$', 1) AS called_as  -- of an ARN, the ID at its end
    FROM token_hours
    WHERE token_date >= CAST($as_of - INTERVAL '1' DAY * $history_days AS date)
        AND token_date < CAST($as_of + INTERVAL '1' DAY * $ahead_days AS date)
),
called_ids AS (                                               -- without the profile's area, the vendor and the version
    SELECT
        called_as,
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(lower(called_as), '^(global|us-gov|us|eu|apac|jp|au|ca|sa|in|il|mx)\.', ''),
                    '^[a-z0-9]+\.', ''
                ),
                '(-20[0-9]{6})?(-v[0-9]+(:[0-9]+[a-z]*)*|-[0-9]+(:[0-9]+[a-z]*)+)?$', ''
            ),
            '-(instruct|chat|text|preview)|-it$', ''
        ) AS name
    FROM (SELECT DISTINCT called_as FROM hours WHERE called_as IS NOT NULL) AS called
),
id_words AS (
    SELECT
        called_ids.called_as,
        words.word,
        regexp_replace(called_ids.name, '[^0-9]+', '') AS digits
    FROM called_ids
    CROSS JOIN UNNEST(split(regexp_replace(called_ids.name, '[^a-z0-9]+', '-'), '-')) AS words (word)
    WHERE words.word <> ''
),
bill_models AS (                                              -- Claude4.6Sonnet, Nova2.0Lite, OpenAI GPT-5.6 Sol
    SELECT
        model,
        profile_arn,
        regexp_extract(profile_arn, '([^/]+)$', 1) AS profile_id,
        regexp_replace(
            regexp_replace(
                regexp_replace(lower(model), '^([a-z]+\.|(openai|anthropic|amazon|meta|mistral ai|cohere|google|writer) )', ''),
                '\.0|-?(instruct|chat|text|preview)|-it$', ''
            ),
            '[^a-z0-9]+', ''
        ) AS name
    FROM (SELECT DISTINCT model, profile_arn FROM price_days) AS billed
),
id_models AS (
    SELECT DISTINCT
        called_as,
        model,
        CASE WHEN called_as = profile_id THEN profile_arn END AS profile_arn
    FROM (
        SELECT id_words.called_as, bill_models.model, bill_models.profile_arn, bill_models.profile_id
        FROM id_words
        CROSS JOIN bill_models
        GROUP BY id_words.called_as, bill_models.model, bill_models.profile_arn, bill_models.profile_id, bill_models.name
        HAVING coalesce(id_words.called_as = bill_models.profile_id, false)
            OR (
                max(id_words.digits) = regexp_replace(bill_models.name, '[^0-9]+', '')
                AND count_if(strpos(bill_models.name, id_words.word) = 0) = 0
                AND sum(length(id_words.word)) = length(bill_models.name)
            )
    ) AS matches
),
last_prices AS (
    SELECT
        model,
        sub_account_id,
        region_id,
        token_kind,
        last_day,
        max(service_name) AS service_name,
        sum(million_tokens) AS million_tokens,
        sum(effective_cost) AS effective_cost
    FROM (
        SELECT *, max(charge_date) OVER (PARTITION BY model, sub_account_id, region_id, token_kind) AS last_day
        FROM price_days
    ) AS dated_prices
    WHERE charge_date = last_day
    GROUP BY 1, 2, 3, 4, 5
),
key_prices AS (
    SELECT
        keys.called_as,
        keys.sub_account_id,
        keys.region_id,
        keys.token_kind,
        id_models.model,
        id_models.profile_arn,
        prices.service_name,
        prices.million_tokens,
        prices.effective_cost,
        prices.last_day,
        keys.sub_account_id IS NOT DISTINCT FROM prices.sub_account_id
            AND keys.region_id IS NOT DISTINCT FROM prices.region_id AS is_own,
        max(prices.last_day) OVER (
            PARTITION BY keys.called_as, keys.sub_account_id, keys.region_id, keys.token_kind
        ) AS newest_day
    FROM (SELECT DISTINCT called_as, sub_account_id, region_id, token_kind FROM hours) AS keys
    INNER JOIN id_models ON keys.called_as = id_models.called_as
    INNER JOIN last_prices AS prices
        ON id_models.model = prices.model
        AND keys.token_kind = prices.token_kind
),
prices AS (                                                   -- of the account and Region, or else of any on the last day
    SELECT
        called_as,
        sub_account_id,
        region_id,
        token_kind,
        max_by(service_name, effective_cost) FILTER (WHERE service_name IS NOT NULL) AS service_name,
        max_by(model, effective_cost) FILTER (WHERE model IS NOT NULL) AS model,
        max(profile_arn) AS profile_arn,
        coalesce(
            sum(CASE WHEN is_own THEN effective_cost END) / nullif(sum(CASE WHEN is_own THEN million_tokens END), 0),
            sum(CASE WHEN last_day = newest_day THEN effective_cost END)
                / nullif(sum(CASE WHEN last_day = newest_day THEN million_tokens END), 0)
        ) AS price
    FROM key_prices
    GROUP BY 1, 2, 3, 4
)
SELECT
    hours.token_date,
    hours.token_hour,
    date_diff('day', DATE '2020-01-01', hours.token_date) * 24 + hours.token_hour AS hour_number,
    hours.sub_account_id,
    hours.region_id,
    prices.service_name,
    coalesce(prices.model, hours.called_as) AS model,
    prices.profile_arn AS resource_id,
    coalesce(prices.profile_arn, 'model ' || coalesce(prices.model, hours.called_as)) AS workload,
    sum(hours.tokens) / 1E6 AS million_tokens,
    sum(CASE WHEN prices.price IS NULL THEN hours.tokens ELSE 0 END) / 1E6 AS unpriced_tokens,
    sum(hours.tokens / 1E6 * coalesce(prices.price, 0)) AS estimated_cost
FROM hours
LEFT JOIN prices
    ON hours.called_as = prices.called_as
    AND hours.sub_account_id IS NOT DISTINCT FROM prices.sub_account_id
    AND hours.region_id IS NOT DISTINCT FROM prices.region_id
    AND hours.token_kind = prices.token_kind
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
