/*
title     = "Internet egress spike"
category  = "security"
schedule  = "every_refresh"
security_types = ["Unusual Behaviors/Network Flow", "Effects/Data Exfiltration"]
notify    = "every_run"
why       = """
Data exfiltration appears on the bill as charges for the usage type DataTransfer-Out-Bytes, which is billed per GB. If
internet egress is far above the expected level for the weekday but compute cost is not, possible causes are a copied
bucket, a database dump, or a proxy that a third party runs in the account.
"""
reason    = "Account {sub_account_name} sent {transfer_gb} GB to the internet on {peak_day}, compared with an expected {expected_gb} GB on that weekday. The account's compute cost was only {compute_ratio} times the expected level, so a higher compute load does not explain the egress."
action    = """
1. Review the main sources of the traffic: {main_sources}. Ask the account owner whether a migration, a backup or a new customer explains the traffic on {peak_day}.
2. Identify the requester or the destination of the traffic: for S3, use CloudTrail data events or server access logs; for EC2, query VPC Flow Logs (to list the flow logs and their destinations: aws ec2 describe-flow-logs --region REGION).
3. If the transfer was not authorized, revoke the requester's credentials, block the destination, and have the security team assess which data was read.
"""
blind_spots = [
  "This detection does not evaluate traffic through CloudFront, AWS PrivateLink or Direct Connect, or traffic between Regions or accounts.",
  "An account with less than three weeks of history is not evaluated. If the bill already covers at least 14 days when such an account is added, the detection new_service reports each new service in the account that sends 100 GB or more to the internet. Until the account has three weeks of history, internet egress of services that are already in use is not reported.",
  "Exfiltration that raises internet egress by less than 100 GB/day is not detected.",
  "A large transfer that occurs once a month is reported every month.",
]
sources   = [
  "https://docs.aws.amazon.com/cur/latest/userguide/cur-data-transfers-charges.html",
  "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html",
  "https://attack.mitre.org/techniques/T1537/",
]
[explain]
charges = "transfer"
excess = "above_previous_weeks"
[parameters]
least_weekdays = 3
least_ratio = 4.0
least_excess_gb = 100.0
least_cost_usd = 1.0
least_compute_share = 0.1
[needs]
charges = "internet_gb > 0"
history_days = 21
*/
WITH account_days AS (                                              -- referenced once: Trino reads a table at every reference
    SELECT
        SubAccountId AS sub_account_id,
        charge_date,
        sum(internet_gb) AS gb,
        sum(CASE WHEN internet_gb IS NOT NULL THEN EffectiveCost END) AS effective_cost,
        sum(CASE WHEN is_compute AND SkuMeter NOT LIKE '%Lambda-GB-Second%' THEN EffectiveCost END) AS machine_cost,
        sum(CASE WHEN is_compute AND SkuMeter NOT LIKE '%Lambda-GB-Second%' AND NOT is_learning THEN EffectiveCost END)
            AS instance_cost,                                       -- without SageMaker instances
        sum(CASE WHEN is_compute AND SkuMeter LIKE '%Lambda-GB-Second%' THEN EffectiveCost END) AS function_cost
    FROM (
        SELECT
            *,
            SkuMeter LIKE '%:ml.%' OR SkuMeter LIKE '%-ml.%' AS is_learning,
            SkuMeter NOT LIKE '%DataTransfer-Out-Bytes' AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused' AS is_compute
        FROM usage_days
        WHERE charge_date >= CAST($first_new_day - INTERVAL '56' DAY AS date)
            AND charge_date < $as_of
            AND (
                SkuMeter LIKE '%DataTransfer-Out-Bytes'
                OR SkuMeter LIKE '%BoxUsage:%' OR SkuMeter LIKE '%SpotUsage:%'
                OR SkuMeter LIKE '%:ml.%' OR SkuMeter LIKE '%-ml.%'
                OR SkuMeter LIKE '%Fargate-%' OR SkuMeter LIKE '%Lambda-GB-Second%'
            )
            AND NOT is_edge                                         -- traffic of viewers; CloudFront's EU- prefix looks like a region's
            AND ChargeCategory = 'Usage'
            AND ChargeClass IS DISTINCT FROM 'Correction'
    ) AS transfers_and_compute
    GROUP BY 1, 2
),
samples AS (                                                        -- each day, and the same weekday of the eight weeks before
    SELECT
        completeness.sub_account_id,
        CAST(completeness.charge_date + INTERVAL '7' DAY * weeks.weeks_before AS date) AS charge_date,
        weeks.weeks_before > 0 AS is_before,
        coalesce(account_days.gb, 0) AS gb,                         -- a delivered day without transfer counts as 0
        account_days.effective_cost,
        coalesce(account_days.machine_cost, 0) AS machine_cost,
        coalesce(account_days.instance_cost, 0) AS instance_cost,
        coalesce(account_days.function_cost, 0) AS function_cost
    FROM completeness
    CROSS JOIN (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8)) AS weeks (weeks_before)
    LEFT JOIN account_days
        ON completeness.charge_date = account_days.charge_date
        AND completeness.sub_account_id IS NOT DISTINCT FROM account_days.sub_account_id
    WHERE completeness.charge_date >= CAST($first_new_day - INTERVAL '56' DAY AS date)
        AND CAST(completeness.charge_date + INTERVAL '7' DAY * weeks.weeks_before AS date) >= $first_new_day
        AND CAST(completeness.charge_date + INTERVAL '7' DAY * weeks.weeks_before AS date) < $as_of
),
ranked_samples AS (
    SELECT
        *,
        max(CASE WHEN NOT is_before THEN gb END) OVER (PARTITION BY sub_account_id, charge_date) AS own_gb,
        row_number() OVER (PARTITION BY sub_account_id, charge_date, is_before ORDER BY gb) AS place,
        row_number() OVER (PARTITION BY sub_account_id, charge_date, is_before ORDER BY machine_cost) AS machine_place,
        row_number() OVER (PARTITION BY sub_account_id, charge_date, is_before ORDER BY instance_cost) AS instance_place,
        row_number() OVER (PARTITION BY sub_account_id, charge_date, is_before ORDER BY function_cost) AS function_place,
        count(*) OVER (PARTITION BY sub_account_id, charge_date, is_before) AS weekdays
    FROM samples
),
large_days AS (
    SELECT
        sub_account_id,
        charge_date,
        max(own_gb) AS gb,
        max(CASE WHEN NOT is_before THEN effective_cost END) AS effective_cost,
        max(CASE WHEN NOT is_before THEN machine_cost END) AS machine_cost,
        max(CASE WHEN NOT is_before THEN instance_cost END) AS instance_cost,
        max(CASE WHEN NOT is_before THEN function_cost END) AS function_cost,
        avg(CASE WHEN is_before AND place * 2 BETWEEN weekdays AND weekdays + 2 THEN gb END)
            AS expected_gb,                                         -- the median: the mean of the middle one or two
        avg(CASE WHEN is_before AND machine_place * 2 BETWEEN weekdays AND weekdays + 2 THEN machine_cost END)
            AS expected_machine_cost,                               -- medians, so that one busy week does not hide the next
        avg(CASE WHEN is_before AND instance_place * 2 BETWEEN weekdays AND weekdays + 2 THEN instance_cost END)
            AS expected_instance_cost,
        avg(CASE WHEN is_before AND function_place * 2 BETWEEN weekdays AND weekdays + 2 THEN function_cost END)
            AS expected_function_cost
    FROM ranked_samples
    WHERE own_gb >= $least_excess_gb                                -- a smaller day cannot be a spike and needs no baseline
    GROUP BY 1, 2
    HAVING max(CASE WHEN is_before THEN weekdays END) >= $least_weekdays
),
compared_days AS (
    SELECT
        *,
        gb / CASE WHEN expected_gb > 1 THEN expected_gb ELSE 1E0 END AS transfer_ratio,
        1 + greatest(                                               -- instances or functions, whichever grew more;
            greatest(
                (machine_cost - expected_machine_cost) / greatest(expected_machine_cost, least_compute),
                (instance_cost - expected_instance_cost) / greatest(expected_instance_cost, least_compute)
            ),                                                      -- EC2 instances also count without SageMaker
            (function_cost - expected_function_cost) / greatest(expected_function_cost, least_compute)
        ) AS compute_ratio
    FROM (
        SELECT
            *,
            $least_cost_usd + $least_compute_share * (expected_machine_cost + expected_function_cost)
                AS least_compute                                    -- a first small instance is not significant growth
        FROM large_days
    ) AS days_with_floor
    WHERE gb >= $least_ratio * expected_gb
        AND gb - expected_gb >= $least_excess_gb
),
spike_days AS (
    SELECT
        *,
        row_number() OVER (PARTITION BY sub_account_id ORDER BY gb - expected_gb DESC, charge_date) AS place,
        sum(effective_cost) OVER (PARTITION BY sub_account_id) AS spike_cost,   -- here and not in a CTE of its own:
        count(*) OVER (PARTITION BY sub_account_id) AS spike_days,              -- each mention is planned again, and
        min(charge_date) OVER (PARTITION BY sub_account_id) AS first_day,       -- Trino allows a statement 150 stages
        max(charge_date) OVER (PARTITION BY sub_account_id) AS last_day,
        sum(gb) OVER (PARTITION BY sub_account_id) AS spike_gb
    FROM compared_days
    WHERE compute_ratio - 1 < (transfer_ratio - 1) / 2              -- more compute explains more transfer
),
spike_sources AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        coalesce(charges.ServiceName, 'no service') || coalesce(' ' || charges.ResourceId, '')
            || coalesce(' in ' || charges.RegionId, '') AS source,
        row_number() OVER (
            PARTITION BY charges.SubAccountId
            ORDER BY sum(charges.internet_gb) DESC, charges.ServiceName, charges.ResourceId, charges.RegionId
        ) AS place
    FROM usage_days AS charges
    INNER JOIN spike_days
        ON charges.charge_date = spike_days.charge_date
        AND charges.SubAccountId IS NOT DISTINCT FROM spike_days.sub_account_id
    WHERE charges.charge_date >= $first_new_day
        AND charges.SkuMeter LIKE '%DataTransfer-Out-Bytes'
        AND charges.internet_gb IS NOT NULL
        AND charges.ChargeCategory = 'Usage'
    GROUP BY charges.SubAccountId, charges.ServiceName, charges.ResourceId, charges.RegionId
),
top_sources AS (
    SELECT sub_account_id, array_agg(source ORDER BY place) AS main_sources
    FROM spike_sources
    WHERE place <= 3
    GROUP BY 1
)
SELECT
    peaks.sub_account_id,
    CAST(NULL AS varchar) AS region_id,
    CAST(NULL AS varchar) AS resource_id,
    peaks.spike_cost AS monthly_cost,
    peaks.charge_date AS peak_day,
    peaks.gb AS transfer_gb,
    peaks.expected_gb,
    peaks.transfer_ratio,
    peaks.compute_ratio,
    peaks.spike_days,
    peaks.first_day,
    peaks.last_day,
    peaks.spike_gb,
    top_sources.main_sources
FROM spike_days AS peaks
INNER JOIN top_sources ON peaks.sub_account_id IS NOT DISTINCT FROM top_sources.sub_account_id
WHERE peaks.place = 1
ORDER BY monthly_cost DESC, peaks.sub_account_id
