/*
title     = "First charge in a new region"
category  = "security"
names     = "place"
schedule  = "every_refresh"
security_types = ["TTPs/Defense Evasion/UnusedRegion", "Unusual Behaviors"]  # https://attack.mitre.org/techniques/T1535/
notify    = "once"
topic     = "new-region"
why       = """
Attackers use stolen credentials in Regions that are not monitored. On the bill, the first sign of an attack is often a
charge in a new Region, sometimes of only one cent or for free-tier usage. Larger costs follow within hours. Each new
Region in an account is reported once.
"""
reason    = "Account {sub_account_name} was first billed in {region_id} on {first_day}. The charges through {last_day} total {monthly_cost} {currency}, for {services}."
action    = """
1. Ask the account owner whether work was planned in {region_id}.
2. Identify who created the resources: aws cloudtrail lookup-events --region {region_id} --start-time {first_day} --lookup-attributes AttributeKey=ReadOnly,AttributeValue=false
3. If use of the Region was not authorized, list the resources with aws resourcegroupstaggingapi get-resources --region {region_id}, disable the access keys that created the resources, then deny the Region with a service control policy.
"""
blind_spots = [
  "The first 14 days of the bill are the baseline, so a Region with charges in these days is not reported as new. The export does not show usage before its first day, so a Region that was used only before that day can be reported as new.",
  "Activity that does not appear on the bill, such as some free usage, is not detected.",
  "In the first 14 days of an account, this detection reports only Regions that no other account has used before.",
  "CloudFront, Lambda@Edge, Global Accelerator, S3 Transfer Acceleration, and WAF and Shield for CloudFront are not evaluated, because AWS bills these services in the Region where their traffic occurs.",
]
sources   = [
  "https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-focus-1-2-aws.html",
  "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_examples_general.html",
  "https://attack.mitre.org/techniques/T1535/",
]
[explain]
charges = "first"
[parameters]
warm_up_days = 14
[needs]
history_days = 14
*/
WITH bills AS (
    SELECT sub_account_id, min(bill_began) AS bill_began            -- of its own bill: bills of other providers start on other days
    FROM completeness
    GROUP BY 1
),
first_charges AS (
    SELECT
        SubAccountId AS sub_account_id,
        RegionId AS region_id,
        is_edge,
        min(charge_date) AS first_charge_date
    FROM daily_services
    WHERE charge_date < $as_of
        AND (
            (ChargeCategory = 'Usage' AND CommitmentDiscountStatus IS DISTINCT FROM 'Unused')
            OR (ChargeCategory = 'Purchase' AND CommitmentDiscountId IS NULL)
        )                                                           -- no tax, credit or refund, and no commitment
        AND ChargeClass IS DISTINCT FROM 'Correction'               -- a correction is not usage
        AND NOT (                                                   -- nor is a row of an earlier billing period
            charge_date >= $first_new_day
            AND billing_period < CAST(date_trunc('month', $first_new_day) AS date)
        )
    GROUP BY 1, 2, 3
),
dated_charges AS (
    SELECT
        first_charges.sub_account_id,
        region_id,
        is_edge,
        first_charge_date,
        bills.bill_began,
        min(first_charge_date) OVER (PARTITION BY first_charges.sub_account_id) AS account_began,
        min(first_charge_date) OVER (PARTITION BY region_id, is_edge) AS organization_began
    FROM first_charges
    INNER JOIN bills ON first_charges.sub_account_id IS NOT DISTINCT FROM bills.sub_account_id
),
new_regions AS (
    SELECT
        sub_account_id,
        region_id,
        first_charge_date,
        account_began,
        organization_began < first_charge_date AS used_elsewhere
    FROM dated_charges
    WHERE first_charge_date >= $first_new_day
        AND NOT is_edge                                             -- the region of the viewer, which the account did not choose
        AND date_diff('day', bill_began, first_charge_date) >= $warm_up_days
        AND lower(region_id) NOT IN ('', 'global', 'noregion')      -- null is no region, and is excluded here
        AND NOT (
            organization_began < first_charge_date
            AND date_diff('day', account_began, first_charge_date) < $warm_up_days
            AND date_diff('day', bill_began, account_began) >= $warm_up_days  -- otherwise the account is as old as the bill
        )
),
region_services AS (
    SELECT
        new_regions.sub_account_id,
        new_regions.region_id,
        coalesce(charges.ServiceName, 'no service') AS service,
        max(charges.charge_date) AS last_day,
        sum(CASE
            WHEN charges.ChargeCategory = 'Purchase' AND charges.EffectiveCost = 0 THEN charges.BilledCost
            ELSE charges.EffectiveCost
        END) AS effective_cost                                      -- a purchase counts with its billed cost
    FROM daily_services AS charges
    INNER JOIN new_regions
        ON charges.RegionId = new_regions.region_id
        AND charges.SubAccountId IS NOT DISTINCT FROM new_regions.sub_account_id
    WHERE charges.charge_date >= $first_new_day
        AND charges.charge_date < $as_of
        AND NOT charges.is_edge
        AND (
            (charges.ChargeCategory = 'Usage' AND charges.CommitmentDiscountStatus IS DISTINCT FROM 'Unused')
            OR (charges.ChargeCategory = 'Purchase' AND charges.CommitmentDiscountId IS NULL)
        )
        AND charges.ChargeClass IS DISTINCT FROM 'Correction'
    GROUP BY 1, 2, 3
),
region_costs AS (
    SELECT
        sub_account_id,
        region_id,
        max(last_day) AS last_day,
        sum(effective_cost) AS effective_cost,
        array_agg(service ORDER BY effective_cost DESC, service) AS services
    FROM region_services
    GROUP BY 1, 2
)
SELECT
    new_regions.sub_account_id,
    new_regions.region_id,
    CAST(NULL AS varchar) AS resource_id,
    region_costs.effective_cost AS monthly_cost,
    new_regions.first_charge_date AS first_day,
    region_costs.last_day,
    region_costs.services,
    new_regions.used_elsewhere,
    new_regions.account_began
FROM new_regions
INNER JOIN region_costs
    ON new_regions.region_id = region_costs.region_id
    AND new_regions.sub_account_id IS NOT DISTINCT FROM region_costs.sub_account_id
ORDER BY monthly_cost DESC, new_regions.sub_account_id, new_regions.region_id
