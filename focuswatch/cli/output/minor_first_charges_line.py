"""Summarize the minor findings of a scan, which are low-severity first charges, in one line."""

from collections.abc import Sequence
from decimal import Decimal

from focuswatch.findings.amount_text_without_currency import amount
from focuswatch.findings.count_each_cost_once import without_double_counts
from focuswatch.findings.finding import Finding

SERVICES_NAMED = 6


def minor_line(findings: Sequence[Finding], currency: str) -> str:
    """Return a line with the number, titles, accounts, total cost and services of minor findings."""
    titles = ", ".join(sorted({finding.title for finding in findings}))
    services = sorted({finding.service_name for finding in findings if finding.service_name})
    named = ", ".join(services[:SERVICES_NAMED])
    if len(services) > SERVICES_NAMED:
        named += f" and {len(services) - SERVICES_NAMED} more"
    accounts = len({finding.sub_account_id for finding in findings})
    cost = amount(sum((finding.monthly_cost for finding in without_double_counts(findings)), Decimal(0)))
    return (
        f"Low severity ({titles}): {len(findings)} finding{'' if len(findings) == 1 else 's'} "
        f"in {accounts} account{'' if accounts == 1 else 's'}, "
        f"{cost} {currency} in total: {named}. To list these findings, run focuswatch findings"
    )
