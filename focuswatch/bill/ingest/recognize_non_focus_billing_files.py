"""Recognize billing files that are not FOCUS Cost and Usage data by their columns, and say what to use instead."""

import re
from collections.abc import Collection

USE_FOCUS = (
    "In AWS Data Exports, create an export of the table FOCUS 1.2 with AWS columns, and specify that export"
)


def describe_non_focus_format(names: Collection[str]) -> str | None:
    """Return the format that the column names indicate and what to do, as the end of a sentence; None if unknown.

    Call this only for files that lack required FOCUS columns: a FOCUS file may also contain any of these columns.
    """
    lowered = {name.strip().lower() for name in names}
    squeezed = {re.sub(r"[^a-z0-9]", "", name) for name in lowered}
    # https://docs.aws.amazon.com/cur/latest/userguide/data-dictionary.html
    if any(name.startswith("lineitem/") for name in lowered):
        return f"is a legacy Cost and Usage Report (lineItem/… columns), not FOCUS. {USE_FOCUS}"
    # https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
    if any(name.startswith("line_item_") for name in lowered):
        return f"is a Cost and Usage Report (CUR 2.0; line_item_… columns), not FOCUS. {USE_FOCUS}"
    # FOCUS 1.3 and 1.4 datasets beside Cost and Usage: https://focus.finops.org/focus-specification/
    if {"contractcommitmentid", "contractid"} <= squeezed:
        return (
            "is the FOCUS Contract Commitment dataset. Use the Cost and Usage dataset, and remove this file"
        )
    if any(name.startswith("invoicedetail") for name in squeezed) and "chargeperiodstart" not in squeezed:
        return "is the FOCUS Invoice Detail dataset. Use the Cost and Usage dataset, and remove this file"
    if "billingperiodstatus" in squeezed and "billedcost" not in squeezed:
        return "is the FOCUS Billing Period dataset. Use the Cost and Usage dataset, and remove this file"
    if {"billedcost", "amortizedcost"} <= squeezed or {"billedcost", "chargetype"} <= squeezed:
        return f"is a FOCUS 0.5 file (column AmortizedCost or ChargeType); expected FOCUS 1.0 or later. {USE_FOCUS}"
    # https://learn.microsoft.com/azure/cost-management-billing/automate/understand-usage-details-fields
    if {"metercategory", "meterid"} <= squeezed:
        return (
            "is an Azure cost and usage details file (EA or MCA), not FOCUS. Create a Cost Management export of "
            "type FOCUS and specify that export"
        )
    # https://cloud.google.com/billing/docs/how-to/export-data-bigquery-tables/standard-usage
    if "billing_account_id" in lowered and any(
        re.match(r"(project|sku|service)\b", name) for name in lowered
    ):
        return "is a Google Cloud billing export, not FOCUS. Export Google's FOCUS view of the data instead"
    return None
