/*
title     = "Orphaned OpenSearch Serverless collection"
category  = "waste"
ai_families = ["opensearch_serverless", "bedrock", "agentcore"]  # daily_charges tests for Bedrock first
schedule  = "daily"
why       = """
Creating a Bedrock knowledge base can create an OpenSearch Serverless collection. The OpenSearch Serverless collection
remains when its knowledge base is deleted. A Classic collection without queries is billed for at least 1 OCU (175
USD/month), or 2 OCUs with replicas (350 USD/month). The service name on the bill is Amazon OpenSearch Service, so a
review of AI cost can miss this charge.
"""
reason    = "In the last {lookback_days} days, account {sub_account_name} was billed for {ocu_hours} OCU-hours of OpenSearch Serverless in {region_id}, and {because}. The OCUs cost {monthly_cost} {currency}/month."
action    = """
1. For each collection in {region_id}, check CloudWatch for searches (namespace AWS/AOSS, metric SearchRequestRate).
2. List the collections, and check whether a knowledge base uses one of the collections:
   aws opensearchserverless list-collections --region {region_id}
   aws bedrock-agent list-knowledge-bases --region {region_id}
3. If a collection is not needed, delete it: aws opensearchserverless delete-collection --id COLLECTION_ID --region {region_id}
"""
blind_spots = [
  "Collections in an account or collection group share OCUs, so the bill may not show which collection uses the OCUs.",
  "Without the CloudWatch metric SearchRequestRate, focuswatch cannot detect searches by Bedrock in other accounts or by workloads other than Bedrock. If a collection has only such searches and its account does not use Bedrock, focuswatch reports the collection as orphaned.",
  "In an account that uses Bedrock, a collection is reported only if focuswatch collects both the CloudWatch metric SearchRequestRate and the links between knowledge bases and collections.",
]
sources   = [
  "https://docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-scaling.html",
  "https://docs.aws.amazon.com/bedrock/latest/userguide/knowledge-base-setup.html",
  "https://aws.amazon.com/opensearch-service/pricing/",
]
[parameters]
lookback_days = 7
least_monthly_cost_usd = 1.0
[needs]
charges = "meter IN ('SearchOCU', 'IndexingOCU')"
history_days = 7
*/
WITH ocu_days AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ResourceId AS resource_id,
        charges.meter,
        charges.charge_date,
        max(charges.ServiceName) AS service_name,
        max_by(charges.Tags, charges.charge_date) FILTER (WHERE cardinality(charges.Tags) > 0) AS tags,
        coalesce(sum(CASE WHEN charges.ChargeCategory = 'Usage' THEN charges.ConsumedQuantity END), 0) AS ocu_hours,
        coalesce(sum(CASE WHEN charges.ChargeCategory = 'Usage' THEN charges.EffectiveCost END), 0) AS effective_cost,
        coalesce(sum(CASE WHEN charges.ChargeCategory = 'Credit' THEN charges.EffectiveCost END), 0) AS credits
    FROM ai_charges AS charges
    INNER JOIN completeness AS lookbacks
        ON charges.SubAccountId IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = $lookback_days  -- a younger account has no such day
        AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.SkuMeter LIKE '%OCU'
        AND charges.meter IN ('SearchOCU', 'IndexingOCU')  -- storage without OCUs has no minimum charge
        AND charges.ChargeCategory IN ('Usage', 'Credit')  -- a credit that offsets the cost does not hide the usage
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
    GROUP BY 1, 2, 3, 4, 5
),
named_pools AS (
    SELECT sub_account_id, region_id, min(resource_id) AS resource_id
    FROM ocu_days
    WHERE ocu_hours > 0
    GROUP BY sub_account_id, region_id
    HAVING count(DISTINCT resource_id) = 1                 -- one pool with a resource ID on only one of its two meters
        AND count(DISTINCT CASE WHEN resource_id IS NULL THEN meter END)
            + count(DISTINCT CASE WHEN resource_id IS NOT NULL THEN meter END) = count(DISTINCT meter)
),
pools AS (
    SELECT
        ocu_days.sub_account_id,
        ocu_days.region_id,
        coalesce(ocu_days.resource_id, named_pools.resource_id) AS resource_id,
        max(ocu_days.service_name) AS service_name,
        max_by(ocu_days.tags, ocu_days.charge_date) FILTER (WHERE ocu_days.tags IS NOT NULL) AS tags,
        sum(ocu_days.ocu_hours) AS ocu_hours,
        sum(ocu_days.effective_cost) AS effective_cost,
        sum(ocu_days.credits) AS credits
    FROM ocu_days
    LEFT JOIN named_pools
        ON ocu_days.sub_account_id IS NOT DISTINCT FROM named_pools.sub_account_id
        AND ocu_days.region_id IS NOT DISTINCT FROM named_pools.region_id
    GROUP BY 1, 2, 3                                       -- either meter is enough; idle NextGen groups have neither:
    HAVING count(DISTINCT CASE WHEN ocu_days.ocu_hours > 0 THEN ocu_days.charge_date END) = $lookback_days
),
pool_accounts AS (
    SELECT DISTINCT pools.sub_account_id, lookbacks.charge_date AS first_day
    FROM pools
    INNER JOIN completeness AS lookbacks
        ON pools.sub_account_id IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = $lookback_days  -- a younger account has no such day
),
bedrock_accounts AS (
    SELECT DISTINCT charges.SubAccountId AS sub_account_id, true AS uses_bedrock
    FROM ai_charges AS charges
    INNER JOIN pool_accounts
        ON charges.SubAccountId IS NOT DISTINCT FROM pool_accounts.sub_account_id
        AND charges.charge_date >= pool_accounts.first_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.charge_date < $as_of                   -- unsettled days too: one call clears the pool
        AND charges.ai_family IN ('bedrock', 'agentcore')
        AND charges.ChargeCategory = 'Usage'
        AND coalesce(charges.ConsumedQuantity, charges.PricingQuantity) > 0
        AND NOT regexp_like(coalesce(charges.meter, ''), '(?i)provisionedthroughput|reserved|storage')  -- reserved or stored, not used
),
recent_links AS (                                          -- older ones may be gone; a link shows no days
    SELECT sub_account_id, region_id, from_type, to_type, to_arn
    FROM ai_links
    WHERE read_on >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 7) AS date)
),
listed_regions AS (                                        -- where all knowledge bases were listed
    SELECT DISTINCT sub_account_id, region_id, true AS is_listed
    FROM recent_links
    WHERE from_type = 'region' AND to_type = 'knowledge base'
),
referenced_collections AS (
    SELECT DISTINCT to_arn AS collection_arn, true AS is_referenced
    FROM recent_links
    WHERE to_type = 'OpenSearch Serverless collection'
),
referenced_regions AS (                                    -- OCUs of a group or an account may be of any collection there
    SELECT DISTINCT
        split_part(collection_arn, ':', 5) AS sub_account_id,
        split_part(collection_arn, ':', 4) AS region_id,
        true AS is_referenced
    FROM referenced_collections
),
evaluated_regions AS (
    SELECT DISTINCT activity.sub_account_id, activity.region_id, true AS is_evaluated
    FROM activity
    INNER JOIN pool_accounts
        ON activity.sub_account_id IS NOT DISTINCT FROM pool_accounts.sub_account_id
        AND activity.activity_date >= pool_accounts.first_day
    WHERE activity.activity_date < $as_of
        AND activity.activity_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND activity.namespace = 'AWS/AOSS'
        AND activity.metric = 'SearchRequestRate'
),
searched_regions AS (
    SELECT DISTINCT activity.sub_account_id, activity.region_id, true AS is_searched
    FROM activity
    INNER JOIN pool_accounts
        ON activity.sub_account_id IS NOT DISTINCT FROM pool_accounts.sub_account_id
        AND activity.activity_date >= pool_accounts.first_day
    WHERE activity.activity_date < $as_of
        AND activity.activity_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND activity.namespace = 'AWS/AOSS'
        AND activity.metric = 'SearchRequestRate'
        AND activity.value > 0
)
SELECT
    pools.sub_account_id,
    pools.region_id,
    pools.resource_id,
    pools.effective_cost / $lookback_days * 30 AS monthly_cost,
    pools.service_name,
    pools.tags,
    pools.ocu_hours,
    CASE
        WHEN listed_regions.is_listed AND coalesce(collections.is_referenced, regions.is_referenced) IS NULL
            THEN 'no knowledge base refers to a billed collection'
        ELSE 'the account made no Bedrock calls'
    END AS because,
    $lookback_days AS lookback_days,
    lookbacks.charge_date AS first_day,
    lookbacks.last_settled_day AS last_day,
    pools.credits
