"""A finding as a line of a digest, for every channel that combines findings in one message.

A digest replaces separate messages if a team gets too many notifications at once.
"""

from dataclasses import dataclass
from decimal import Decimal

from focuswatch.catalog.sql_header_models import Category
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.finding_amount_and_age_text import amount_suffix
from focuswatch.findings.severity import Severity
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification


@dataclass(frozen=True)
class DigestLine:
    """A finding in a digest; `account` is `name (id)`, or only the one that is known."""

    fingerprint: str
    title: str
    monthly_cost: Decimal
    currency: str
    account: str | None
    region: str | None
    resource_id: str | None
    severity: Severity
    category: Category
    detection: str = ""
    stake: Decimal | None = None  # the amount to sort by (None: monthly_cost)

    @property
    def weight(self) -> Decimal:
        """Return the amount that the digest is sorted by."""
        return self.monthly_cost if self.stake is None else self.stake

    @property
    def amount_suffix(self) -> str:
        """Return the text after the amount, e.g. `/month in potential savings`."""
        return amount_suffix(self.detection, self.category)


def digest_line(delivery: QueuedNotification) -> DigestLine:
    """Return the line of a notification, with the highest severity of the incident."""
    finding = delivery.finding
    return DigestLine(
        fingerprint=finding.fingerprint,
        title=finding.title if delivery.kind != "resolved" else f"Resolved: {finding.title}",
        monthly_cost=finding.monthly_cost,
        currency=finding.currency,
        account=account_label(finding.sub_account_name, finding.sub_account_id),
        region=finding.region_id,
        resource_id=finding.resource_id,
        severity=finding.incident_severity,
        category=finding.category,
        detection=finding.detection,
        stake=finding.stake,
    )
