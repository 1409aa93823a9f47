/*
title     = "Training on On-Demand instead of Spot"
category  = "waste"
ai_families = ["sagemaker"]
schedule  = "daily"
why       = """
SageMaker managed spot training runs training jobs on spare capacity, typically for 60 to 80% less than On-Demand. A
training job uses Spot capacity if EnableManagedSpotTraining is true, and resumes after an interruption if it stores
checkpoints in S3. Recurring, interruptible training jobs rarely need On-Demand capacity.
"""
reason    = "SageMaker training in {region_id} ran for {on_demand_hours} On-Demand hours on {training_days} of {lookback_days} days ({jobs} jobs on {instance_types}) and for {spot_hours} Spot hours. The On-Demand hours cost {monthly_on_demand_cost} {currency}/month. Estimated potential savings with Spot: {monthly_cost} to {monthly_saving_at_most} {currency}/month."
action    = """
1. Check which jobs can be stopped and resumed, starting with the largest jobs: {largest_jobs}.
2. Enable checkpointing for these jobs (S3Uri in CheckpointConfig). A training job without checkpoints can wait for Spot capacity for at most one hour.
3. Enable Spot where the jobs are started: set EnableManagedSpotTraining = true and MaxWaitTimeInSeconds above MaxRuntimeInSeconds; in the SageMaker Python SDK, set use_spot_instances=True.
"""
blind_spots = [
  "The potential savings are an estimate: Spot prices vary by instance type and Region, and interruptions lengthen jobs.",
  "Spot capacity for the largest GPU instances is scarce, so jobs with a deadline may require On-Demand instances.",
  "Training on HyperPod, on EC2, and in processing jobs is not evaluated.",
  "Hours of small and large instances count equally. Training with at least as many Spot hours as On-Demand hours is therefore not reported, even if the On-Demand instances are larger.",
]
sources   = [
  "https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html",
  "https://docs.aws.amazon.com/sagemaker/latest/dg/model-checkpoints.html",
  "https://aws.amazon.com/sagemaker/pricing/",
]
[parameters]
lookback_days = 30
least_monthly_cost_usd = 100.0     # minimum On-Demand cost; below it, adding checkpoints costs more than Spot saves
least_job_hours = 1.0          # minimum duration of a job in hours; shorter jobs gain little from Spot
least_days = 4                 # minimum number of days with training; weekly training occurs on four of 30 days
least_saving = 0.6
most_saving = 0.8
[needs]
charges = "ai_family = 'sagemaker' AND meter LIKE 'Train:%'"
history_days = 30
*/
WITH training_days AS (
    SELECT
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ResourceId AS resource_id,
        charges.charge_date,
        charges.instance_type,
        lookbacks.charge_date AS first_day,
        lookbacks.last_settled_day AS last_day,
        max(charges.ServiceName) AS service_name,
        max_by(charges.Tags, coalesce(cardinality(charges.Tags), 0)) FILTER (WHERE charges.Tags IS NOT NULL) AS tags,
        sum(CASE WHEN charges.meter LIKE 'Train:%' THEN charges.ConsumedQuantity ELSE 0 END) AS on_demand_hours,
        sum(CASE WHEN charges.meter LIKE 'Train:%' THEN charges.EffectiveCost ELSE 0 END) AS on_demand_cost,
        sum(CASE WHEN charges.meter LIKE 'TrSpt:%' THEN charges.ConsumedQuantity ELSE 0 END) AS spot_hours
    FROM ai_charges AS charges
    INNER JOIN completeness AS lookbacks
        ON charges.SubAccountId IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = least($lookback_days, lookbacks.settled_days)
        AND charges.charge_date BETWEEN lookbacks.charge_date AND lookbacks.last_settled_day
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.ai_family = 'sagemaker'
        AND (charges.meter LIKE 'Train:%' OR charges.meter LIKE 'TrSpt:%')  -- not TrainWarmPool:, which cannot use Spot
        AND charges.instance_type IS NOT NULL
        AND charges.ChargeCategory = 'Usage'
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
        AND charges.CommitmentDiscountStatus IS NULL       -- hours covered by a Savings Plan are charged anyway
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
job_days AS (
    SELECT
        *,
        on_demand_hours > 0
            AND sum(on_demand_hours) OVER (PARTITION BY sub_account_id, region_id, resource_id) >= $least_job_hours
            AS is_long,
        sum(on_demand_cost) OVER (PARTITION BY sub_account_id, region_id, resource_id) AS job_cost
    FROM training_days
),
jobs AS (
    SELECT
        sub_account_id,
        region_id,
        resource_id,
        row_number() OVER (
            PARTITION BY sub_account_id, region_id
            ORDER BY round(sum(on_demand_cost), 6) DESC, resource_id
        ) AS place
    FROM job_days
    WHERE is_long AND resource_id IS NOT NULL
    GROUP BY 1, 2, 3
),
largest_jobs AS (
    SELECT
        sub_account_id,
        region_id,
        count(*) AS jobs,
        array_agg(resource_id ORDER BY place) FILTER (WHERE place <= 3) AS largest_jobs
    FROM jobs
    GROUP BY 1, 2
),
trainings AS (
    SELECT
        sub_account_id,
        region_id,
        min(first_day) AS first_day,
        max(last_day) AS last_day,
        max(service_name) AS service_name,
        max_by(tags, job_cost) FILTER (WHERE tags IS NOT NULL) AS tags,                    -- the tags of the largest job decide the owner
        array_agg(DISTINCT instance_type ORDER BY instance_type)
            FILTER (WHERE is_long) AS instance_types,
        count(DISTINCT CASE WHEN is_long THEN charge_date END) AS training_days,
        sum(CASE WHEN is_long THEN on_demand_hours ELSE 0 END) AS on_demand_hours,
        sum(CASE WHEN is_long THEN on_demand_cost ELSE 0 END) / $lookback_days * 30 AS monthly_on_demand_cost,
        sum(spot_hours) AS spot_hours
    FROM job_days
    GROUP BY 1, 2
)
SELECT
    trainings.sub_account_id,
    trainings.region_id,
    CAST(NULL AS varchar) AS resource_id,                  -- one finding per account and region: jobs are short-lived
    trainings.monthly_on_demand_cost * $least_saving AS monthly_cost,
    trainings.service_name,
    trainings.tags,
    trainings.monthly_on_demand_cost,
    trainings.monthly_on_demand_cost * $most_saving AS monthly_saving_at_most,
    trainings.on_demand_hours,
    trainings.spot_hours,
    trainings.training_days,
    $lookback_days AS lookback_days,
    coalesce(largest_jobs.jobs, 0) AS jobs,
    largest_jobs.largest_jobs,
    trainings.instance_types,
    trainings.first_day,
    trainings.last_day
FROM trainings
LEFT JOIN largest_jobs
    ON trainings.sub_account_id IS NOT DISTINCT FROM largest_jobs.sub_account_id
    AND trainings.region_id IS NOT DISTINCT FROM largest_jobs.region_id
WHERE trainings.on_demand_hours > trainings.spot_hours
    AND trainings.training_days >= $least_days
    AND round(trainings.monthly_on_demand_cost, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, trainings.sub_account_id, trainings.region_id
