/*
title = "Cost of AI workloads by layer"
why   = """
The table has the charges of AI services under all their names, and the charges of other services for resources whose ID contains
the name of an AI service. `layer` is one of five, `counted_as` is the reason that a charge is included, and `bedrock_filter` is true if a
filter on Amazon Bedrock shows the charge. Subscriptions of users (Kiro, Amazon Q, Amazon Quick) count as model inference, whether
they are billed as usage or as a purchase. A purchase for a commitment is not included.
"""
reads = ["daily_charges"]
*/
WITH named_charges AS (
    SELECT
        *,
        CASE
            WHEN ai_family IS NOT NULL THEN 'AI service'
            WHEN regexp_like(lower(ResourceId), 'bedrock|sagemaker|agentcore|knowledge-base|knowledgebase|opensearch-serverless')
                THEN 'named after one'                        -- log groups, buckets, functions, volumes of a workload
        END AS counted_as
    FROM daily_charges
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
            OR (ai_family = 'q' AND regexp_like(coalesce(meter, 'Index'), '(?i)index'))
            OR regexp_like(coalesce(meter, ''), '(?i)knowledge-base|rerank|search-units|retriev') THEN 'retrieval'
        WHEN ai_family = 'bedrock' AND regexp_like(coalesce(meter, ''), '(?i)guardrail|dataautomation|grounding')
            THEN 'tools and data'
        WHEN ai_family = 'agentcore' AND regexp_like(coalesce(meter, ''), '(?i)browsertool|codeinterpreter|gateway')
            THEN 'tools and data'
        WHEN ai_family = 'bedrock' AND NOT regexp_like(coalesce(meter, ''), '(?i)flow') THEN 'model inference'
        WHEN ai_family IN ('kiro', 'q', 'quick') THEN 'model inference'  -- a subscription buys prompts
        WHEN ai_family = 'sagemaker' AND regexp_like(coalesce(meter, ''), '^(Host|AsyncInf|Tsform)') THEN 'model inference'
        WHEN ai_family IS NOT NULL OR ServiceName = 'AWS Lambda' THEN 'orchestration and compute'
        ELSE 'tools and data'                                 -- S3, EBS and similar services
    END AS layer,
    ServiceName = 'Amazon Bedrock' AS bedrock_filter
FROM named_charges
WHERE counted_as IS NOT NULL
