/*
title = "Daily charges by account, service, tags and resource"
why   = """
The tags and the account of a charge determine its team and its use case. owners.toml can also assign individual
resources to a use case. For the accounts and services of these resources, the table contains the charges by resource.
For all other accounts and services, ResourceId is null, and the amounts are totals of all resources. A combination of
key columns can have several rows per day; always sum these rows.
"""
reads = ["daily_charges", "tagged_days", "plan_rules"]
[parameters]
names_resources = true         # false if owners.toml lists no resources, so that the query reads no charges by resource
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
    ProviderName,
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
    ProviderName,
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
