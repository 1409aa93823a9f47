/*
title     = "Idle service with a minimum charge"
category  = "waste"
schedule  = "daily"
why       = """
Kendra and Amazon Q indexes, Neptune Analytics graphs and OpenSearch domains are billed per hour, with or without
requests. An index, graph or domain that remains after a trial of retrieval-augmented generation costs 60 to 1,000
USD/month until someone deletes it.
"""
reason    = "{kind} {resource_id} received {requests} in {lookback_days} days but was billed for {billed_quantity} {billed_unit}. The {kind} costs {monthly_cost} {currency}/month."
action    = """
1. Confirm with the owner that the {kind} is not needed, and check which data sources and ingestion pipelines still write to the {kind}.
2. If the data may be needed later, create an export or a snapshot.
3. If the {kind} is not needed, delete it: {delete_command}
"""
blind_spots = [
  "OpenSearch Dashboards, index state management and alerting send requests to the system indexes of a domain all day. To ignore this system traffic, focuswatch treats a domain as idle if, on every day, the domain receives on average at most one search and one write per minute (parameter `system_rate`). A domain that users rarely search or write to is therefore also reported.",
  "An OpenSearch domain for audit logs may be required even if it receives no searches. Writes to an OpenSearch domain count as usage only if the collected CloudWatch metrics include IndexingRate. A deployment collects this metric automatically.",
  "A stopped Neptune Analytics graph is not reported. AWS bills it under another usage type, at about a tenth of the price of a running graph.",
  "AWS does not document the CloudWatch namespace of Neptune Analytics. focuswatch evaluates a graph only if it finds metrics of the graph in the namespace AWS/Neptune or AWS/Neptune-Graph.",
  "The usage types of Amazon Q Business and Neptune Analytics have not been verified against a real FOCUS export. If the usage types on the bill differ from those that this detection expects, idle indexes and graphs are not reported.",
]
sources   = [
  "https://aws.amazon.com/kendra/pricing/",
  "https://docs.aws.amazon.com/kendra/latest/dg/cloudwatch-metrics.html",
  "https://docs.aws.amazon.com/amazonq/latest/qbusiness-ug/qbusiness-metrics-chat.html",
  "https://aws.amazon.com/neptune/pricing/",
  "https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-cloudwatchmetrics.html",
]
[parameters]
lookback_days = 14
least_monthly_cost_usd = 1.0
system_rate = 1.0          # focuswatch treats up to this many searches and writes per minute (daily means) as system traffic of a domain
[needs]
charges = "regexp_like(SkuMeter, 'ESInstance:|m-NCU') OR ai_family IN ('kendra', 'q')"
columns = ["ResourceId"]
activity = ["AWS/ES", "AWS/Kendra", "AWS/QBusiness", "AWS/Neptune"]
history_days = 14
*/
WITH floor_charges AS (
    SELECT
        charges.*,
        CASE
            WHEN charges.ai_family = 'kendra'
                AND regexp_like(charges.meter, '(?i)^Kendra.*(Edition|GenAI)')  -- not DocumentsScanned, not ConnectorSync
                THEN 'Kendra index'
            WHEN charges.ai_family = 'q' AND charges.meter LIKE '%Index%' THEN 'Amazon Q index'
            WHEN charges.meter LIKE '%m-NCU%' AND charges.meter NOT LIKE '%Stopped%' THEN 'Neptune Analytics graph'
            WHEN charges.meter LIKE 'ESInstance:%' THEN 'OpenSearch domain'
        END AS kind
    FROM usage_days AS charges
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND (
            charges.SkuMeter LIKE '%ESInstance:%'
            OR charges.SkuMeter LIKE '%Kendra%'
            OR charges.SkuMeter LIKE '%Index%'
            OR charges.SkuMeter LIKE '%m-NCU%'
        )
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
),
floors AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ResourceId AS resource_id,
        charges.kind,
        lookbacks.charge_date AS first_day,
        lookbacks.last_settled_day AS last_day,
        max(charges.ServiceName) AS service_name,
        max_by(charges.Tags, charges.charge_date) FILTER (WHERE cardinality(charges.Tags) > 0) AS tags,
        sum(charges.ConsumedQuantity) AS billed_quantity,
        max(charges.ConsumedUnit) AS billed_unit,
        sum(charges.EffectiveCost) AS effective_cost
    FROM floor_charges AS charges
    INNER JOIN completeness AS lookbacks
        ON charges.SubAccountId IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = $lookback_days  -- a younger account has no such day
        AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    WHERE charges.kind IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6
    HAVING count(DISTINCT CASE WHEN charges.is_consumed THEN charges.charge_date END) = $lookback_days
),
requests AS (
    SELECT
        activity.resource_id,
        activity.activity_date,
        activity.value,
        request_metrics.kind,
        activity.metric = 'IndexingRate' AS is_written                  -- it stores logs
    FROM activity
    INNER JOIN (
        VALUES
            ('Kendra index', 'AWS/Kendra', 'IndexQueryCount'),
            ('Amazon Q index', 'AWS/QBusiness', 'ChatMessages'),
            ('Neptune Analytics graph', 'AWS/Neptune', 'NumOpenCypherRequestsPerSec'),
            ('Neptune Analytics graph', 'AWS/Neptune-Graph', 'NumOpenCypherRequestsPerSec'),
            ('OpenSearch domain', 'AWS/ES', 'SearchRate'),
            ('OpenSearch domain', 'AWS/ES', 'IndexingRate')
    ) AS request_metrics (kind, namespace, metric)
        ON activity.namespace = request_metrics.namespace
        AND activity.metric = request_metrics.metric
    WHERE activity.activity_date < $as_of                  -- requests on unsettled days count too
        AND activity.activity_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND activity.value IS NOT NULL
),
evaluated_services AS (
    SELECT
        floors.sub_account_id,
        floors.region_id,
        floors.resource_id,
        floors.kind,
        floors.first_day,
        floors.last_day,
        max(floors.service_name) AS service_name,
        max_by(floors.tags, floors.effective_cost) FILTER (WHERE floors.tags IS NOT NULL) AS tags,
        max(floors.billed_quantity) AS billed_quantity,
        max(floors.billed_unit) AS billed_unit,
        max(floors.effective_cost) AS effective_cost,
        count(DISTINCT CASE
            WHEN NOT requests.is_written AND requests.activity_date <= floors.last_day THEN requests.activity_date
        END) AS evaluated_days,
        coalesce(max(CASE WHEN NOT requests.is_written THEN requests.value END), 0) AS most_requests,
        coalesce(max(CASE WHEN requests.is_written THEN requests.value END), 0) AS most_written,
        CASE WHEN floors.kind = 'OpenSearch domain' THEN $system_rate * 1440 ELSE 0 END AS system_requests  -- per day
    FROM floors
    LEFT JOIN requests                                     -- an ARN contains account and region
        ON floors.resource_id = requests.resource_id
        AND floors.kind = requests.kind
        AND requests.activity_date >= floors.first_day
    GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    effective_cost / $lookback_days * 30 AS monthly_cost,
    service_name,
    tags,
    evaluated_days < $lookback_days AS not_evaluated,
    kind,
    billed_quantity,
    billed_unit,
    CASE
        WHEN most_requests = 0 THEN 'no requests'
        ELSE 'only system traffic'
    END AS requests,
    most_requests AS most_daily_requests,
    $lookback_days AS lookback_days,
    first_day,
    last_day,
    nullif(regexp_extract(resource_id, '(?:index|graph|domain)/(.+)$', 1), '') AS resource_name,
    nullif(regexp_extract(resource_id, 'application/([^/]+)/', 1), '') AS application_id,
    CASE kind                                              -- a template that is filled in as the action is
        WHEN 'Kendra index' THEN 'aws kendra delete-index --id {resource_name} --region {region_id}'
        WHEN 'Amazon Q index'
            THEN 'aws qbusiness delete-index --application-id {application_id} --index-id {resource_name} --region {region_id}'
        WHEN 'Neptune Analytics graph'
            THEN 'aws neptune-graph delete-graph --no-skip-snapshot --graph-identifier {resource_name} --region {region_id}'
        ELSE 'aws opensearch delete-domain --domain-name {resource_name} --region {region_id}'
    END AS delete_command
FROM evaluated_services
WHERE most_requests <= system_requests
    AND most_written <= system_requests
    AND round(effective_cost / $lookback_days * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, resource_id, service_name
