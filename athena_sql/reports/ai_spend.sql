/*
title = "AI spend by service, last 30 days"
basis = "EffectiveCost of AI services and user subscriptions: usage, excluding fees, credits and tax"
why   = """
The report covers the last 30 complete days (days whose charges no longer change). The report has one row for each
service name under which AI usage is billed. `seen_by_bedrock_filter` is the cost that Cost Explorer shows if you filter
by Amazon Bedrock. All other AI costs are billed under other service names, such as OpenSearch, Marketplace, SageMaker,
Lambda, S3, EBS and CloudWatch Logs. If focuswatch has data about links between resources (option --links, or the
collector of a deployment), the report includes the resources that a knowledge base, agent or gateway uses. For these
resources, `linked_from` is the knowledge base, agent or gateway.
"""
[parameters]
days = 75                      # the 30 complete days, and the incomplete days after them
[needs]
charges = "ai_family IS NOT NULL"
[offers]
cost = ["effective", "billed"]
charges = ["usage"]
more = ["fees", "credits", "tax"]
*/
SELECT
    ServiceName AS service_name,
    layer,
    counted_as,
    linked_from,
    count(DISTINCT SubAccountId) AS sub_accounts,
    sum(EffectiveCost) AS effective_cost,
    sum(CASE WHEN bedrock_filter THEN EffectiveCost ELSE 0 END) AS seen_by_bedrock_filter,
    sum(EffectiveCost) / nullif(sum(sum(EffectiveCost)) OVER (), 0) AS share
FROM ai_layer_charges
CROSS JOIN complete_30_days
WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
    AND charge_date >= complete_30_days.first_day
    AND charge_date < complete_30_days.end_day
GROUP BY 1, 2, 3, 4
HAVING round(abs(sum(EffectiveCost)), 6) > 0
ORDER BY effective_cost DESC, service_name, layer, counted_as, linked_from
