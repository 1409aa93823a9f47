"""Build a finding from the values of an AWS alert."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from focuswatch.catalog.sql_header_models import Category
from focuswatch.findings.compute_finding_amounts_and_event_end import EVENTS
from focuswatch.findings.decimal_money_type_and_rounding import money
from focuswatch.findings.finding import (
    Finding,
    OwnedBy,
    fingerprint,
)
from focuswatch.findings.limit_finding_bytes import limit_size
from focuswatch.findings.severity import severity_of
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rates, usd
from focuswatch.owners.assign_owner_and_use_case import assigned_owner
from focuswatch.owners.owners_file import Owners

CURRENCY = "USD"  # currency of a message that names none


def owner_of(account_id: str | None, *, owners: Owners) -> tuple[str | None, OwnedBy]:
    """Return the owner of an account by its id only, because alerts contain no tags and no OU."""
    return assigned_owner(owners, tags=None, account_id=account_id, account_tags=None, ou_path=None)


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
    """Return the finding of an alert.

    Alerts with the same `identity` are the same finding. `days` are the first and the last day, `account` is id and
    name, `rates` are the exchange rates of owners.toml.
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
