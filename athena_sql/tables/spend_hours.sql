/*
title = "Estimated cost of Bedrock tokens by hour, account, Region and model"
why   = """
CloudWatch counts tokens within minutes, and the bill states their cost a day later. This table multiplies the tokens of each hour by the
last price on the bill for the same account, Region, model and kind of token, or else by the last price of the model in any account.
Discounts are part of that price. `unpriced_tokens` are tokens (in millions) of models that the bill has no price for.
CloudWatch and the bill name models differently (anthropic.claude-sonnet-4-20250514-v1:0, Claude4Sonnet): a name on the bill is the model's
if it has the same words and the same digits in the same order. An application inference profile is found on the bill by its ID.
https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-runtime-metrics.html
https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html
"""
reads = ["token_hours", "token_charges"]
[parameters]
price_days = 35
history_days = 31
ahead_days = 7                 # hours after the last day of the bill, which may be late
*/
WITH price_charges AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        CASE WHEN resource_id LIKE '%application-inference-profile/%' THEN resource_id END AS profile_arn,
        model,
        meter,
        token_kind,
        charge_date,
        sum(million_tokens) AS million_tokens,
        sum(effective_cost) AS effective_cost
    FROM token_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $price_days AS date)
        AND charge_date < $as_of
        AND tier NOT IN ('batch', 'custom model')
        AND token_kind <> 'other'
        AND effective_cost > 0                                -- free use has no price
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
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
        regexp_replace(
            regexp_replace(
                regexp_replace(lower(model), '^([a-z]+\.|(openai|anthropic|amazon|meta|mistral ai|cohere|google|writer) )', ''),
                '\.0|-?(instruct|chat|text|preview)|-it$', ''
            ),
            '[^a-z0-9]+', ''
        ) AS name
    FROM (SELECT DISTINCT model FROM price_charges WHERE model IS NOT NULL) AS billed
),
id_models AS (
    SELECT id_words.called_as, bill_models.model
    FROM id_words
    CROSS JOIN bill_models
    WHERE regexp_replace(bill_models.name, '[^0-9]+', '') = id_words.digits
    GROUP BY id_words.called_as, bill_models.model, bill_models.name
    HAVING count_if(strpos(bill_models.name, id_words.word) = 0) = 0
        AND sum(length(id_words.word)) = length(bill_models.name)
),
id_charges AS (
    SELECT id_models.called_as, charges.*
    FROM id_models
    INNER JOIN price_charges AS charges ON id_models.model = charges.model
    UNION ALL
    SELECT called_ids.called_as, charges.*
    FROM called_ids
    INNER JOIN price_charges AS charges ON called_ids.called_as = regexp_extract(charges.profile_arn, '([^/]+)$', 1)
),
last_charges AS (
    SELECT
        *,
        max(charge_date) OVER (PARTITION BY called_as, sub_account_id, region_id, token_kind) AS last_day,
        max(charge_date) OVER (PARTITION BY called_as, token_kind) AS last_day_anywhere
    FROM id_charges
),
account_prices AS (
    SELECT
        called_as,
        sub_account_id,
        region_id,
        token_kind,
        sum(effective_cost) / sum(million_tokens) AS price
    FROM last_charges
    WHERE charge_date = last_day
    GROUP BY 1, 2, 3, 4
),
model_prices AS (
    SELECT called_as, token_kind, sum(effective_cost) / sum(million_tokens) AS price
    FROM last_charges
    WHERE charge_date = last_day_anywhere
    GROUP BY 1, 2
),
id_facts AS (
    SELECT
        called_as,
        max_by(service_name, effective_cost) FILTER (WHERE service_name IS NOT NULL) AS service_name,
        max_by(model, effective_cost) FILTER (WHERE model IS NOT NULL) AS model,
        max(CASE WHEN called_as = regexp_extract(profile_arn, '([^/]+)$', 1) THEN profile_arn END) AS profile_arn,
        array_agg(DISTINCT meter ORDER BY meter) FILTER (WHERE meter IS NOT NULL) AS meters
    FROM last_charges
    GROUP BY 1
)
SELECT
    hours.token_date,
    hours.token_hour,
    date_diff('day', DATE '2020-01-01', hours.token_date) * 24 + hours.token_hour AS hour_number,
    hours.sub_account_id,
    hours.region_id,
    facts.service_name,
    coalesce(facts.model, hours.called_as) AS model,
    facts.profile_arn AS resource_id,
    coalesce(facts.profile_arn, 'model ' || coalesce(facts.model, hours.called_as)) AS workload,
    facts.meters,
    sum(hours.tokens) / 1E6 AS million_tokens,
    sum(CASE WHEN coalesce(own.price, other.price) IS NULL THEN hours.tokens ELSE 0 END) / 1E6 AS unpriced_tokens,
    sum(hours.tokens / 1E6 * coalesce(own.price, other.price, 0)) AS estimated_cost
FROM hours
LEFT JOIN account_prices AS own
    ON hours.called_as = own.called_as
    AND hours.sub_account_id IS NOT DISTINCT FROM own.sub_account_id
    AND hours.region_id IS NOT DISTINCT FROM own.region_id
    AND hours.token_kind = own.token_kind
LEFT JOIN model_prices AS other
    ON hours.called_as = other.called_as
    AND hours.token_kind = other.token_kind
LEFT JOIN id_facts AS facts ON hours.called_as = facts.called_as
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
