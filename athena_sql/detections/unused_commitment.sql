/*
title     = "A commitment is paid and partly not used"
category  = "waste"
schedule  = "daily"
why       = """
A Savings Plan or a reservation is owed every hour, whether usage takes it up or not; what no usage takes up is lost by the hour.
AWS Budgets tells of it only where somebody made a budget for that commitment.
"""
reason    = "{unused_percent} % of {commitment_type} {commitment_name} went unused in {lookback_days} days over the whole organisation: {monthly_cost} {currency} a month of {monthly_commitment}."
action    = """
1. Since when, and what usage went away? Cost Explorer, utilization report, commitment {resource_id}.
2. Move or start usage that it covers: same family and region for a reservation, any machine for a Compute Savings Plan; is sharing across accounts on?
3. A reservation can be exchanged (convertible) or sold (standard, EC2). A Savings Plan runs to its end: note the day, and commit to less then.
   {describe_command}
"""
blind_spots = [
  "What is unused cannot always be saved: most commitments run to their end.",
  "Unused on nights and weekends by design is unused all the same; below the share in the parameters it is not told.",
]
sources   = [
  "https://focus.finops.org/focus-specification/",
  "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws-columns.html",
  "https://docs.aws.amazon.com/savingsplans/latest/userguide/what-is-savings-plans.html",
]
[parameters]
lookback_days = 7
least_unused_share = 0.1
least_monthly_cost_usd = 50.0
*/
WITH settled_days AS (
    SELECT charge_date, row_number() OVER (ORDER BY charge_date DESC) AS recency
    FROM completeness
    GROUP BY charge_date
    HAVING bool_and(is_settled)                            -- what one account did not use another may still turn out to have used
),
lookback AS (
    SELECT min(charge_date) AS first_day, max(charge_date) AS last_day
    FROM settled_days
    WHERE recency <= $lookback_days
    HAVING count(*) = $lookback_days
),
commitment_shares AS (
    SELECT
        charges.CommitmentDiscountId AS commitment_id,
        charges.SubAccountId AS sub_account_id,
        charges.RegionId AS region_id,
        charges.ServiceName AS service_name,
        lookback.first_day,
        lookback.last_day,
        max(charges.CommitmentDiscountName) AS commitment_name,
        max(charges.CommitmentDiscountType) AS commitment_type,
        min(charges.charge_date) AS first_charge_date,
        max(charges.charge_date) AS last_charge_date,
        sum(CASE WHEN charges.CommitmentDiscountStatus = 'Unused' THEN charges.EffectiveCost ELSE 0 END) AS unused_cost,
        sum(charges.EffectiveCost) AS effective_cost
    FROM daily_charges AS charges
    CROSS JOIN lookback
    WHERE charges.charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14) AS date)
        AND charges.charge_date BETWEEN lookback.first_day AND lookback.last_day
        AND charges.CommitmentDiscountStatus IN ('Used', 'Unused')
        AND charges.ChargeCategory = 'Usage'               -- not the row that buys it
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
    GROUP BY 1, 2, 3, 4, 5, 6
),
commitments AS (
    SELECT
        *,
        sum(unused_cost) OVER everywhere AS total_unused_cost,
        sum(effective_cost) OVER everywhere AS total_cost,
        max(commitment_name) OVER everywhere AS name,
        max(commitment_type) OVER everywhere AS type,
        min(first_charge_date) OVER everywhere AS charged_from,
        max(last_charge_date) OVER everywhere AS charged_until,
        row_number() OVER (
            PARTITION BY commitment_id, CASE WHEN commitment_id IS NULL THEN sub_account_id END
            ORDER BY unused_cost DESC, sub_account_id, region_id, service_name
        ) AS place
    FROM commitment_shares
    WINDOW everywhere AS (PARTITION BY commitment_id, CASE WHEN commitment_id IS NULL THEN sub_account_id END)
)
SELECT
    sub_account_id,                                        -- where most of it lies unused: one finding a commitment
    region_id,
    commitment_id AS resource_id,
    total_unused_cost / $lookback_days * 30 AS monthly_cost,
    service_name,
    coalesce(name, 'without a name') AS commitment_name,
    coalesce(type, 'commitment') AS commitment_type,
    total_unused_cost / nullif(total_cost, 0) * 100 AS unused_percent,
    total_cost / $lookback_days * 30 AS monthly_commitment,
    $lookback_days AS lookback_days,
    first_day,
    last_day,
    CASE
        WHEN commitment_id LIKE '%:savingsplan/%'
            THEN 'aws savingsplans describe-savings-plans --savings-plan-arns ' || commitment_id
        WHEN commitment_id LIKE '%:ec2:%:reserved-instances/%'
            THEN 'aws ec2 describe-reserved-instances --reserved-instances-ids '
                || split_part(commitment_id, 'reserved-instances/', 2) || ' --region ' || coalesce(region_id, 'REGION')
        ELSE 'aws ce get-reservation-utilization --time-period Start=' || CAST(first_day AS varchar)
            || ',End=' || CAST(last_day AS varchar)
    END AS describe_command
FROM commitments
WHERE place = 1
    AND charged_from = first_day                           -- bought within the lookback: no verdict yet
    AND charged_until = last_day                           -- run out since: nothing left to use
    AND round(total_unused_cost / nullif(total_cost, 0), 9) >= $least_unused_share
    AND round(total_unused_cost / $lookback_days * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, resource_id
