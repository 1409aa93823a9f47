/*
title = "Cost of AI workloads by layer"
why   = """
The table has the charges of AI services under all their names. It also has charges of other services if the resource ID contains
the name of an AI service. `layer` is one of five layers, `counted_as` is the reason why a charge is included, and
`bedrock_filter` is true if a filter on Amazon Bedrock shows the charge.
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
)
SELECT
    *,
    CASE
        WHEN ServiceName = 'AmazonCloudWatch' OR regexp_like(coalesce(meter, ''), '^(DataProcessing-Bytes|VendedLog-Bytes|TimedStorage-ByteHrs:CW)')
            THEN 'observability'
        WHEN ai_family IN ('opensearch_serverless', 'kendra', 'q')
            OR regexp_like(coalesce(meter, ''), '(?i)knowledge-base|rerank|search-units|retriev') THEN 'retrieval'
        WHEN ai_family = 'bedrock' AND regexp_like(coalesce(meter, ''), '(?i)guardrail|dataautomation|grounding')
            THEN 'tools and data'
        WHEN ai_family = 'agentcore' AND regexp_like(coalesce(meter, ''), '(?i)browsertool|codeinterpreter|gateway')
            THEN 'tools and data'
        WHEN ai_family = 'bedrock' AND NOT regexp_like(coalesce(meter, ''), '(?i)flow') THEN 'model inference'
        WHEN ai_family = 'sagemaker' AND regexp_like(coalesce(meter, ''), '^(Host|AsyncInf|Tsform)') THEN 'model inference'
        WHEN ai_family IS NOT NULL OR ServiceName = 'AWS Lambda' THEN 'orchestration and compute'
        ELSE 'tools and data'                                 -- S3, EBS and similar services
    END AS layer,
    ServiceName = 'Amazon Bedrock' AS bedrock_filter
FROM named_charges
WHERE counted_as IS NOT NULL
