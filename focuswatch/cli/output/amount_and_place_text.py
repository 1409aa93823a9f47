"""Format amounts and the place of a finding for terminal output."""

from decimal import Decimal

from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.amount_text_without_currency import WHOLE_FROM
from focuswatch.findings.finding import Finding

LEAST_CENTS = 0.01  # smaller amounts are shown with two significant digits


def rounded(value: Decimal | float | None) -> str:
    """Return a rounded amount: no decimals from 100 up, two below, two significant digits below 0.01."""
    if value is None:
        return ""
    size = abs(float(value))
    if not size or size >= LEAST_CENTS:
        return f"{value:,.0f}" if round(size, 2) >= WHOLE_FROM else f"{value:,.2f}"
    places = next((places for places in range(3, 12) if round(size, places) >= 10 ** (1 - places)), 12)
    return f"{value:,.{places}f}"


def money(value: Decimal | float, currency: str) -> str:
    """Return an amount with its currency, for example `4,492 USD`."""
    return f"{rounded(value)} {currency}"


def place(finding: Finding) -> str:
    """Return the account, Region, service and resource of a finding in one line."""
    account = account_label(finding.sub_account_name, finding.sub_account_id) or "the whole organization"
    return " · ".join(filter(None, (account, finding.region_id, finding.service_name, finding.resource_id)))
