/*
title = "On-demand tokens by workload in the last 14 complete days"
why   = """
A workload is a combination of model, account, Region, service and resource. The resource is an inference profile, or
null for calls without an inference profile. Detections of prompt caching compare the input tokens, output tokens, cache
reads and cache writes of a workload with each other. The prices of a model are computed from all of its on-demand charges in the
last 56 days, excluding usage that is free of charge. If a model has no charges for a token kind, the price of this
token kind is null. The table does not contain accounts with less history than the lookback period.
"""
reads = ["token_charges", "completeness"]
[parameters]
lookback_days = 14
price_days = 56                # number of days of charges from which the prices of a model are computed
*/
WITH prices AS (
    SELECT
        model,
        sum(CASE WHEN token_kind = 'input' THEN effective_cost END)
            / nullif(sum(CASE WHEN token_kind = 'input' THEN million_tokens END), 0) AS input_price,
        sum(CASE WHEN token_kind = 'cache read' THEN effective_cost END)
            / nullif(sum(CASE WHEN token_kind = 'cache read' THEN million_tokens END), 0) AS read_price,
        sum(CASE WHEN token_kind = 'cache write' THEN effective_cost END)
            / nullif(sum(CASE WHEN token_kind = 'cache write' THEN million_tokens END), 0) AS write_price
    FROM token_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $price_days AS date)
        AND charge_date < $as_of
        AND tier = 'on demand'
        AND effective_cost > 0
    GROUP BY 1
),
workloads AS (
    SELECT
        charges.sub_account_id,
        charges.region_id,
        charges.service_name,
        charges.resource_id,
        charges.model,
        lookbacks.charge_date AS first_day,
        lookbacks.last_settled_day AS last_day,
        max_by(charges.tags, charges.charge_date) FILTER (WHERE cardinality(charges.tags) > 0) AS tags,
        count(DISTINCT CASE WHEN charges.token_kind = 'input' THEN charges.charge_date END) AS input_days,
        count(DISTINCT CASE WHEN charges.token_kind = 'cache write' THEN charges.charge_date END) AS write_days,
        sum(CASE WHEN charges.token_kind = 'input' THEN charges.million_tokens ELSE 0 END) AS input_tokens,
        sum(CASE WHEN charges.token_kind = 'input' THEN charges.effective_cost ELSE 0 END) AS input_cost,
        sum(CASE WHEN charges.token_kind = 'output' THEN charges.million_tokens ELSE 0 END) AS output_tokens,
        sum(CASE WHEN charges.token_kind = 'cache read' THEN charges.million_tokens ELSE 0 END) AS read_tokens,
        sum(CASE WHEN charges.token_kind = 'cache read' THEN charges.effective_cost ELSE 0 END) AS read_cost,
        sum(CASE WHEN charges.token_kind = 'cache write' THEN charges.million_tokens ELSE 0 END) AS written_tokens,
        sum(CASE WHEN charges.token_kind = 'cache write' THEN charges.effective_cost ELSE 0 END) AS write_cost
    FROM token_charges AS charges
    INNER JOIN completeness AS lookbacks
        ON charges.sub_account_id IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = $lookback_days         -- a younger account has no such day
        AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.tier = 'on demand'
    GROUP BY 1, 2, 3, 4, 5, 6, 7
)
SELECT
    workloads.*,
    $lookback_days AS lookback_days,
    prices.input_price,
    prices.read_price,
    prices.write_price
FROM workloads
LEFT JOIN prices ON workloads.model = prices.model
