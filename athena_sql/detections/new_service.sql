/*
title     = "First charge for a new service"
category  = "security"
providers = "all"
names     = "place"
schedule  = "every_refresh"
security_types = ["Unusual Behaviors/Application"]
notify    = "once"
why       = """
Attackers often use services that the account has not used before, such as Bedrock to resell model access, Lightsail or
ECS to mine cryptocurrency, and SES to send spam. Each new service in an account is reported once. Amazon Bedrock has
several service names on the bill, which count as one service. The old and the new name of a renamed service also count
as one service. If the first charge of a service is below `notable_cost_usd` (1 USD by default), the finding has low
severity and is summarized in one line. For GPUs, Bedrock, data transfer, and services that attackers commonly use, the
severity is high even if the first charge is small. If the cost of a new service exceeds `notable_cost_usd` within a
week, the severity of the finding becomes high.
"""
reason    = "Account {sub_account_name} was first billed for {service_name} on {first_day}, in {regions}. The charges through {last_day} total {monthly_cost} {currency}. Another account already used this service: {used_elsewhere}."
action    = """
1. Ask the account owner whether use of {service_name} was planned.
2. Identify who started using the service in {regions}: aws cloudtrail lookup-events --start-time {first_day} --lookup-attributes AttributeKey=ReadOnly,AttributeValue=false --region REGION
3. If use of the service was not authorized, disable the access keys that created the resources, delete the resources, then deny the service with a service control policy.
"""
action_of_others = """
1. Ask the owner of {sub_account_name} whether use of {service_name} was planned.
2. In the activity log of {provider}, identify who has used the service since {first_day}.
3. If use of the service was not authorized, disable the API keys or user accounts that caused the usage, delete the resources, then deny the service with an organization policy.
"""
blind_spots = [
  "The export does not show usage before its first day, so services with charges in the first 14 days of the bill count as already in use.",
  "If AWS renames a service and this detection does not list the old name, the service is reported as new once for each account.",
  "In the first 14 days of an account, this detection reports only Bedrock, services with GPU usage, data transfer, and services that no other account has used before.",
  "This detection contains a list of services that AWS has renamed, and treats the old and the new name as one service. A FOCUS export can contain either name, because AWS does not document which name the export uses. If the account already used the service under one name, charges under the other name are not reported.",
]
sources   = [
  "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html",
  "https://docs.aws.amazon.com/opensearch-service/latest/developerguide/rename.html",
  "https://docs.aws.amazon.com/firehose/latest/dev/history.html",
  "https://docs.aws.amazon.com/managed-flink/latest/java/api-link.html",
  "https://docs.aws.amazon.com/sagemaker/latest/dg/whatis.html",
  "https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/document_history.html",
  "https://docs.aws.amazon.com/securityhub/1.0/APIReference/Welcome.html",
  "https://docs.aws.amazon.com/quicksight/latest/APIReference/Welcome.html",
  "https://boto3.amazonaws.com/v1/documentation/api/latest/reference/services/appstream.html",
  "https://docs.aws.amazon.com/cli/latest/reference/workspaces-web/",
  "https://sysdig.com/blog/ambersquid/",
]
[explain]
charges = "first"
[parameters]
warm_up_days = 14
least_transfer_gb = 100
notable_cost_usd = 1.0         # total cost from the first charge to the day before the scan
[needs]
history_days = 14
*/
WITH service_renames AS (
    SELECT *
    FROM (
        VALUES
            ('Amazon Elasticsearch Service', 'Amazon OpenSearch Service'),
            ('Amazon Kinesis Firehose', 'Amazon Data Firehose'),
            ('Amazon Kinesis Data Firehose', 'Amazon Data Firehose'),
            ('Amazon Kinesis Analytics', 'Amazon Managed Service for Apache Flink'),
            ('Amazon Kinesis Data Analytics', 'Amazon Managed Service for Apache Flink'),
            ('Amazon SageMaker', 'Amazon SageMaker AI'),
            ('AWS Single Sign-On', 'AWS IAM Identity Center'),
            ('AWS Security Hub', 'AWS Security Hub CSPM'),
            ('Amazon QuickSight', 'Amazon Quick Suite'),
            ('Amazon Quick Sight', 'Amazon Quick Suite'),
            ('Amazon Quick', 'Amazon Quick Suite'),
            ('Amazon AppStream', 'Amazon WorkSpaces Applications'),
            ('Amazon AppStream 2.0', 'Amazon WorkSpaces Applications'),
            ('Amazon WorkSpaces Web', 'Amazon WorkSpaces Secure Browser'),
            ('Amazon EC2 Container Service', 'Amazon Elastic Container Service'),
            ('Amazon EC2 Container Registry (ECR)', 'Amazon Elastic Container Registry'),
            ('Amazon Elastic Container Service for Kubernetes', 'Amazon Elastic Kubernetes Service')
    ) AS renamed (old_name, new_name)
),
abused_services AS (                                                -- used for mining, spam or persistence
    SELECT *
    FROM (
        VALUES
            ('Amazon Elastic Compute Cloud'), ('Amazon Lightsail'), ('Amazon Elastic Container Service'),
            ('Amazon Elastic Kubernetes Service'), ('AWS Batch'), ('AWS CodeBuild'), ('AWS Amplify'), ('AWS Glue'),
            ('Amazon SageMaker AI'), ('Amazon WorkSpaces'), ('Amazon Simple Email Service'),
            ('AWS IAM Identity Center'), ('AWS Directory Service')
    ) AS abused (service)
),
bedrock_names AS (                                                  -- four names, and one for each Marketplace model
    SELECT DISTINCT ServiceName AS service_name
    FROM ai_charges
    WHERE ai_family = 'bedrock' AND ServiceName IS NOT NULL
),
bills AS (
    SELECT sub_account_id, min(bill_began) AS bill_began            -- of its own bill: bills of other providers start on other days
    FROM completeness
    GROUP BY 1
),
first_charges AS (
    SELECT
        SubAccountId AS sub_account_id,
        ServiceName AS service_name,
        min(charge_date) AS first_charge_date
    FROM daily_services
    WHERE charge_date < $as_of
        AND (
            (ChargeCategory = 'Usage' AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused')
            OR (ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NULL)
        )                                                           -- no tax, credit or refund, and no commitment
        AND ChargeClass IS DISTINCT FROM 'Correction'               -- a correction is not usage
        AND NOT (                                                   -- nor is a row of an earlier billing period
            charge_date >= $first_new_day
            AND billing_period < CAST(date_trunc('month', $first_new_day) AS date)
        )
    GROUP BY 1, 2
),
known_charges AS (
    SELECT
        first_charges.*,
        CASE
            WHEN bedrock_names.service_name IS NOT NULL THEN 'Amazon Bedrock'
            ELSE coalesce(service_renames.new_name, first_charges.service_name)
        END AS service,
        first_charges.service_name LIKE 'AWS%Support%'
            OR first_charges.service_name LIKE '%Savings Plans%' AS is_contract
    FROM first_charges
    LEFT JOIN bedrock_names ON first_charges.service_name = bedrock_names.service_name
    LEFT JOIN service_renames ON first_charges.service_name = service_renames.old_name
),
dated_charges AS (
    SELECT
        known_charges.*,
        bills.bill_began,
        min(first_charge_date) OVER (PARTITION BY known_charges.sub_account_id) AS account_began,
        min(first_charge_date) OVER (PARTITION BY service) AS organization_began,
        row_number() OVER (
            PARTITION BY known_charges.sub_account_id, service
            ORDER BY first_charge_date, service_name
        ) AS place
    FROM known_charges
    INNER JOIN bills ON known_charges.sub_account_id IS NOT DISTINCT FROM bills.sub_account_id
),
new_services AS (
    SELECT
        sub_account_id,
        service,
        service_name,
        first_charge_date,
        account_began,
        organization_began < first_charge_date AS used_elsewhere,
        date_diff('day', account_began, first_charge_date) < $warm_up_days
            AND date_diff('day', bill_began, account_began) >= $warm_up_days AS is_warm_up
    FROM dated_charges
    WHERE place = 1                                                 -- the name that the bill shows first
        AND first_charge_date >= $first_new_day
        AND date_diff('day', bill_began, first_charge_date) >= $warm_up_days
        AND service_name <> ''
        AND NOT is_contract
),
service_costs AS (
    SELECT
        new_services.sub_account_id,
        new_services.service,
        max(charges.charge_date) AS last_day,
        sum(CASE
            WHEN charges.ChargeCategory = 'Purchase' AND charges.EffectiveCost = 0 THEN charges.BilledCost
            ELSE charges.EffectiveCost
        END) AS effective_cost,                                     -- a purchase counts with its billed cost
        array_agg(
            DISTINCT CASE WHEN charges.is_edge THEN 'edge locations' ELSE coalesce(charges.RegionId, 'no region') END
            ORDER BY CASE WHEN charges.is_edge THEN 'edge locations' ELSE coalesce(charges.RegionId, 'no region') END
        ) AS regions
    FROM daily_services AS charges
    LEFT JOIN bedrock_names ON charges.ServiceName = bedrock_names.service_name
    LEFT JOIN service_renames ON charges.ServiceName = service_renames.old_name
    INNER JOIN new_services
        ON new_services.service = CASE
            WHEN bedrock_names.service_name IS NOT NULL THEN 'Amazon Bedrock'
            ELSE coalesce(service_renames.new_name, charges.ServiceName)
        END
        AND charges.SubAccountId IS NOT DISTINCT FROM new_services.sub_account_id
    WHERE charges.charge_date >= $first_new_day
        AND charges.charge_date < $as_of
        AND (
            (charges.ChargeCategory = 'Usage' AND charges.CommitmentDiscountStatus IS DISTINCT FROM 'Unused')
            OR (charges.ChargeCategory = 'Purchase' AND charges.CommitmentDiscountId IS NULL)
        )
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
    GROUP BY 1, 2
),
gpu_services AS (
    SELECT DISTINCT SubAccountId AS sub_account_id, ServiceName AS service_name
    FROM ai_charges
    WHERE charge_date >= $first_new_day
        AND charge_date < $as_of
        AND is_gpu
        AND ChargeCategory = 'Usage'
        AND ChargeClass IS DISTINCT FROM 'Correction'
),
sending_services AS (
    SELECT SubAccountId AS sub_account_id, ServiceName AS service_name
    FROM usage_days
    WHERE charge_date >= $first_new_day
        AND charge_date < $as_of
        AND SkuMeter LIKE '%DataTransfer-Out-Bytes'
        AND internet_gb IS NOT NULL
        AND ChargeCategory = 'Usage'
        AND ChargeClass IS DISTINCT FROM 'Correction'
    GROUP BY 1, 2
    HAVING sum(internet_gb) >= $least_transfer_gb              -- every new account sends some data
),
risky_services AS (
    SELECT sub_account_id, service_name FROM gpu_services
    UNION
    SELECT sub_account_id, service_name FROM sending_services
),
evaluated_services AS (
    SELECT
        new_services.*,
        risky_services.service_name IS NOT NULL
            OR new_services.service = 'Amazon Bedrock'
            OR new_services.service LIKE '%AgentCore%'
            OR new_services.service LIKE '%Data Transfer%' AS is_risky
    FROM new_services
    LEFT JOIN risky_services
        ON new_services.service_name = risky_services.service_name
        AND new_services.sub_account_id IS NOT DISTINCT FROM risky_services.sub_account_id
)
SELECT
    evaluated_services.sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    CAST(NULL AS varchar) AS resource_id,
    service_costs.effective_cost AS monthly_cost,
    evaluated_services.service_name,
    NOT evaluated_services.is_risky
        AND abused_services.service IS NULL
        AND round(service_costs.effective_cost, 6) < $notable_cost_usd AS minor,
    evaluated_services.first_charge_date AS first_day,
    service_costs.last_day,
    service_costs.regions,
    evaluated_services.used_elsewhere,
    evaluated_services.account_began
FROM evaluated_services
INNER JOIN service_costs
    ON evaluated_services.service = service_costs.service
    AND evaluated_services.sub_account_id IS NOT DISTINCT FROM service_costs.sub_account_id
LEFT JOIN abused_services ON evaluated_services.service = abused_services.service
WHERE NOT (evaluated_services.is_warm_up AND evaluated_services.used_elsewhere)
    OR evaluated_services.is_risky
ORDER BY monthly_cost DESC, evaluated_services.sub_account_id, evaluated_services.service_name
