/*
title     = "Unusual GPU usage"
category  = "security"
ai_families = ["gpu"]
schedule  = "every_refresh"
security_types = ["Unusual Behaviors/VM", "Effects/Resource Consumption"]
notify    = "every_run"
why       = """
Attackers often use stolen credentials to run GPU instances for cryptocurrency mining or model training.
One p4d.24xlarge costs 20 to 30 USD/hour, and attackers start dozens of instances in Regions that are not monitored.
"""
reason    = "GPU instances ({instance_types}) ran for {gpu_hours} instance hours in {region_id} from {first_day} to {last_day} and cost {monthly_cost} {currency}. Usage reached {peak_hours} instance hours/day; the highest usage in the previous {history_days} days was {peak_hours_before} instance hours/day."
action    = """
1. Ask the account owner whether a job needs {instance_types} in {region_id}.
2. Identify who started the instances. Run this command, and run it again with CreateEndpoint, CreateTrainingJob and CreateNotebookInstance instead of RunInstances: aws cloudtrail lookup-events --region {region_id} --start-time {first_day} --lookup-attributes AttributeKey=EventName,AttributeValue=RunInstances
3. If the usage was not authorized, create snapshots of the instances' volumes for the security team, stop the instances (aws ec2 stop-instances --region {region_id} --instance-ids ID ...), disable the access keys, and lower the Region's G and P instance quotas.
"""
blind_spots = [
  "GPU hours covered by a capacity reservation or Reserved Instance are assumed to be planned and are not reported.",
  "Instance hours are not weighted by instance size, so a change from small to large instances is not reported.",
  "GPU usage that recurs less than once a quarter is reported each time it occurs.",
  "GPUs in services other than EC2 and SageMaker are not evaluated, and cryptocurrency mining on CPUs is not detected.",
]
sources   = [
  "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html",
  "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2-capacity-reservation.html",
  "https://aws.amazon.com/ec2/instance-types/#Accelerated_Computing",
  "https://attack.mitre.org/techniques/T1496/",
]
[explain]
charges = "gpu"
excess = "above_previous_weeks"
[parameters]
history_days = 30
rhythm_days = 130
multiple = 3.0
bill_begins_days = 14
[needs]
charges = "is_gpu"
history_days = 14
*/
WITH bills AS (
    SELECT CASE WHEN $first_new_day > begins_until THEN $first_new_day ELSE begins_until END AS reported_from
    FROM (
        SELECT CAST(min(charge_date) + INTERVAL '1' DAY * $bill_begins_days AS date) AS begins_until
        FROM completeness
    ) AS begun
),
gpu_charges AS (
    SELECT
        SubAccountId AS sub_account_id,
        RegionId AS region_id,
        charge_date,
        instance_type,
        ResourceId AS resource_id,
        PricingCategory = 'Dynamic' AS is_spot,
        coalesce(CapacityReservationId, '') <> ''
            OR coalesce(CommitmentDiscountId, '') LIKE '%:reserved-instances/%' AS is_reserved,
        ConsumedQuantity AS hours,
        EffectiveCost AS effective_cost
    FROM ai_charges
    WHERE charge_date >= CAST($first_new_day - INTERVAL '1' DAY * $rhythm_days AS date)
        AND charge_date < $as_of
        AND is_gpu
        AND ChargeCategory = 'Usage'
        AND ChargeClass IS DISTINCT FROM 'Correction'
        AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'      -- charged but not running
        AND (
            ((ServiceName LIKE 'Amazon Elastic Compute Cloud%' OR x_ServiceCode = 'AmazonEC2')
                AND regexp_like(meter, '^(BoxUsage|SpotUsage|DedicatedUsage|HostBoxUsage):'))  -- not EBSOptimized, UnusedBox
            OR ((ServiceName LIKE 'Amazon SageMaker%' OR x_ServiceCode = 'AmazonSageMaker')
                AND NOT regexp_like(meter, '(?i)reserv|unused|plan'))
        )
        AND ConsumedQuantity > 0
),
gpu_hours_by_day AS (
    SELECT
        sub_account_id,
        region_id,
        charge_date,
        sum(hours) AS hours,
        sum(CASE WHEN is_reserved THEN 0 ELSE hours END) AS open_hours,
        lag(charge_date) OVER (PARTITION BY sub_account_id, region_id ORDER BY charge_date) AS day_before
    FROM gpu_charges
    GROUP BY 1, 2, 3
),
gaps AS (
    SELECT
        gpu_hours_by_day.*,
        bills.reported_from,
        date_diff('day', day_before, charge_date) AS gap_days,
        max(hours) OVER (
            PARTITION BY sub_account_id, region_id
            ORDER BY charge_date
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS peak_hours_ever,
        max(CASE
            WHEN charge_date < reported_from AND date_diff('day', charge_date, reported_from) <= $history_days THEN hours
        END) OVER (PARTITION BY sub_account_id, region_id) AS peak_hours_before
    FROM gpu_hours_by_day
    CROSS JOIN bills
),
rhythms AS (
    SELECT
        *,
        sum(CASE WHEN gap_days > $history_days - 5 THEN 1 ELSE 0 END) OVER (
            PARTITION BY sub_account_id, region_id
            ORDER BY charge_date
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS long_gaps_before,
        max(gap_days) OVER (
            PARTITION BY sub_account_id, region_id
            ORDER BY charge_date
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS longest_gap_before
    FROM gaps
),
bursts AS (
    SELECT
        sub_account_id,
        region_id,
        min(charge_date) AS first_day,
        max(open_hours) AS peak_hours,
        max(coalesce(peak_hours_before, 0)) AS peak_hours_before
    FROM rhythms
    WHERE charge_date >= reported_from                              -- earlier days are history, or the start of the bill
        AND open_hours > 0                                          -- an expired reservation adds no hours
        AND (
            (
                (gap_days IS NULL OR gap_days > $history_days)
                AND NOT (                                           -- a monthly training job recurs as before
                    coalesce(long_gaps_before, 0) >= 2
                    AND gap_days <= longest_gap_before + 7
                )
            )
            OR open_hours > $multiple * coalesce(peak_hours_before, peak_hours_ever)  -- reserved hours count towards the baseline
        )
    GROUP BY 1, 2
),
burst_instances AS (
    SELECT
        gpu_charges.sub_account_id,
        gpu_charges.region_id,
        gpu_charges.resource_id,
        gpu_charges.instance_type,
        bursts.first_day,
        bursts.peak_hours,
        bursts.peak_hours_before,
        max(gpu_charges.charge_date) AS last_day,
        sum(gpu_charges.hours) AS hours,
        sum(CASE WHEN gpu_charges.is_spot THEN gpu_charges.hours ELSE 0 END) AS spot_hours,
        sum(gpu_charges.effective_cost) AS effective_cost,
        row_number() OVER (
            PARTITION BY gpu_charges.sub_account_id, gpu_charges.region_id
            ORDER BY sum(gpu_charges.hours) DESC, gpu_charges.resource_id, gpu_charges.instance_type
        ) AS place
    FROM gpu_charges
    INNER JOIN bursts
        ON gpu_charges.sub_account_id IS NOT DISTINCT FROM bursts.sub_account_id
        AND gpu_charges.region_id IS NOT DISTINCT FROM bursts.region_id
        AND gpu_charges.charge_date >= bursts.first_day
    WHERE NOT gpu_charges.is_reserved
    GROUP BY 1, 2, 3, 4, 5, 6, 7
)
SELECT
    sub_account_id,
    region_id,
    CAST(NULL AS varchar) AS resource_id,
    sum(effective_cost) AS monthly_cost,
    sum(hours) AS gpu_hours,
    sum(spot_hours) AS spot_hours,
    peak_hours,
    peak_hours_before,
    $history_days AS history_days,
    first_day,
    max(last_day) AS last_day,
    array_agg(DISTINCT instance_type ORDER BY instance_type) AS instance_types,
    count(DISTINCT resource_id) AS instances,
    array_agg(resource_id ORDER BY place) FILTER (WHERE place <= 10 AND resource_id IS NOT NULL) AS instance_ids
FROM burst_instances
GROUP BY sub_account_id, region_id, peak_hours, peak_hours_before, first_day
ORDER BY monthly_cost DESC, sub_account_id, region_id
