"""What the messages have in common: the finding they become, and the one for a message nobody can read."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from focuswatch.catalog.catalog import Category
from focuswatch.findings.exchange_rates import Rates, usd
from focuswatch.findings.finding import Finding, OwnedBy, fingerprint, money, severity_of
from focuswatch.findings.size_limits import limit_size
from focuswatch.findings.stake import EVENTS
from focuswatch.owners.owners_file import Owners

BUDGET = "aws_budget"
ANOMALY = "aws_cost_anomaly"
SPEAKERS = {BUDGET: "AWS Budgets", ANOMALY: "AWS Cost Anomaly Detection"}
CURRENCY = "USD"  # where a message names none
SAID_CHARACTERS = 600  # of it where it is told
MESSAGE_CHARACTERS = 4000  # of what could not be read: a row of the ledger holds it twice, and 400 KB at most


def owner_of(account_id: str | None, *, owners: Owners) -> tuple[str | None, OwnedBy]:
    """Who owns an account, as far as its number alone tells: the messages know no tags and no OU."""
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
    """The finding; `identity` makes it the same when it is told again, `days` are the first and the last it is about.

    `account` is its number and its name; `rates` are those of owners.toml.
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
    """`text` without the halves of characters that JSON can name, and neither a ledger nor a queue can hold."""
    return text.encode(errors="replace").decode()


def unreadable_finding(text: str, *, detection: str, why: str, today: date) -> Finding:
    """The finding that a message came which nobody could read; whoever gets it reads it there."""
    speaker, text = SPEAKERS[detection], utf8(text)
    return alert_finding(
        detection,
        identity=text,
        category="governance",
        title=f"A message of {speaker} that could not be read",
        reason=f"A message came in a form that focuswatch does not know: {why}. It says: {text[:SAID_CHARACTERS]}",
        action=(
            "1. Read it; it may say that money is being spent.\n"
            "2. Where such messages are to be understood, open an issue with its text."
        ),
        evidence={"message": text[:MESSAGE_CHARACTERS]},
        owner=(None, "fallback"),
        days=(today, today),
    )
