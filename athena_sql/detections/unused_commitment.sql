/*
title     = "Underutilized commitment"
category  = "waste"
schedule  = "daily"
why       = """
A Savings Plan or a reservation is billed every hour, even if it does not cover any usage. Unused hours of a commitment
cannot be used later. AWS Budgets reports unused hours only if a utilization budget exists for the commitment.
"""
reason    = "Over the last {lookback_days} complete days, {unused_percent}% of the {commitment_type} {commitment_name} was unused across the organization. The commitment costs {monthly_commitment} {currency}/month, of which {monthly_cost} {currency}/month pays for the unused part."
action    = """
1. Identify when utilization decreased and which usage stopped: open the utilization report for {resource_id} in Cost Explorer.
2. Change workloads so that this commitment covers their usage. A Compute Savings Plan covers EC2, Fargate and Lambda in every Region. An EC2 Instance Savings Plan covers one instance family in one Region. An EC2 Reserved Instance covers one instance type, or other sizes of the instance family if it is size-flexible. In the Billing preferences of the payer account, check that discount sharing for reservations and Savings Plans is enabled for all accounts.
3. If the commitment cannot cover any other usage, exchange it (convertible Reserved Instance) or sell it on the Reserved Instance Marketplace (standard EC2 Reserved Instance). A Savings Plan cannot be canceled, exchanged or sold: note the end date, and buy a smaller commitment when the Savings Plan ends.
   {describe_command}
"""
blind_spots = [
  "The unused cost cannot always be avoided: most commitments cannot be canceled before the term ends.",
  "A commitment that is unused at night and on weekends by design is also reported if its unused share reaches the threshold (10% by default).",
  "If the bill has one row per month for a commitment, the unused cost is spread evenly over the days of the month, because the row does not show on which days the commitment was unused.",
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
[needs]
charges = "CommitmentDiscountId IS NOT NULL"
history_days = 7
*/
WITH settled_days AS (
    SELECT charge_date, row_number() OVER (ORDER BY charge_date DESC) AS recency
    FROM completeness
    GROUP BY charge_date
    HAVING bool_and(is_settled)                            -- another account may still use what one account did not
),
lookback AS (
    SELECT min(charge_date) AS first_day, max(charge_date) AS last_day
    FROM settled_days
    WHERE recency <= $lookback_days
    HAVING count(*) = $lookback_days
),
charged_periods AS (                                       -- a day, or a month where the fee is one row a month
    SELECT
        CommitmentDiscountId AS commitment_id,
        SubAccountId AS sub_account_id,
        RegionId AS region_id,
        ServiceName AS service_name,
        CommitmentDiscountName AS commitment_name,
        CommitmentDiscountType AS commitment_type,
        CommitmentDiscountStatus AS status,
        charge_date AS first_date,
        greatest(coalesce(charge_last_date, charge_date), charge_date) AS last_date,
        EffectiveCost AS effective_cost
    FROM daily_services
    WHERE charge_date >= CAST($as_of - INTERVAL '1' DAY * ($lookback_days + 14 + 31) AS date)
        AND charge_date < $as_of
        AND CommitmentDiscountStatus IN ('Used', 'Unused')
        AND ChargeCategory = 'Usage'                       -- not the purchase row
        AND ChargeClass IS DISTINCT FROM 'Correction'
),
lookback_charges AS (
    SELECT
        charged_periods.*,
        lookback.first_day,
        lookback.last_day,
        greatest(charged_periods.first_date, lookback.first_day) AS first_charge_date,
        least(charged_periods.last_date, lookback.last_day) AS last_charge_date
    FROM charged_periods
    INNER JOIN lookback
        ON charged_periods.first_date <= lookback.last_day
        AND charged_periods.last_date >= lookback.first_day
),
spread_charges AS (                                        -- the share of a period's cost within the lookback
    SELECT
        *,
        effective_cost * (date_diff('day', first_charge_date, last_charge_date) + 1)
            / CAST(date_diff('day', first_date, last_date) + 1 AS double) AS cost
    FROM lookback_charges
),
commitment_shares AS (
    SELECT
        commitment_id,
        sub_account_id,
        region_id,
        service_name,
        first_day,
        last_day,
        max(commitment_name) AS commitment_name,
        max(commitment_type) AS commitment_type,
        min(first_charge_date) AS first_charge_date,
        max(last_charge_date) AS last_charge_date,
        sum(CASE WHEN status = 'Unused' THEN cost ELSE 0 END) AS unused_cost,
        sum(cost) AS effective_cost
    FROM spread_charges
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
    sub_account_id,                                        -- the account with the most unused cost: one finding per commitment
    region_id,
    commitment_id AS resource_id,
    total_unused_cost / $lookback_days * 30 AS monthly_cost,
    service_name,
    coalesce(name, '(unnamed)') AS commitment_name,
    CASE
        WHEN type = 'Reserved' AND commitment_id LIKE '%:ec2:%:reserved-instances/%' THEN 'Reserved Instance'
        WHEN type = 'Reserved' THEN 'reservation'
        ELSE coalesce(type, 'commitment')
    END AS commitment_type,
    total_unused_cost / nullif(total_cost, 0) * 100 AS unused_percent,
    total_cost / $lookback_days * 30 AS monthly_commitment,
    $lookback_days AS lookback_days,
    first_day,
    last_day,
    CASE
        WHEN commitment_id LIKE '%:ec2:%:reserved-instances/%' THEN split_part(commitment_id, 'reserved-instances/', 2)
    END AS reservation_id,
    CASE
        WHEN commitment_id LIKE '%:savingsplan/%'
            THEN 'aws savingsplans describe-savings-plans --savings-plan-arns {resource_id}'
        WHEN commitment_id LIKE '%:ec2:%:reserved-instances/%'
            THEN 'aws ec2 describe-reserved-instances --reserved-instances-ids {reservation_id} --region {region_id}'
        ELSE 'aws ce get-reservation-utilization --time-period Start={first_day},End={last_day}'
    END AS describe_command                                -- a template that is filled in as the action is
FROM commitments
WHERE place = 1
    AND charged_from = first_day                           -- a commitment bought within the lookback is not evaluated
    AND charged_until = last_day                           -- an expired commitment is not reported
    AND round(total_unused_cost / nullif(total_cost, 0), 9) >= $least_unused_share
    AND round(total_unused_cost / $lookback_days * 30, 6) >= $least_monthly_cost_usd
ORDER BY monthly_cost DESC, sub_account_id, region_id, resource_id
