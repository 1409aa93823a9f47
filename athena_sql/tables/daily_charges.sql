/*
title = "Daily charges, with derived columns for detections"
why   = """
The table contains the charges from the table folded_charges, with additional columns that several detections need.
`meter` is SkuMeter without its Region prefix. `instance_type` is the instance type in the meter, such as p4d.24xlarge.
`is_gpu` is true if the instance type has a GPU or another AI accelerator, such as AWS Trainium or AWS Inferentia.
`ai_family` is the AI service of the charge, regardless of the service name on the bill, or null if the charge is not
for an AI service. For providers other than AWS, `ai_family` is `model_api` for model calls, and `ai_service` for all
other charges in the FOCUS category AI and Machine Learning. `is_edge` is true if AWS bills by the location of the
viewers, as for Amazon CloudFront. In this case, RegionId is the Region of the viewers. `internet_gb` is the amount of
data sent to the internet in GB, or null if the charge is not for data transfer to the internet. Sources of the meter
names:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/billing-and-usage-interpreting.html
https://docs.aws.amazon.com/cur/latest/userguide/cur-data-transfers-charges.html#s3-transfer-acceleration-traffic
https://aws.amazon.com/waf/pricing/ and its price list (usage types Global-WebACLV2 and Global-RequestV2-Tier1). Product
codes of Kiro, Nova Act, DevOps Agent and Quick:
https://github.com/aws-solutions-library-samples/cloud-intelligence-dashboards-framework
(dashboards/cudos/CUDOS-v5-definition.yaml). A combination of key columns can have several rows per day; always sum
these rows.
"""
reads = ["folded_charges"]
*/
WITH metered_charges AS (
    SELECT
        *,
        coalesce(
            regexp_extract(SkuMeter, '^(?:[A-Z]{3}[0-9]{1,2}|EU)-(.*)$', 1), -- USE1-, APS3-, and EU- of older services
            SkuMeter
        ) AS meter,
        regexp_extract(
            SkuMeter,
            '[:-]((ml\.)?[a-z][a-z0-9-]*\.(nano|micro|small|medium|metal[a-z0-9-]*|[0-9]*x?large))(\.search)?$',
            1
        ) AS instance_type                                                   -- BoxUsage:p4d.24xlarge, Host:ml.m5.xlarge
    FROM folded_charges
),
classified_charges AS (
    SELECT
        *,
        coalesce(
            regexp_like(instance_type, '^(ml\.)?(p[2-9]|g[3-9]|inf[0-9]|trn[0-9]|dl[0-9])[a-z0-9-]*\.'),
            false
        ) AS is_gpu,                                                             -- g4dn, p6-b200, inf2, trn1 …
        coalesce(
            ServiceName IN ('Amazon CloudFront', 'AWS Global Accelerator')       -- including CloudFront Functions and key-value stores
                OR x_ServiceCode IN ('AmazonCloudFront', 'AWSGlobalAccelerator')
                OR SkuMeter LIKE '%Lambda-Edge-%'                                -- Lambda@Edge, billed by CloudFront or Lambda
                OR SkuMeter LIKE '%CloudFrontFunctions%'
                OR SkuMeter LIKE '%-ABytes' OR SkuMeter LIKE '%-aBytes'          -- S3 Transfer Acceleration
                OR (                                                             -- for CloudFront; regional ones start with USE1-…
                    (ServiceName IN ('AWS WAF', 'AWS Shield') OR x_ServiceCode IN ('awswaf', 'AWSShield'))
                    AND (SkuMeter LIKE 'Global-%' OR SkuMeter LIKE 'Shield-%')
                ),
            false
        ) AS is_edge,
        CASE
            WHEN NOT coalesce(                                                   -- the test for AWS, as in the other tables
                lower(trim(ProviderName)) LIKE 'aws%' OR lower(trim(ProviderName)) LIKE 'amazon%' OR trim(ProviderName) = '',
                true
            ) THEN CASE
                WHEN coalesce(ServiceCategory, '') <> 'AI and Machine Learning'  -- a category of FOCUS
                    AND NOT regexp_like(lower(ProviderName), '^(openai|anthropic|mistral|cohere|perplexity|deepseek|cursor)')
                    AND NOT regexp_like(lower(coalesce(ServiceName, '')), 'openai|vertex ai|gemini|anthropic|copilot') THEN NULL
                WHEN regexp_like(
                    lower(coalesce(SkuMeter, '') || ' ' || coalesce(ConsumedUnit, '') || ' ' || coalesce(PricingUnit, '')),
                    'token|request|prompt|message|gpt|gemini|claude|llama|mistral'
                ) THEN 'model_api'
                ELSE 'ai_service'
            END
            WHEN ServiceName LIKE '%AgentCore%' OR x_ServiceCode = 'AmazonBedrockAgentCore' THEN 'agentcore'
            WHEN ServiceName LIKE '%Bedrock%'                                    -- three service names, and '… (Amazon Bedrock Edition)'
                OR x_ServiceCode LIKE 'AmazonBedrock%'
                OR x_Operation IN ('InvokeModelInference', 'InvokeModelStreamingInference')
                OR SkuMeter LIKE '%-MP:%oken%'                                   -- a Marketplace model with an empty service code
                OR SkuMeter LIKE '%-MP:%ProvisionedThroughput%' THEN 'bedrock'
            WHEN SkuMeter LIKE '%SearchOCU' OR SkuMeter LIKE '%IndexingOCU'
                OR (SkuMeter LIKE '%StorageUsedInS3ByteHour' AND x_ServiceCode = 'AmazonES') THEN 'opensearch_serverless'
            WHEN ServiceName LIKE 'Amazon SageMaker%' OR x_ServiceCode = 'AmazonSageMaker' THEN 'sagemaker'
            WHEN ServiceName = 'Amazon Kendra' OR x_ServiceCode = 'AmazonKendra' THEN 'kendra'
            WHEN ServiceName IN ('Amazon Q', 'Amazon Q Business', 'Amazon Q Developer') OR x_ServiceCode = 'AmazonQ' THEN 'q'
            WHEN ServiceName = 'Kiro' OR x_ServiceCode = 'Kiro' THEN 'kiro'
            WHEN ServiceName IN ('Amazon Nova Act', 'Nova Act') OR x_ServiceCode = 'NovaAct' THEN 'nova_act'
            WHEN ServiceName = 'AWS DevOps Agent' OR x_ServiceCode = 'DevOpsAgent' THEN 'devops_agent'
            WHEN x_ServiceCode = 'AmazonQuickSuite'                              -- not QuickSight: dashboards are no AI
                OR (
                    ServiceName IN ('Amazon Quick', 'Amazon Quick Suite')
                    AND x_ServiceCode IS DISTINCT FROM 'AmazonQuickSight'
                ) THEN 'quick'
            WHEN regexp_like(instance_type, '^(ml\.)?(p[2-9]|g[3-9]|inf[0-9]|trn[0-9]|dl[0-9])[a-z0-9-]*\.') THEN 'gpu'
        END AS ai_family
    FROM metered_charges
)
SELECT
    *,
    CASE WHEN meter = 'DataTransfer-Out-Bytes' AND NOT is_edge THEN
        coalesce(ConsumedQuantity, 0) / CASE lower(ConsumedUnit) WHEN 'bytes' THEN 1073741824E0 ELSE 1E0 END
    END AS internet_gb
FROM classified_charges
