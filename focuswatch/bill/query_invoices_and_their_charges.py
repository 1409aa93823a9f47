"""Query a billing period's charges by invoice, from the export as delivered.

The tables that detections read do not contain InvoiceId, because only the chargeback and the month close need it.
These reports read a few columns of one billing period of the export again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from focuswatch.bill.bill_protocol import Bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines import Row
from focuswatch.engines.prepend_tables_as_ctes import replace_table

ChargeKind = Literal["usage", "fee", "credit", "tax", "refund"]


@dataclass(frozen=True)
class InvoiceCharge:
    """The total of the charges with the same invoice, account, service, kind and tags.

    `invoice_id` is None if the charges are not yet invoiced. `account_from` is the first day of the account's period in
    the table account_periods; None for unknown accounts.
    """

    invoice_id: str | None
    currency: str
    sub_account_id: str | None
    service_name: str | None
    charge_kind: ChargeKind
    tags: Mapping[str, str | None] | None
    billed_cost: Decimal
    account_from: date | None = None


@dataclass(frozen=True)
class MonthInvoice:
    """An invoice of a billing period; `invoice_id` is None for the charges that are not yet invoiced.

    `absolute_cost` is the sum of the absolute amounts. `currency` is the delivered currency of the invoice.
    """

    invoice_id: str | None
    currency: str | None
    billed_cost: float
    absolute_cost: float


def invoice_charges(bill: Bill, *, billing_period: date, catalog: Catalog) -> list[InvoiceCharge]:
    """Return the charges of a billing period; empty if the export does not contain it.

    Raises ExportError and QueryError.
    """
    return [
        InvoiceCharge(**row) for row in _delivered("invoice_charges", bill, billing_period, catalog=catalog)
    ]


def month_invoices(bill: Bill, billing_period: date, *, catalog: Catalog) -> list[MonthInvoice]:
    """Return the invoices of a billing period, the largest first. Raises ExportError and QueryError."""
    rows = _delivered("invoices_of_month", bill, billing_period, catalog=catalog)
    invoices = [
        MonthInvoice(
            row["invoice_id"], row["currency"], row["billed_cost"] or 0.0, row["absolute_cost"] or 0.0
        )
        for row in rows
    ]
    return sorted(invoices, key=lambda invoice: (-invoice.absolute_cost, invoice.invoice_id or ""))


def _delivered(name: str, bill: Bill, billing_period: date, *, catalog: Catalog) -> list[Row]:
    """Return the rows of a lookup over the charges of a billing period as delivered."""
    lookup = catalog.lookups[name]
    statement = replace_table(lookup.sql, "focus_export", select=bill.delivered_charges(billing_period))
    return bill.engine.query(statement, label=f"{lookup.id} {billing_period:%Y-%m}")
