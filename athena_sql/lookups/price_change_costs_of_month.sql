/*
title = "Effect of price changes on monthly cost"
why   = """
The month close shows how much price changes increased or decreased the cost. For each meter, this amount is the
quantity in the month multiplied by the change in price since the previous month. A price is the BilledCost per pricing
unit of a meter in an account and Region. Usage covered by a commitment is excluded, because AWS bills the commitment
instead of this usage. `account_from` is the first day of the account's period in the table account_periods. The tags and
the OU of this period determine the owner of the charges.
"""
reads = ["daily_charges", "account_periods"]
[parameters]
first_day = 2026-01-01
end_day = 2026-02-01
earlier_day = 2025-12-01       # first day of the previous month
names_resources = true         # false if owners.toml lists no resources, so that the rows contain no resources
least_change = 0.01
least_effect_usd = 1.0
*/
WITH usages AS (
    SELECT
        *,
        charge_date >= $first_day AS is_now
    FROM daily_charges
    WHERE charge_date >= $earlier_day
        AND charge_date < $end_day
        AND ChargeCategory = 'Usage'
        AND ChargeClass IS DISTINCT FROM 'Correction'
        AND CommitmentDiscountId IS NULL
        AND SkuMeter IS NOT NULL
        AND PricingQuantity > 0
),
meters AS (
    SELECT
        SubAccountId,
        RegionId,
        ServiceName,
        SkuMeter,
        x_Operation,
        PricingUnit,
        PricingCategory,
        sum(CASE WHEN is_now THEN BilledCost ELSE 0 END) AS cost,
        sum(CASE WHEN is_now THEN PricingQuantity ELSE 0 END) AS quantity,
        sum(CASE WHEN is_now THEN 0 ELSE BilledCost END) AS cost_before,
        sum(CASE WHEN is_now THEN 0 ELSE PricingQuantity END) AS quantity_before
    FROM usages
    GROUP BY 1, 2, 3, 4, 5, 6, 7
),
changed_meters AS (
    SELECT
        *,
        cost_before / nullif(quantity_before, 0) AS price_before
    FROM meters
    WHERE quantity > 0
        AND quantity_before > 0
        AND cost > 0
        AND cost_before > 0
        AND abs(cost / nullif(quantity, 0) * quantity_before / nullif(cost_before, 0) - 1) >= $least_change
        AND abs(cost - quantity * cost_before / nullif(quantity_before, 0)) >= $least_effect_usd
)
SELECT
    usages.SubAccountId AS sub_account_id,
    account_periods.valid_from AS account_from,
    usages.ServiceName AS service_name,
    CASE WHEN $names_resources THEN usages.ResourceId END AS resource_id,
    usages.Tags AS tags,
    sum(usages.BilledCost - usages.PricingQuantity * changed_meters.price_before) AS price_cost
FROM usages
INNER JOIN changed_meters
    ON usages.SkuMeter = changed_meters.SkuMeter
    AND usages.SubAccountId IS NOT DISTINCT FROM changed_meters.SubAccountId
    AND usages.RegionId IS NOT DISTINCT FROM changed_meters.RegionId
    AND usages.ServiceName IS NOT DISTINCT FROM changed_meters.ServiceName
    AND usages.x_Operation IS NOT DISTINCT FROM changed_meters.x_Operation
    AND usages.PricingUnit IS NOT DISTINCT FROM changed_meters.PricingUnit
    AND usages.PricingCategory IS NOT DISTINCT FROM changed_meters.PricingCategory
LEFT JOIN account_periods
    ON usages.SubAccountId = account_periods.sub_account_id
    AND usages.charge_date >= account_periods.valid_from
    AND usages.charge_date < account_periods.valid_to
WHERE usages.is_now
GROUP BY 1, 2, 3, 4, 5
