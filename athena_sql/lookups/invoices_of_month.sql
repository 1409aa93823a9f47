/*
title = "Invoices of a billing period, with their amounts"
why   = """
A month is closed when its invoice is issued: the provider then fills in the column InvoiceId. The tables that
detections read do not contain InvoiceId, so this query reads three columns of the original export, for one billing
period. `absolute_cost` is the sum of the absolute values of all amounts, so credits do not offset charges that are not
invoiced yet.
"""
reads = ["focus_export"]
*/
SELECT
    InvoiceId AS invoice_id,
    BillingCurrency AS currency,
    sum(BilledCost) AS billed_cost,
    sum(abs(BilledCost)) AS absolute_cost
FROM focus_export
GROUP BY 1, 2
ORDER BY absolute_cost DESC, invoice_id
