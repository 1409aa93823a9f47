/*
title     = "Orphaned EBS volume"
category  = "waste"
schedule  = "daily"
why       = """
When an EC2 instance is terminated, its EBS data volumes can remain in the account. When an EC2 instance is stopped, its
EBS volumes remain attached and are still billed. AWS bills an EBS volume per GB-month, even if no running instance uses
the volume. Training and GPU workloads often use large volumes. For example, 1 TB of gp3 costs 80 USD/month, and 1 TB of
io2 with provisioned IOPS costs several hundred USD/month.
"""
reason    = "Account {sub_account_name} was billed for EBS volume {volume_id} ({size_gb} GB) in {region_id} on each of the last {lookback_days} complete days, but ran no EC2 or SageMaker instances in that Region. The volume costs {monthly_cost} {currency}/month."
action    = """
1. Check whether the volume is attached to a stopped instance: aws ec2 describe-volumes --volume-ids {volume_id} --region {region_id}
2. If you need the data but not the volume, create a snapshot (0.05 USD per GB-month of stored data in us-east-1, compared with 0.08 USD per GB-month for a gp3 volume): aws ec2 create-snapshot --volume-id {volume_id} --region {region_id}
3. If the volume is not needed, delete it: aws ec2 delete-volume --volume-id {volume_id} --region {region_id}
"""
blind_spots = [
  "If the account runs any EC2 or SageMaker instance in a Region, orphaned volumes in that Region are not detected, because the bill does not show which volumes are attached.",
  "If an instance is stopped for most of the year, for example between audits, its volumes are reported as orphaned.",
]
sources   = [
  "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/preserving-volumes-on-termination.html",
  "https://docs.aws.amazon.com/ebs/latest/userguide/ebs-deleting-volume.html",
  "https://aws.amazon.com/ebs/pricing/",
]
[parameters]
lookback_days = 14
least_monthly_cost_usd = 1.0
[needs]
charges = "meter LIKE 'EBS:VolumeUsage%'"
columns = ["ResourceId"]
history_days = 14
*/
WITH computing_regions AS (
    SELECT
        coalesce(SubAccountId, '') AS account_key,
        coalesce(RegionId, '') AS region_key,
        max(charge_date) AS last_compute_date
    FROM usage_days                                       -- it has no volumes of a Region on days when instances ran there
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charge_date < $as_of                           -- unsettled days too: an instance that runs again clears the volume
        AND (
            SkuMeter LIKE '%BoxUsage%'                     -- On-Demand, reserved, and on dedicated hosts (HostBoxUsage)
            OR SkuMeter LIKE '%SpotUsage%'
            OR SkuMeter LIKE '%DedicatedUsage%'
            OR SkuMeter LIKE '%HostUsage%'
            OR (SkuMeter LIKE '%HeavyUsage:%' AND SkuMeter NOT LIKE '%:db.%' AND SkuMeter NOT LIKE '%:cache.%')  -- of EC2
            OR SkuMeter LIKE '%:ml.%'                      -- SageMaker: Host, Train, TrSpt, Notebk, Cluster …
            OR SkuMeter LIKE '%-ml.%'                      -- Studio:JupyterLab-ml.…
        )
        AND ChargeCategory = 'Usage'
        AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'  -- a reservation without an instance
        AND is_consumed
    GROUP BY 1, 2
),
computing_accounts AS (
    SELECT
        account_key,
        max(last_compute_date) AS last_compute_date,
        max(CASE WHEN region_key = '' THEN last_compute_date END) AS last_compute_date_anywhere
    FROM computing_regions
    GROUP BY account_key
),
volumes AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ResourceId AS resource_id,
        lookbacks.charge_date AS first_day,
        lookbacks.last_settled_day AS last_day,
        max(charges.ServiceName) AS service_name,
        max_by(charges.Tags, charges.charge_date) FILTER (WHERE cardinality(charges.Tags) > 0) AS tags,
        sum(CASE WHEN charges.SkuMeter LIKE '%EBS:VolumeUsage%' THEN charges.ConsumedQuantity END) AS gb_months,
        sum(charges.EffectiveCost) AS effective_cost
    FROM usage_days AS charges
    INNER JOIN completeness AS lookbacks                   -- keys without nulls, so that every engine can hash them
        ON coalesce(charges.SubAccountId, '') = coalesce(lookbacks.sub_account_id, '')
        AND lookbacks.settled_recency = $lookback_days  -- a younger account has no such day
        AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    LEFT JOIN computing_regions
        ON coalesce(charges.SubAccountId, '') = computing_regions.account_key
        AND coalesce(charges.RegionId, '') = computing_regions.region_key
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.SkuMeter LIKE '%EBS:Volume%'           -- with provisioned IOPS and throughput; not EBS:SnapshotUsage
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND coalesce(computing_regions.last_compute_date < lookbacks.charge_date, true)
    GROUP BY 1, 2, 3, 4, 5
    HAVING count(DISTINCT CASE
        WHEN charges.SkuMeter LIKE '%EBS:VolumeUsage%' AND charges.is_consumed THEN charges.charge_date
    END) = $lookback_days
)
SELECT
    volumes.sub_account_id,
    volumes.region_id,
    volumes.resource_id,
    volumes.effective_cost / $lookback_days * 30 AS monthly_cost,
    volumes.service_name,
    volumes.tags,
    regexp_extract(volumes.resource_id, 'vol-[0-9a-zA-Z]+$') AS volume_id,
    volumes.gb_months / $lookback_days * 30 AS size_gb,
    $lookback_days AS lookback_days,
    volumes.first_day,
    volumes.last_day
FROM volumes
LEFT JOIN computing_accounts ON coalesce(volumes.sub_account_id, '') = computing_accounts.account_key
WHERE coalesce(                                            -- an instance or a volume in an unknown region may belong together
    CASE
        WHEN volumes.region_id IS NULL THEN computing_accounts.last_compute_date
        ELSE computing_accounts.last_compute_date_anywhere
    END < volumes.first_day,
    true
)
    AND round(volumes.effective_cost / $lookback_days * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, volumes.sub_account_id, volumes.region_id, volumes.resource_id
