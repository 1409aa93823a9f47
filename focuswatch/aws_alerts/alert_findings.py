"""Build findings from alerts of AWS, and from messages that cannot be read."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from focuswatch.catalog.sql_header_fields import Category
from focuswatch.findings.aws_alert_detections import ANOMALY, BUDGET
from focuswatch.findings.exchange_rates import Rates, usd
from focuswatch.findings.finding import Finding, OwnedBy, fingerprint, severity_of
from focuswatch.findings.limit_finding_bytes import limit_size
from focuswatch.findings.six_decimal_money import money
from focuswatch.findings.stake import EVENTS
from focuswatch.owners.owners_file_and_assignment import Owners

SENDERS = {BUDGET: "AWS Budgets", ANOMALY: "AWS Cost Anomaly Detection"}
CURRENCY = "USD"  # of a message without a currency
REASON_CHARACTERS = 600  # of the message in the reason
# Of an unreadable message: a row of the ledger contains it twice, and holds 400 KB at most.
MESSAGE_CHARACTERS = 4000


def owner_of(account_id: str | None, *, owners: Owners) -> tuple[str | None, OwnedBy]:
    """Return the owner of an account by its number alone: alerts contain no tags and no OU."""
    return owners.owner(tags=None, account_id=account_id, account_tags=None, ou_path=None)


def alert_finding(
    detection: str,
    *,
    identity: str,
    category: Category,
    title: str,
    reason: str,
    action: str,
    evidence: Mapping[str, Any],
    owner: tuple[str | None, OwnedBy],
    days: tuple[date, date],
    cost: Decimal | None = None,
    currency: str = CURRENCY,
    account: tuple[str | None, str | None] = (None, None),
    region_id: str | None = None,
    service_name: str | None = None,
    resource_id: str | None = None,
    rates: Rates | None = None,
) -> Finding:
    """Return the finding; `identity` deduplicates repeated alerts, `days` are the first and the last day.

    `account` is number and name; `rates` are those of owners.toml.
    """
    first, last = days
    is_event = category in EVENTS and cost is not None
    stated = Finding(
        detection=detection,
        fingerprint=fingerprint(detection, {"resource_id": identity}),
        category=category,
        severity=severity_of(category, usd(money(cost), currency, rates)),
        status="new",
        sub_account_id=account[0],
        sub_account_name=account[1],
        region_id=region_id,
        resource_id=resource_id,
        service_name=service_name,
        team=owner[0],
        owned_by=owner[1],
        monthly_cost=money(cost),
        cost_so_far=money(cost) if is_event else None,
        started_on=first if is_event else None,
        currency=currency,
        title=title,
        reason=reason,
        action=action,
        evidence={name: value for name, value in evidence.items() if value not in (None, [], "")},
        first_seen=first,
        last_seen=last,
        as_of=last,
    )
    return limit_size(stated)


def utf8(text: str) -> str:
    """Return `text` without lone surrogates, which JSON can contain but a ledger or a queue cannot store."""
    return text.encode(errors="replace").decode()


def unreadable_finding(text: str, *, detection: str, reason: str, today: date) -> Finding:
    """Return the finding for a message that cannot be parsed; it contains the text of the message."""
    sender, text = SENDERS[detection], utf8(text)
    return alert_finding(
        detection,
        identity=text,
        category="governance",
        title=f"Unreadable message from {sender}",
        reason=f"focuswatch could not parse a message from {sender}: {reason}. Message: {text[:REASON_CHARACTERS]}",
        action=(
            "1. Read the message, because it may report unexpected spend.\n"
            "2. If focuswatch should support this message format, open an issue in the focuswatch repository and "
            "include the message."
        ),
        evidence={"message": text[:MESSAGE_CHARACTERS]},
        owner=(None, "fallback"),
        days=(today, today),
    )
