/*
title = "Charges by day, account, service and tags, and by resource where owners.toml names resources"
why   = """
The owner and use case of a charge follow from its tags and account, or from its resource where owners.toml names resources of that
account and service. For other accounts and services, ResourceId is null, so that charges are read as totals and not by resource.
A combination of key columns can have several rows per day; always sum them.
"""
reads = ["daily_charges", "tagged_days", "plan_rules"]
[parameters]
names_resources = true         # false where owners.toml is known to name none: the bill is then not read for them
*/
WITH named_services AS (
    SELECT DISTINCT coalesce(resources.SubAccountId, '') || ' ' || resources.ServiceName AS account_service
    FROM (
        SELECT DISTINCT SubAccountId, ServiceName, ResourceId
        FROM daily_charges
        WHERE $names_resources AND ResourceId IS NOT NULL AND ServiceName IS NOT NULL
    ) AS resources
    INNER JOIN plan_rules AS rules
        ON rules.rule = 'resource' AND starts_with(resources.ResourceId, rules.value)
)
SELECT
    charge_date,
    SubAccountId,
    ServiceName,
    CAST(NULL AS varchar) AS ResourceId,
    ChargeCategory,
    ChargeFrequency,
    Tags,
    EffectiveCost,
    BilledCost
FROM tagged_days
WHERE coalesce(SubAccountId, '') || ' ' || coalesce(ServiceName, '') NOT IN (SELECT account_service FROM named_services)
UNION ALL
SELECT
    charge_date,
    SubAccountId,
    ServiceName,
    ResourceId,
    ChargeCategory,
    ChargeFrequency,
    Tags,
    EffectiveCost,
    BilledCost
FROM daily_charges
WHERE $names_resources
    AND coalesce(SubAccountId, '') || ' ' || ServiceName IN (SELECT account_service FROM named_services)
