/*
title     = "Extended support charges"
category  = "waste"
schedule  = "daily"
why       = """
When a version of a database engine, OpenSearch or Kubernetes reaches the end of standard support, AWS moves every
resource that runs this version to extended support. The extended support charge can exceed the cost of the resource
itself. The resource itself does not change, so the charge is often noticed only on the bill. The extended support
charge ends on the day of the upgrade to a supported version.
"""
reason    = "{kind} {resource_id} runs {versions} in extended support ({support_year}). Extended support adds {monthly_cost} {currency}/month to the normal cost of the resource. {next_step}"
action    = """
1. Find the versions to which {kind} {resource_id} can be upgraded: {versions_command}
2. Test the upgrade on a copy of the resource, together with the applications that use it. The extended support charge ends on the day of the upgrade.
3. Upgrade in a maintenance window: {upgrade_command}
"""
blind_spots = [
  "The bill does not show when extended support starts or when its third year starts; both dates depend on the version.",
  "A resource is not reported before its version reaches the end of standard support, because the bill contains extended support charges only after that date.",
  "AWS does not document whether extended support charges have a ResourceId in FOCUS exports. Charges without a ResourceId are grouped into one finding per account, Region and service.",
  "For ElastiCache, the usage type of extended support contains the node type but not the version, so the finding does not state the version.",
  "For OpenSearch and EKS, the usage type of extended support contains neither the engine nor the version, so the finding states neither.",
]
sources   = [
  "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support-charges.html",
  "https://vantage.sh/blog/amazon-rds-extended-support",
  "https://github.com/aws-samples/rds-extended-support-cost-estimator",
  "https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html",
  "https://aws.amazon.com/elasticache/pricing/",
  "https://aws.amazon.com/opensearch-service/pricing/",
]
[parameters]
lookback_days = 7
latest_days = 3            # the charge must be on the bill for at least one of the last 3 complete days, because a database may be stopped on weekends
least_monthly_cost_usd = 1.0
[needs]
charges = "regexp_like(meter, '(?i)extended-?support')"
history_days = 1
*/
WITH support_charges AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ServiceName AS service_name,
        charges.ResourceId AS resource_id,
        charges.Tags AS tags,
        charges.charge_date,
        charges.meter,
        charges.EffectiveCost AS effective_cost,
        days.settled_recency,
        days.last_settled_day,
        CASE
            WHEN charges.meter LIKE 'AmazonEKS-Hours:%' THEN 'EKS cluster'
            WHEN charges.meter LIKE '%NodeUsage:cache.%' THEN 'ElastiCache cluster'
            WHEN charges.meter LIKE 'OpenSearch%' THEN 'OpenSearch domain'
            WHEN regexp_like(charges.meter, '(MySQL|PostgreSQL|MariaDB)[0-9.]*$') THEN 'RDS database'
            ELSE 'Resource'
        END AS kind,
        CASE                                               -- ExtendedSupport:Yr1-Yr2:MySQL8.0, ExtendedSupportYr3-NodeUsage:cache.r6g.large
            WHEN regexp_like(charges.meter, 'Yr1[-_]Yr2') THEN 'years 1 and 2'
            WHEN charges.meter LIKE '%Yr3%' THEN 'year 3'
            ELSE 'one price for all years'
        END AS support_year,
        CASE
            WHEN charges.meter LIKE 'AmazonEKS-Hours:%' THEN 'a Kubernetes version'
            WHEN charges.meter LIKE '%NodeUsage:cache.%'
                THEN 'Redis OSS on ' || regexp_extract(charges.meter, 'NodeUsage:(.+)$', 1)
            WHEN charges.meter LIKE 'OpenSearch%' THEN 'an OpenSearch or Elasticsearch version'
            ELSE coalesce(
                CASE WHEN charges.meter LIKE '%:Aurora%' THEN 'Aurora ' ELSE '' END
                    || regexp_extract(charges.meter, '(MySQL|PostgreSQL|MariaDB)[0-9.]*$', 1)
                    || coalesce(' ' || regexp_extract(charges.meter, '([0-9.]+)$', 1), ''),
                charges.meter
            )
        END AS version
    FROM usage_days AS charges
    INNER JOIN completeness AS days
        ON charges.SubAccountId IS NOT DISTINCT FROM days.sub_account_id
        AND charges.charge_date = days.charge_date
        AND days.settled_recency <= $lookback_days
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND regexp_like(charges.SkuMeter, '(?i)extended-?support')
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
),
supported AS (
    SELECT
        sub_account_id,
        region_id,
        service_name,
        resource_id,
        max(kind) AS kind,
        max_by(tags, charge_date) FILTER (WHERE cardinality(tags) > 0) AS tags,
        array_agg(DISTINCT version ORDER BY version) AS versions,
        array_join(array_agg(DISTINCT support_year ORDER BY support_year), ', ') AS support_year,
        min(charge_date) AS charged_since,
        max(last_settled_day) AS last_day,
        min(settled_recency) AS latest,
        sum(effective_cost) AS effective_cost
    FROM support_charges
    WHERE effective_cost <> 0                              -- announced at a price of 0, or covered
    GROUP BY 1, 2, 3, 4
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    effective_cost / CAST(date_diff('day', charged_since, last_day) + 1 AS double) * 30 AS monthly_cost,
    service_name,
    tags,
    kind,
    versions,
    support_year,
    CASE
        WHEN kind = 'EKS cluster'
            THEN 'The price of extended support does not rise for EKS; AWS upgrades the cluster 12 months after the end of standard support.'
        WHEN kind = 'OpenSearch domain' THEN 'The price of extended support per normalized instance hour is the same in all years for OpenSearch.'
        WHEN support_year = 'year 3' THEN 'Year 3 has the highest price; AWS ends extended support after year 3.'
        WHEN support_year = 'one price for all years' THEN 'Check the pricing page of the service for the price in later years.'
        WHEN array_join(versions, ',') LIKE 'Aurora MySQL%' THEN 'Aurora MySQL has no higher price in year 3.'
        WHEN support_year = 'years 1 and 2' THEN 'The price of extended support doubles in year 3.'
        ELSE 'For the versions in years 1 and 2, the price of extended support doubles in year 3.'
    END AS next_step,
    charged_since,
    last_day,
    coalesce(regexp_extract(resource_id, '(?:db|cluster|domain|replicationgroup)[:/](.+)$', 1), 'NAME') AS resource_name,
    CASE kind                                              -- templates that are filled in as the action is
        WHEN 'EKS cluster' THEN 'aws eks describe-cluster-versions --region {region_id}'
        WHEN 'ElastiCache cluster' THEN 'aws elasticache describe-cache-engine-versions --region {region_id}'
        WHEN 'OpenSearch domain' THEN 'aws opensearch get-compatible-versions --domain-name {resource_name} --region {region_id}'
        WHEN 'RDS database' THEN 'aws rds describe-db-major-engine-versions --region {region_id}'
        ELSE 'see the documentation of {service_name}'
    END AS versions_command,
    CASE
        WHEN kind = 'EKS cluster'
            THEN 'aws eks update-cluster-version --name {resource_name} --kubernetes-version VERSION --region {region_id}'
        WHEN kind = 'ElastiCache cluster'
            THEN 'aws elasticache modify-replication-group --replication-group-id GROUP --engine ENGINE --engine-version VERSION --apply-immediately --region {region_id}'
        WHEN kind = 'OpenSearch domain'
            THEN 'aws opensearch upgrade-domain --domain-name {resource_name} --target-version VERSION --region {region_id}'
        WHEN kind = 'RDS database' AND resource_id LIKE '%:cluster:%'
            THEN 'aws rds modify-db-cluster --db-cluster-identifier {resource_name} --engine-version VERSION --allow-major-version-upgrade --region {region_id}'
        WHEN kind = 'RDS database'
            THEN 'aws rds modify-db-instance --db-instance-identifier {resource_name} --engine-version VERSION --allow-major-version-upgrade --region {region_id}'
        ELSE 'upgrade {resource_id} to a version in standard support'
    END AS upgrade_command
FROM supported
WHERE latest <= $latest_days
    AND round(effective_cost / CAST(date_diff('day', charged_since, last_day) + 1 AS double) * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, resource_id, service_name
