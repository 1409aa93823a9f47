/*
title     = "Far more data leaves to the internet than the account's work explains"
category  = "security"
schedule  = "every_refresh"
told      = "each_time"
why       = """
Data that is carried off is billed as it leaves: DataTransfer-Out-Bytes, by the gigabyte.
A day far above what this account sends on such a weekday, while its compute stays as it was, is what a copy of a bucket,
a database dump or a proxy for somebody else looks like on the bill.
"""
reason    = "{transfer_gb} GB left {sub_account_name} to the internet on {peak_day}; {expected_gb} GB are usual on such a weekday. Compute was {compute_ratio} times its usual."
action    = """
1. What sent it? Above all: {sources_of_it}. Ask the account's owner for a migration, a backup or a new customer on {peak_day}.
2. S3: CloudTrail data events or server access logs of the bucket, by requester; EC2: VPC Flow Logs, by destination: aws ec2 describe-flow-logs --region REGION
3. Nobody knows of it: revoke the requester's credentials, block the destination, and have the security team judge what was read.
"""
blind_spots = [
  "CloudFront's own meters are left out, and so is what leaves through AWS PrivateLink, Direct Connect or to another region or account.",
  "An account needs three weeks of history; in its first two weeks new_service tells 100 GB and more.",
  "Slow exfiltration below 100 GB a day above the usual stays unseen.",
  "A transfer that comes once a month on no fixed weekday is told each time.",
]
sources   = [
  "https://docs.aws.amazon.com/cur/latest/userguide/cur-data-transfers-charges.html",
  "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html",
  "https://attack.mitre.org/techniques/T1537/",
]
[parameters]
least_weekdays = 3
least_ratio = 4.0
least_excess_gb = 100.0
least_cost = 1.0
least_compute_share = 0.1
*/
WITH transfer_days AS (
    SELECT
        SubAccountId AS sub_account_id,
        charge_date,
        sum(ConsumedQuantity / CASE lower(ConsumedUnit) WHEN 'bytes' THEN 1073741824E0 ELSE 1E0 END) AS gb,
        sum(EffectiveCost) AS effective_cost
    FROM daily_charges
    WHERE charge_date >= CAST($news_since - INTERVAL '56' DAY AS date)
        AND charge_date < $as_of
        AND SkuMeter LIKE '%DataTransfer-Out-Bytes'                 -- all that the next line lets through, and cheaper
        AND meter = 'DataTransfer-Out-Bytes'                        -- not US-DataTransfer-Out-Bytes, which is CloudFront's
        AND ServiceName IS DISTINCT FROM 'Amazon CloudFront'        -- whose EU- looks like a region's
        AND x_ServiceCode IS DISTINCT FROM 'AmazonCloudFront'
        AND ChargeCategory = 'Usage'
        AND ChargeClass IS DISTINCT FROM 'Correction'
    GROUP BY 1, 2
),
large_days AS (
    SELECT *
    FROM transfer_days
    WHERE charge_date >= $news_since AND gb >= $least_excess_gb     -- less can be no spike, so it needs no baseline
),
samples AS (
    SELECT
        large_days.sub_account_id,
        large_days.charge_date,
        completeness.charge_date AS sample_date,
        coalesce(earlier_days.gb, 0) AS gb,                         -- a delivered day without transfer is a day of none
        row_number() OVER (
            PARTITION BY large_days.sub_account_id, large_days.charge_date
            ORDER BY coalesce(earlier_days.gb, 0)
        ) AS place,
        count(*) OVER (PARTITION BY large_days.sub_account_id, large_days.charge_date) AS weekdays
    FROM large_days
    CROSS JOIN (VALUES (1), (2), (3), (4), (5), (6), (7), (8)) AS weeks (weeks_before)
    INNER JOIN completeness
        ON completeness.charge_date = CAST(large_days.charge_date - INTERVAL '7' DAY * weeks.weeks_before AS date)
        AND completeness.sub_account_id IS NOT DISTINCT FROM large_days.sub_account_id
    LEFT JOIN transfer_days AS earlier_days
        ON completeness.charge_date = earlier_days.charge_date
        AND completeness.sub_account_id IS NOT DISTINCT FROM earlier_days.sub_account_id
),
expected_transfers AS (
    SELECT sub_account_id, charge_date, avg(gb) AS expected_gb      -- of the middle one or two: the median
    FROM samples
    WHERE place * 2 BETWEEN weekdays AND weekdays + 2 AND weekdays >= $least_weekdays
    GROUP BY 1, 2
),
suspect_days AS (
    SELECT large_days.*, expected_transfers.expected_gb
    FROM large_days
    INNER JOIN expected_transfers
        ON large_days.charge_date = expected_transfers.charge_date
        AND large_days.sub_account_id IS NOT DISTINCT FROM expected_transfers.sub_account_id
    WHERE large_days.gb >= $least_ratio * expected_transfers.expected_gb
        AND large_days.gb - expected_transfers.expected_gb >= $least_excess_gb
),
compute_days AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.charge_date,
        sum(CASE WHEN charges.SkuMeter LIKE '%Lambda-GB-Second%' THEN 0 ELSE charges.EffectiveCost END) AS machine_cost,
        sum(CASE WHEN charges.SkuMeter LIKE '%Lambda-GB-Second%' THEN charges.EffectiveCost ELSE 0 END) AS function_cost
    FROM daily_charges AS charges
    INNER JOIN (SELECT DISTINCT sub_account_id FROM suspect_days) AS suspects
        ON charges.SubAccountId IS NOT DISTINCT FROM suspects.sub_account_id
    WHERE charges.charge_date >= CAST($news_since - INTERVAL '56' DAY AS date)
        AND (
            charges.SkuMeter LIKE '%BoxUsage:%' OR charges.SkuMeter LIKE '%SpotUsage:%'
            OR charges.SkuMeter LIKE '%:ml.%' OR charges.SkuMeter LIKE '%-ml.%'
            OR charges.SkuMeter LIKE '%Fargate-%' OR charges.SkuMeter LIKE '%Lambda-GB-Second%'
        )
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND charges.CommitmentDiscountStatus IS DISTINCT FROM 'Unused'
    GROUP BY 1, 2
),
expected_computes AS (
    SELECT
        samples.sub_account_id,
        samples.charge_date,
        avg(coalesce(compute_days.machine_cost, 0)) AS machine_cost,
        avg(coalesce(compute_days.function_cost, 0)) AS function_cost,
        $least_cost + $least_compute_share
            * avg(coalesce(compute_days.machine_cost, 0) + coalesce(compute_days.function_cost, 0)) AS slack
    FROM samples
    LEFT JOIN compute_days
        ON samples.sample_date = compute_days.charge_date
        AND samples.sub_account_id IS NOT DISTINCT FROM compute_days.sub_account_id
    GROUP BY 1, 2
),
compared_days AS (
    SELECT
        suspect_days.*,
        suspect_days.gb / CASE WHEN suspect_days.expected_gb > 1 THEN suspect_days.expected_gb ELSE 1E0 END
            AS transfer_ratio,
        greatest(                                                   -- machines or functions, whichever work more;
            (coalesce(compute_days.machine_cost, 0) + slack) / (expected_computes.machine_cost + slack),
            (coalesce(compute_days.function_cost, 0) + slack) / (expected_computes.function_cost + slack)
        ) AS compute_ratio                                          -- a first small machine is no growth to speak of
    FROM suspect_days
    INNER JOIN expected_computes
        ON suspect_days.charge_date = expected_computes.charge_date
        AND suspect_days.sub_account_id IS NOT DISTINCT FROM expected_computes.sub_account_id
    LEFT JOIN compute_days
        ON suspect_days.charge_date = compute_days.charge_date
        AND suspect_days.sub_account_id IS NOT DISTINCT FROM compute_days.sub_account_id
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
    WHERE compute_ratio - 1 < (transfer_ratio - 1) / 2              -- more work sends more
),
spike_sources AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        coalesce(charges.ServiceName, 'no service') || coalesce(' ' || charges.ResourceId, '')
            || coalesce(' in ' || charges.RegionId, '') AS source,
        row_number() OVER (
            PARTITION BY charges.SubAccountId
            ORDER BY sum(charges.ConsumedQuantity) DESC, charges.ServiceName, charges.ResourceId, charges.RegionId
        ) AS place
    FROM daily_charges AS charges
    INNER JOIN spike_days
        ON charges.charge_date = spike_days.charge_date
        AND charges.SubAccountId IS NOT DISTINCT FROM spike_days.sub_account_id
    WHERE charges.charge_date >= $news_since
        AND charges.SkuMeter LIKE '%DataTransfer-Out-Bytes'
        AND charges.meter = 'DataTransfer-Out-Bytes'
        AND charges.ServiceName IS DISTINCT FROM 'Amazon CloudFront'
        AND charges.ChargeCategory = 'Usage'
    GROUP BY charges.SubAccountId, charges.ServiceName, charges.ResourceId, charges.RegionId
),
top_sources AS (
    SELECT sub_account_id, array_agg(source ORDER BY place) AS sources_of_it
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
    top_sources.sources_of_it
FROM spike_days AS peaks
INNER JOIN top_sources ON peaks.sub_account_id IS NOT DISTINCT FROM top_sources.sub_account_id
WHERE peaks.place = 1
ORDER BY monthly_cost DESC, peaks.sub_account_id
