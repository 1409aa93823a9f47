/*
title = "Charges of a billing period by invoice"
why   = """
The total of a chargeback must equal the total of the invoice. To compute a chargeback, focuswatch reads one billing
period of the original export, because the tables that detections read do not contain InvoiceId. Amounts are decimals,
so the order of addition does not change the total. The column `charge_kind` has one of these values: refund
(corrections of earlier invoices, and adjustments), tax, credit, fee (recurring, one-time or purchase), or usage.
`account_from` is the first day of the account's period in the table account_periods. The tags and the OU of this period
determine the owner of the charge. `invoice_id` is null until the provider issues the invoice. FOCUS 1.0 exports do not
have the column InvoiceId, so `invoice_id` is always null for these exports. Corrections are charges that have the
value Correction in the FOCUS column ChargeClass (see
https://github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec/blob/main/specification/columns/chargeclass.md).
"""
reads = ["focus_export", "account_periods"]
*/
SELECT
    InvoiceId AS invoice_id,
    BillingCurrency AS currency,
    SubAccountId AS sub_account_id,
    account_periods.valid_from AS account_from,
    ServiceName AS service_name,
    CASE
        WHEN ChargeClass = 'Correction' OR ChargeCategory = 'Adjustment' THEN 'refund'
        WHEN ChargeCategory = 'Tax' THEN 'tax'
        WHEN ChargeCategory = 'Credit' THEN 'credit'
        WHEN ChargeCategory = 'Purchase' OR ChargeFrequency IN ('Recurring', 'One-Time') THEN 'fee'
        ELSE 'usage'
    END AS charge_kind,
    charges.Tags AS tags,
    sum(CAST(coalesce(BilledCost, 0) AS decimal(38, 10))) AS billed_cost
FROM focus_export AS charges
LEFT JOIN account_periods
    ON SubAccountId = account_periods.sub_account_id
    AND CAST(ChargePeriodStart AS date) >= account_periods.valid_from
    AND CAST(ChargePeriodStart AS date) < account_periods.valid_to
GROUP BY 1, 2, 3, 4, 5, 6, 7
