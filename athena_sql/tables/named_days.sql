/*
title = "The bill by day, account, service and tags, and by resource where owners.toml names resources"
why   = """
Who owns a charge and what it is for follows from its tags and its account; where owners.toml names resources of an
account's service, from those. Only there are charges read one by one: elsewhere ResourceId is null.
A key may have several rows a day: whoever reads this table sums.
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