FROM pools
INNER JOIN completeness AS lookbacks
    ON pools.sub_account_id IS NOT DISTINCT FROM lookbacks.sub_account_id
    AND lookbacks.settled_recency = $lookback_days  -- a younger account has no such day
LEFT JOIN bedrock_accounts ON pools.sub_account_id IS NOT DISTINCT FROM bedrock_accounts.sub_account_id
LEFT JOIN listed_regions
    ON pools.sub_account_id = listed_regions.sub_account_id
    AND pools.region_id = listed_regions.region_id
LEFT JOIN referenced_collections AS collections ON pools.resource_id = collections.collection_arn
LEFT JOIN referenced_regions AS regions
    ON pools.sub_account_id = regions.sub_account_id
    AND pools.region_id = regions.region_id
    AND coalesce(pools.resource_id, '') NOT LIKE '%:collection/%'
LEFT JOIN evaluated_regions
    ON pools.sub_account_id = evaluated_regions.sub_account_id
    AND pools.region_id = evaluated_regions.region_id
LEFT JOIN searched_regions
    ON pools.sub_account_id IS NOT DISTINCT FROM searched_regions.sub_account_id
    AND (pools.region_id = searched_regions.region_id OR pools.region_id IS NULL)  -- a pool in an unknown region may be the one that is searched
WHERE (
        bedrock_accounts.uses_bedrock IS NULL
        OR (                                               -- other collections of the account may serve its Bedrock calls
            listed_regions.is_listed
            AND coalesce(collections.is_referenced, regions.is_referenced) IS NULL
            AND evaluated_regions.is_evaluated             -- an application may search a collection without a knowledge base
        )
    )
    AND searched_regions.is_searched IS NULL
    AND round(pools.effective_cost / $lookback_days * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, pools.sub_account_id, pools.region_id, pools.resource_id
