/*
title = "Usage by caller, from the export with IAM principals"
why   = """
From 2026-04-08 onward, CUR 2.0 contains the IAM user, role session or API key that called Amazon Bedrock. FOCUS has no
column for the caller of a model. The table has one row for each day, account, Region, meter, product, caller and set of
tags, with the quantity and cost of the calls. The table does not contain charges without a caller; the table
principal_days adds these charges from the bill. `effective_cost` is the cost after discounts, or the cost before
discounts if the export does not contain the cost after discounts.
https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-iam-principal-tracking.html
"""
reads = ["principal_export"]
*/
SELECT
    CAST(line_item_usage_start_date AS date) AS charge_date,
    line_item_usage_account_id AS sub_account_id,
    nullif(product_region_code, '') AS region_id,
    line_item_usage_type AS sku_meter,
    nullif(element_at(product, 'product_name'), '') AS product_name,
    line_item_iam_principal AS iam_principal,
    tags,
    sum(line_item_usage_amount) AS quantity,
    sum(coalesce(line_item_net_unblended_cost, line_item_unblended_cost)) AS effective_cost
FROM principal_export
WHERE line_item_iam_principal <> ''                          -- null is no caller, and is excluded here
    AND line_item_line_item_type = 'Usage'
GROUP BY 1, 2, 3, 4, 5, 6, 7
