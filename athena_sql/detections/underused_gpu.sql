/*
title     = "A GPU is paid for and mostly stands still"
category  = "waste"
schedule  = "daily"
why       = """
A GPU costs 1 to 7 USD an hour whether it computes or waits, and waiting is what most of them do: a model that answers
now and then, a notebook kept warm, eight GPUs where one would do. CPU metrics and invocations do not show it.
"""
reason    = "{gpu_hours} GPU hours on {instance_types} in {days_run} of {lookback_days} days, and the GPUs were busy {mean_utilisation} % of the time (busiest day {peak_utilisation} %): of {monthly_gpu_cost} {currency} a month an estimated {monthly_cost} paid for standing still."
action    = """
1. Is it sized for a peak that came before these days? CloudWatch, GPUUtilization and GPUMemoryUtilization of {resource_id} over the last months; a model may need the memory and not the time.
2. An endpoint: fewer or smaller instances, several models on one (inference components), or scale to zero: aws sagemaker update-endpoint-weights-and-capacities --region {region_id} ...
3. A machine: stop it when nobody works on it, or take a smaller type: aws ec2 modify-instance-attribute --region {region_id} --instance-id ID --instance-type TYPE (stopped first)
"""
blind_spots = [
  "The saving is an estimate: the cost of the share of time in which the GPUs did nothing. A smaller type may not be had.",
  "Utilisation says that a kernel ran, not how much of the GPU it filled; a busy GPU may still be too large.",
  "EC2 tells nothing of its GPUs unless the CloudWatch agent collects them; such machines are counted, not judged. Neither Inferentia nor Trainium reports GPU utilisation.",
  "Memory is not looked at: a model that must stay loaded keeps its GPU.",
  "An endpoint that nobody called is told by idle_sagemaker_endpoint, and not again here.",
]
sources   = [
  "https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html",
  "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-NVIDIA-GPU.html",
  "https://repost.aws/knowledge-center/sagemaker-cpu-gpu-utilization-100",
]
[parameters]
lookback_days = 7
least_days_run = 5             # a machine of working days; what ran on fewer is a trial, or young
most_utilisation = 20.0        # percent of one GPU, mean over the hours it ran
burst_utilisation = 60.0       # a day above it is work that comes in bursts
least_monthly_cost_usd = 1.0
*/
WITH lookbacks AS (
    SELECT sub_account_id, min(charge_date) AS first_day, max(charge_date) AS last_day
    FROM completeness
    WHERE settled_recency <= $lookback_days
    GROUP BY sub_account_id
    HAVING count(*) = $lookback_days                       -- an account younger than the lookback has no verdict
),
gpus AS (
    SELECT
        gpu_days.sub_account_id,
        gpu_days.region_id,
        gpu_days.resource_id,
        lookbacks.first_day,
        lookbacks.last_day,
        max(gpu_days.service_name) AS service_name,
        max_by(gpu_days.tags, gpu_days.charge_date) FILTER (WHERE cardinality(gpu_days.tags) > 0) AS tags,
        max_by(gpu_days.instance_types, gpu_days.charge_date) FILTER (WHERE gpu_days.instance_types IS NOT NULL) AS instance_types,
        count(CASE WHEN gpu_days.charge_date <= lookbacks.last_day THEN 1 END) AS days_run,
        count(CASE WHEN gpu_days.charge_date <= lookbacks.last_day THEN gpu_days.utilisation END) AS days_looked_at,
        sum(CASE WHEN gpu_days.charge_date <= lookbacks.last_day THEN gpu_days.gpu_hours END) AS gpu_hours,
        sum(CASE WHEN gpu_days.charge_date <= lookbacks.last_day THEN gpu_days.gpu_hours * gpu_days.utilisation END)
            AS busy_percent_hours,
        sum(CASE WHEN gpu_days.charge_date <= lookbacks.last_day THEN gpu_days.effective_cost END) AS effective_cost,
        max(gpu_days.utilisation) AS peak_utilisation      -- a burst on an unsettled day is a burst
    FROM gpu_days
    INNER JOIN lookbacks
        ON gpu_days.sub_account_id IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND gpu_days.charge_date >= lookbacks.first_day
    WHERE gpu_days.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
    GROUP BY 1, 2, 3, 4, 5
    HAVING count(CASE WHEN gpu_days.charge_date <= lookbacks.last_day THEN 1 END) >= $least_days_run
),
uncalled_endpoints AS (
    SELECT endpoint_days.resource_id, true AS is_uncalled
    FROM endpoint_days
    INNER JOIN gpus
        ON endpoint_days.resource_id = gpus.resource_id
        AND endpoint_days.charge_date >= gpus.first_day
    WHERE endpoint_days.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
    GROUP BY 1
    HAVING max(endpoint_days.invocations) = 0
        AND count(CASE WHEN endpoint_days.charge_date <= gpus.last_day THEN endpoint_days.invocations END)
            = $lookback_days                               -- as idle_sagemaker_endpoint judges it
),
weighed_gpus AS (
    SELECT
        gpus.*,
        busy_percent_hours / gpu_hours AS mean_utilisation,
        effective_cost / $lookback_days * 30 AS monthly_gpu_cost,
        days_looked_at < days_run AS nobody_looked
    FROM gpus
    LEFT JOIN uncalled_endpoints ON gpus.resource_id = uncalled_endpoints.resource_id
    WHERE uncalled_endpoints.is_uncalled IS NULL
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    CASE WHEN nobody_looked THEN monthly_gpu_cost ELSE monthly_gpu_cost * (1 - mean_utilisation / 100) END AS monthly_cost,
    service_name,
    tags,
    nobody_looked,
    monthly_gpu_cost,
    mean_utilisation,
    peak_utilisation,
    gpu_hours,
    days_run,
    instance_types,
    $lookback_days AS lookback_days,
    first_day,
    last_day
FROM weighed_gpus
WHERE round(monthly_gpu_cost, 6) >= $least_monthly_cost_usd
    AND coalesce(peak_utilisation, 0) <= $burst_utilisation
    AND (nobody_looked OR round(mean_utilisation, 9) < $most_utilisation)
ORDER BY monthly_cost DESC, sub_account_id, region_id, resource_id
