/*
title = "Bedrock token cost by day, caller and request metadata"
why   = """
Model invocation logs contain the caller of each call and the metadata that the caller sent (`requestMetadata`), such as
the ID of a run, ticket or customer. The bill contains neither the caller nor the metadata. The table
`invocation_tokens` contains token totals from model invocation logs. Logged tokens are priced at the cost per token
that the bill shows for the same day, account, model and token kind. Calls of batch inference and of the endpoint
bedrock-mantle are not logged, so their charges are not used to compute the cost per token. If the bill for the day does
not contain the model, the cost of the logged tokens is null. The column `recorded` has the value `logged` for tokens in
the logs. The column `recorded` has the value `not logged` for billed tokens that the logs for the account and day do
not contain. The column `recorded` has the value `no invocation log` for billed tokens of accounts and days without a
collected log. If the logs contain tokens that are not on the bill yet, a row with negative amounts offsets these
tokens. In this row, `recorded` has the value `not on the bill yet`. Therefore, for each day, account and token kind,
the sum of all rows equals the total on the bill. To match model names, which differ between the bill and the logs, the
query compares only letters and numbers. The query ignores the model provider, the geography prefix (such as `us.` or
`eu.`), the date and the version. An application inference profile is matched by its ID. Each call is counted once in
`invocations`, in the row of its input tokens.
https://docs.aws.amazon.com/bedrock/latest/userguide/model-invocation-logging.html
https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-request-metadata.html
"""
reads = ["invocation_tokens", "token_charges"]
[parameters]
days = 62
*/
WITH short_names AS (
    SELECT
        name,
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(lower(name), '^.*/', ''),     -- an ARN ends in the model
                    '^((us|us-gov|eu|apac|jp|au|ca|sa|in|global)\.)?((ai21|amazon|anthropic|cohere|deepseek|google|meta|minimax|mistral|moonshot|moonshotai|nvidia|openai|qwen|stability|twelvelabs|writer|zai)\.|openai )',
                    ''
                ),
                '(-v?[0-9]+:[0-9]+.*|-?v[0-9]+)$',               -- -v1:0, -1:0, and v2 on the bill
                ''
            ),
            '-20[0-9]{6}|-instruct$',
            ''
        ) AS short_name
    FROM (
        SELECT model AS name FROM token_charges
        UNION
        SELECT model_id AS name FROM invocation_tokens
    ) AS names
    WHERE name IS NOT NULL
),
model_keys AS (
    SELECT
        name,
        regexp_replace(short_name, '[^a-z]+', '') || ' '
            || trim(regexp_replace(' ' || regexp_replace(short_name, '[^0-9]+', ' '), '( 0)+ *$', '')) AS model_key  -- Nova2.0Lite
    FROM short_names
),
bill_tokens AS (
    SELECT
        charges.charge_date,
        charges.sub_account_id,
        coalesce(
            regexp_extract(charges.resource_id, 'application-inference-profile/([^/]+)$', 1),
            model_keys.model_key
        ) AS model_key,
        charges.token_kind,
        charges.tier <> 'batch' AND charges.sku_meter NOT LIKE '%-mantle-%' AND charges.token_kind <> 'other' AS is_loggable,
        max(charges.model) AS model,
        sum(charges.million_tokens) AS million_tokens,
        sum(charges.effective_cost) AS effective_cost
    FROM token_charges AS charges
    LEFT JOIN model_keys ON charges.model = model_keys.name
    WHERE charges.ai_family = 'bedrock'
        AND charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charges.charge_date < $as_of
    GROUP BY 1, 2, 3, 4, 5
),
logged_tokens AS (
    SELECT
        logs.usage_date AS charge_date,
        logs.sub_account_id,
        coalesce(
            regexp_extract(logs.model_id, 'application-inference-profile/([^/]+)$', 1),
            model_keys.model_key
        ) AS model_key,
        kinds.token_kind,
        max(logs.model_id) AS model_id,
        logs.iam_principal,
        logs.metadata,
        sum(CASE WHEN kinds.token_kind = 'input' THEN logs.invocations ELSE 0 END) AS invocations,
        sum(CASE WHEN kinds.token_kind = 'input' THEN logs.invocations - logs.counted_invocations ELSE 0 END)
            AS uncounted_invocations,
        sum(CASE kinds.token_kind
            WHEN 'input' THEN logs.input_tokens
            WHEN 'output' THEN logs.output_tokens
            WHEN 'cache read' THEN logs.cache_read_tokens
            ELSE logs.cache_write_tokens
        END) / 1E6 AS million_tokens
    FROM invocation_tokens AS logs
    LEFT JOIN model_keys ON logs.model_id = model_keys.name
    CROSS JOIN (VALUES ('input'), ('output'), ('cache read'), ('cache write')) AS kinds (token_kind)
    WHERE logs.usage_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND logs.usage_date < $as_of
    GROUP BY logs.usage_date, logs.sub_account_id, 3, kinds.token_kind, logs.iam_principal, logs.metadata
),
priced_tokens AS (
    SELECT
        logged_tokens.*,
        bill_tokens.model,
        logged_tokens.million_tokens * (bill_tokens.effective_cost / bill_tokens.million_tokens) AS effective_cost
    FROM logged_tokens
    LEFT JOIN bill_tokens
        ON logged_tokens.charge_date = bill_tokens.charge_date
        AND logged_tokens.sub_account_id = bill_tokens.sub_account_id
        AND logged_tokens.model_key = bill_tokens.model_key
        AND logged_tokens.token_kind = bill_tokens.token_kind
        AND bill_tokens.is_loggable
        AND bill_tokens.million_tokens > 0
),
remainders AS (
    SELECT
        charge_date,
        sub_account_id,
        token_kind,
        model,
        is_loggable,
        sum(million_tokens) AS million_tokens,
        sum(effective_cost) AS effective_cost
    FROM (
        SELECT charge_date, sub_account_id, token_kind, model_key, model, is_loggable, million_tokens, effective_cost
        FROM bill_tokens
        UNION ALL
        SELECT charge_date, sub_account_id, token_kind, model_key, model, true, -million_tokens, -effective_cost
        FROM priced_tokens
        WHERE effective_cost IS NOT NULL
    ) AS differences
    GROUP BY charge_date, sub_account_id, token_kind, model_key, model, is_loggable
    HAVING round(abs(sum(effective_cost)), 6) > 0 OR round(abs(sum(million_tokens)), 6) > 0
),
logged_accounts AS (
    SELECT DISTINCT usage_date, sub_account_id FROM invocation_tokens
)
SELECT
    charge_date,
    sub_account_id,
    coalesce(model, model_id) AS model,
    token_kind,
    iam_principal,
    metadata,
    'logged' AS recorded,
    invocations,
    uncounted_invocations,
    million_tokens,
    effective_cost
FROM priced_tokens
WHERE million_tokens > 0 OR invocations > 0
UNION ALL
SELECT
    remainders.charge_date,
    remainders.sub_account_id,
    remainders.model,
    remainders.token_kind,
    CAST(NULL AS varchar),
    NULL,
    CASE
        WHEN remainders.effective_cost < 0 THEN 'not on the bill yet'
        WHEN logged_accounts.sub_account_id IS NULL THEN 'no invocation log'
        ELSE 'not logged'
    END,
    0,
    0,
    remainders.million_tokens,
    remainders.effective_cost
FROM remainders
LEFT JOIN logged_accounts
    ON remainders.charge_date = logged_accounts.usage_date
    AND remainders.sub_account_id = logged_accounts.sub_account_id
