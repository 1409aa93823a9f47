/*
title = "Cost of AI workloads by layer"
why   = """
The table contains three groups of charges: charges for AI services, charges for resources that an AI resource uses
(listed in the table `ai_links`), and charges for other resources whose ID contains the name of an AI service. A charge
that belongs to more than one group is counted in the first of these groups. For charges in the second group,
`linked_from` is the AI resource that uses the charged resource. `layer` is the part of the AI workload to which the
charge belongs, such as model inference or retrieval. `counted_as` states why a charge is included. `bedrock_filter` is
true if Cost Explorer shows the charge when you filter by Amazon Bedrock. User subscriptions (Kiro, Amazon Q, Amazon
Quick) count as model inference, whether AWS bills the subscriptions as usage or as a purchase. Purchases of commitments
are not included.
"""
reads = ["daily_charges", "ai_links"]
*/
WITH linked_resources AS (
    SELECT
        resource_id,
        min(to_type) AS to_type,
        min(from_type || ' ' || from_arn) AS linked_from      -- a bucket of two knowledge bases is one bucket
    FROM (
        SELECT to_arn AS resource_id, to_type, from_type, from_arn
        FROM ai_links
        WHERE to_arn IS NOT NULL
        UNION ALL
        SELECT split_part(to_arn, ':::', 2) AS resource_id, to_type, from_type, from_arn  -- the bill may name a bucket without ARN
        FROM ai_links
        WHERE to_arn LIKE 'arn:%:s3:::%'
    ) AS targets
    GROUP BY resource_id
),
named_charges AS (
    SELECT
        daily_charges.*,
        CASE WHEN ai_family IS NULL THEN linked_resources.linked_from END AS linked_from,
        CASE WHEN ai_family IS NULL THEN linked_resources.to_type END AS linked_type,
        CASE
            WHEN ai_family IS NOT NULL THEN 'AI service'
            WHEN linked_resources.resource_id IS NOT NULL THEN 'used by an AI resource'
            WHEN regexp_like(lower(ResourceId), 'bedrock|sagemaker|agentcore|knowledge-base|knowledgebase|opensearch-serverless')
                THEN 'named after an AI service'              -- log groups, buckets, functions, volumes of a workload
        END AS counted_as
    FROM daily_charges
    LEFT JOIN linked_resources ON daily_charges.ResourceId = linked_resources.resource_id
    WHERE ChargeCategory = 'Usage'
        OR (                                                  -- FOCUS does not state the category of a subscription
            ChargeCategory = 'Purchase'
            AND ai_family IN ('kiro', 'q', 'quick')
            AND CommitmentDiscountId IS NULL
        )
)
SELECT
    *,
    CASE
        WHEN ServiceName = 'AmazonCloudWatch' OR regexp_like(coalesce(meter, ''), '^(DataProcessing-Bytes|VendedLog-Bytes|TimedStorage-ByteHrs:CW)')
            THEN 'observability'
        WHEN ai_family IN ('opensearch_serverless', 'kendra')
            OR linked_type IN ('OpenSearch domain', 'Aurora cluster', 'Aurora instance', 'Neptune Analytics graph', 'S3 vector bucket')
            OR (ai_family = 'q' AND regexp_like(coalesce(meter, 'Index'), '(?i)index'))
            OR regexp_like(coalesce(meter, ''), '(?i)knowledge-base|rerank|search-units|retriev') THEN 'retrieval'
        WHEN ai_family = 'bedrock' AND regexp_like(coalesce(meter, ''), '(?i)guardrail|dataautomation|grounding')
            THEN 'tools and data'
        WHEN ai_family = 'agentcore' AND regexp_like(coalesce(meter, ''), '(?i)browsertool|codeinterpreter|gateway')
            THEN 'tools and data'
        WHEN ai_family = 'bedrock' AND NOT regexp_like(coalesce(meter, ''), '(?i)flow') THEN 'model inference'
        WHEN ai_family IN ('kiro', 'q', 'quick', 'model_api') THEN 'model inference'  -- a subscription buys prompts
        WHEN ai_family = 'sagemaker' AND regexp_like(coalesce(meter, ''), '^(Host|AsyncInf|Tsform)') THEN 'model inference'
        WHEN ai_family IS NOT NULL OR ServiceName = 'AWS Lambda' THEN 'orchestration and compute'
        ELSE 'tools and data'                                 -- S3, EBS and similar services
    END AS layer,
    ServiceName = 'Amazon Bedrock' AS bedrock_filter
FROM named_charges
WHERE counted_as IS NOT NULL
