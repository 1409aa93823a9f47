/*
title     = "Underutilized GPU"
category  = "waste"
ai_families = ["gpu"]
schedule  = "daily"
why       = """
A GPU costs 1 to 7 USD/hour, whether it is used or idle. Many GPUs are idle most of the time: they serve a model with
few requests, belong to a notebook that is never stopped, or are part of an instance with eight GPUs where one GPU is
sufficient. CPU metrics and invocation counts do not show whether a GPU is idle.
"""
reason    = "GPU instances ({instance_types}) ran for {gpu_hours} GPU hours on {days_run} of {lookback_days} days with a mean utilization of {mean_utilization}% ({peak_utilization}% on the busiest day). The GPUs cost {monthly_gpu_cost} {currency}/month, of which an estimated {monthly_cost} {currency}/month is for idle time."
action    = """
1. Check whether {resource_id} was sized for higher usage in the past: review its metrics GPUUtilization and GPUMemoryUtilization in CloudWatch for the past few months. A model can require a lot of GPU memory even if its GPU utilization is low, so choose an instance type with enough GPU memory.
2. For an endpoint: host several models on one endpoint (inference components, which can also scale to zero), use smaller instances, or reduce the number of instances: aws sagemaker update-endpoint-weights-and-capacities --region {region_id} ...
3. For an EC2 instance: stop the instance outside working hours, or stop it and choose a smaller instance type: aws ec2 modify-instance-attribute --region {region_id} --instance-id ID --instance-type TYPE
"""
blind_spots = [
  "The potential savings are an estimate: the cost multiplied by the share of time in which the GPUs were idle. If no smaller instance type is available, the actual savings are lower.",
  "Utilization shows whether a kernel ran, but not how much of the GPU the kernel used; a busy GPU can still be oversized.",
  "GPU metrics of an EC2 instance exist only if the CloudWatch agent collects them; instances without GPU metrics are counted as not evaluated. Inferentia and Trainium do not report GPU utilization, so their instances are always counted as not evaluated.",
  "GPU memory is not evaluated, so a GPU with low utilization is reported even if a model must stay loaded in its memory.",
  "Endpoints without invocations are reported by the detection idle_sagemaker_endpoint, not by this detection.",
]
sources   = [
  "https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html",
  "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-NVIDIA-GPU.html",
  "https://repost.aws/knowledge-center/sagemaker-cpu-gpu-utilization-100",
]
[parameters]
lookback_days = 7
least_days_run = 5             # minimum number of days on which the instance ran; fewer days are a trial
most_utilization = 20.0        # maximum mean utilization per GPU in percent, over the hours in which the instance ran
burst_utilization = 60.0       # an instance with a day above this utilization (percent) has bursts of work and is not reported
least_monthly_cost_usd = 1.0
[needs]
charges = "is_gpu"
columns = ["ResourceId"]
activity = ["/aws/sagemaker/Endpoints", "CWAgent"]
history_days = 7
*/
WITH gpus AS (
    SELECT
        gpu_days.sub_account_id,
        gpu_days.region_id,
        gpu_days.resource_id,
        lookbacks.charge_date AS first_day,
        lookbacks.last_settled_day AS last_day,
        max(gpu_days.service_name) AS service_name,
        max_by(gpu_days.tags, gpu_days.charge_date) FILTER (WHERE cardinality(gpu_days.tags) > 0) AS tags,
        max_by(gpu_days.instance_types, gpu_days.charge_date) FILTER (WHERE gpu_days.instance_types IS NOT NULL) AS instance_types,
        count(CASE WHEN gpu_days.charge_date <= lookbacks.last_settled_day THEN 1 END) AS days_run,
        count(CASE WHEN gpu_days.charge_date <= lookbacks.last_settled_day THEN gpu_days.utilization END) AS evaluated_days,
        sum(CASE WHEN gpu_days.charge_date <= lookbacks.last_settled_day THEN gpu_days.gpu_hours END) AS gpu_hours,
        sum(CASE WHEN gpu_days.charge_date <= lookbacks.last_settled_day THEN gpu_days.gpu_hours * gpu_days.utilization END)
            AS busy_percent_hours,
        sum(CASE WHEN gpu_days.charge_date <= lookbacks.last_settled_day THEN gpu_days.effective_cost END) AS effective_cost,
        max(gpu_days.utilization) AS peak_utilization      -- usage on unsettled days counts too
    FROM gpu_days
    INNER JOIN completeness AS lookbacks
        ON gpu_days.sub_account_id IS NOT DISTINCT FROM lookbacks.sub_account_id
        AND lookbacks.settled_recency = $lookback_days  -- a younger account has no such day
        AND gpu_days.charge_date >= lookbacks.charge_date
    WHERE gpu_days.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
    GROUP BY 1, 2, 3, 4, 5
    HAVING count(CASE WHEN gpu_days.charge_date <= lookbacks.last_settled_day THEN 1 END) >= $least_days_run
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
            = $lookback_days                               -- as in idle_sagemaker_endpoint
),
weighed_gpus AS (
    SELECT
        gpus.*,
        busy_percent_hours / gpu_hours AS mean_utilization,
        effective_cost / $lookback_days * 30 AS monthly_gpu_cost,
        evaluated_days < days_run AS not_evaluated
    FROM gpus
    LEFT JOIN uncalled_endpoints ON gpus.resource_id = uncalled_endpoints.resource_id
    WHERE uncalled_endpoints.is_uncalled IS NULL
)
SELECT
    sub_account_id,
    region_id,
    resource_id,
    CASE WHEN not_evaluated THEN monthly_gpu_cost ELSE monthly_gpu_cost * (1 - mean_utilization / 100) END AS monthly_cost,
    service_name,
    tags,
    not_evaluated,
    monthly_gpu_cost,
    mean_utilization,
    peak_utilization,
    gpu_hours,
    days_run,
    instance_types,
    $lookback_days AS lookback_days,
    first_day,
    last_day
FROM weighed_gpus
WHERE round(monthly_gpu_cost, 6) >= $least_monthly_cost_usd
    AND coalesce(peak_utilization, 0) <= $burst_utilization
    AND (not_evaluated OR round(mean_utilization, 9) < $most_utilization)
ORDER BY monthly_cost DESC, sub_account_id, region_id, resource_id
