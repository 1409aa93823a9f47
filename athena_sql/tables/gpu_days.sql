/*
title = "GPU hours, cost and utilization by day and resource"
why   = """
The bill contains GPU hours, and CloudWatch contains GPU utilization. The table combines GPU hours and utilization to
show the cost of idle GPUs. `utilization` is the mean utilization per GPU, from 0 to 100%, or null if the utilization
was not collected. If an instance type is missing from the list of GPU counts, the table assumes one GPU. If the
instance type has more GPUs, the computed utilization can be too high. For the number of GPUs by instance type, see
https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html
"""
reads = ["ai_charges", "activity"]
[parameters]
days = 75                 # reports compare two periods of 30 complete days; the other days are incomplete
*/
WITH gpu_charges AS (
    SELECT
        *,
        CASE
            WHEN regexp_like(instance_type, '^(ml\.)?p2\.16xlarge$') THEN 16
            WHEN regexp_like(
                instance_type,
                '^(ml\.)?(p2\.8xlarge|p3\.16xlarge|p3dn\.24xlarge|p4de?\.24xlarge|p5(e|en)?\.48xlarge|p6-b[23]00\.48xlarge|g4dn\.metal|g(5|6e?|7e?)\.48xlarge)$'
            ) THEN 8
            WHEN regexp_like(
                instance_type,
                '^(ml\.)?(p3\.8xlarge|p6e-gb200\.36xlarge|g3\.16xlarge|g4dn\.12xlarge|g4ad\.16xlarge|g(5|6e?)\.(12|24)xlarge|g7e?\.24xlarge)$'
            ) THEN 4
            WHEN regexp_like(
                instance_type, '^(ml\.)?(g3\.8xlarge|g4ad\.8xlarge|g5g\.(16xlarge|metal)|g7e?\.12xlarge)$'
            ) THEN 2
            ELSE 1
        END AS gpus
    FROM ai_charges
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND charge_date < $as_of
        AND is_gpu
        AND ChargeCategory = 'Usage'
        AND ChargeClass IS DISTINCT FROM 'Correction'
        AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused'              -- charged but not running
        AND (
            ((ServiceName LIKE 'Amazon Elastic Compute Cloud%' OR x_ServiceCode = 'AmazonEC2')
                AND regexp_like(meter, '^(BoxUsage|SpotUsage|DedicatedUsage|HostBoxUsage):'))
            OR ((ServiceName LIKE 'Amazon SageMaker%' OR x_ServiceCode = 'AmazonSageMaker')
                AND NOT regexp_like(meter, '(?i)reserv|unused|plan'))
        )
        AND ConsumedQuantity > 0
),
charged_days AS (
    SELECT
        charge_date,
        SubAccountId AS sub_account_id,
        RegionId AS region_id,
        ResourceId AS resource_id,
        max(ServiceName) AS service_name,
        max_by(Tags, coalesce(cardinality(Tags), 0)) FILTER (WHERE Tags IS NOT NULL) AS tags,
        array_agg(DISTINCT instance_type ORDER BY instance_type) AS instance_types,
        min(gpus) AS gpus,                                                  -- the fewest GPUs of mixed variants: utilization is overstated rather than understated
        sum(ConsumedQuantity * gpus) AS gpu_hours,
        sum(EffectiveCost) AS effective_cost
    FROM gpu_charges
    GROUP BY 1, 2, 3, 4
),
readings AS (
    SELECT
        activity_date,
        resource_id,
        max(CASE WHEN metric = 'GPUUtilization' THEN value END) AS percent_of_all,  -- 0 to 100 times the GPUs of an instance
        max(CASE WHEN metric = 'nvidia_smi_utilization_gpu' THEN value END) AS percent_of_one
    FROM activity
    WHERE activity_date >= CAST($as_of - INTERVAL '1' DAY * $days AS date)
        AND activity_date < $as_of
        AND (
            (namespace = '/aws/sagemaker/Endpoints' AND metric = 'GPUUtilization')
            -- https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Agent-NVIDIA-GPU.html
            OR (namespace = 'CWAgent' AND metric = 'nvidia_smi_utilization_gpu')
        )
        AND value IS NOT NULL
    GROUP BY 1, 2
)
SELECT
    charged_days.*,
    -- https://repost.aws/knowledge-center/sagemaker-cpu-gpu-utilization-100
    coalesce(readings.percent_of_one, readings.percent_of_all / charged_days.gpus) AS utilization
FROM charged_days
LEFT JOIN readings
    ON charged_days.resource_id = readings.resource_id                      -- an ARN contains account and region
    AND charged_days.charge_date = readings.activity_date
