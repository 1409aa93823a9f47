"""Build a finding from a row of a detection's result. Pure: nothing is queried or stored here."""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from focuswatch.catalog.sql_catalog import Detection
from focuswatch.catalog.sql_header_models import Category
from focuswatch.engines import Row
from focuswatch.findings.compute_finding_amounts_and_event_end import Stake, stake_of, weight
from focuswatch.findings.decimal_money_type_and_rounding import money
from focuswatch.findings.evidence_labels_and_values_that_fill_placeholders import display_values
from focuswatch.findings.fast_model_copy import share_field_names
from focuswatch.findings.fill_action_with_safe_commands import COMMAND, action_of
from focuswatch.findings.finding import Finding, fingerprint
from focuswatch.findings.is_aws_provider import is_aws
from focuswatch.findings.limit_finding_bytes import limit_size
from focuswatch.findings.severity import Severity, severity_of

ONE_DAY = re.compile(r"\bfrom (\d{4}-\d{2}-\d{2}) to \1\b")  # a range of one day, shown as a date
CONTRACT = ("sub_account_id", "region_id", "resource_id", "monthly_cost")
# Optional columns that have a meaning of their own, and are therefore not evidence.
CARRIED = (
    "service_name",
    "not_evaluated",
    "nobody_looked",  # former name of not_evaluated
    "team",
    "minor",
    "monthly_cost_if_continues",
)


def to_finding(
    row: Row,
    *,
    detection: Detection,
    as_of: date,
    currency: str,
    account_names: Mapping[str, str],
    per_usd: Decimal = Decimal(1),
    billed_until: date | None = None,
    provider: str | None = None,
    bills: tuple[str, ...] = (),
) -> Finding:
    """Return the finding for a row of `detection`, without an owner and not yet in a ledger.

    `row` has the required columns, with values as in JSON. `per_usd` is units of `currency` per US dollar.
    `billed_until` is the last day on which the account has charges (None: the day before `as_of`). `provider` is None
    on a bill with only AWS charges. Texts that are too long for a ledger are cut and marked.
    """
    header, cost = detection.header, money(row["monthly_cost"])
    account = row["sub_account_id"]
    named = row | {
        "sub_account_name": account_names.get(account or "", account),
        "currency": currency,
        "provider": provider or "AWS",
    }
    template = (
        header.action if provider is None or is_aws(provider) else header.action_of_others or header.action
    )
    words = display_values(named)
    last_billed = billed_until or as_of - timedelta(days=1)
    stake = stake_of(header.category, row, cost=cost, as_of=as_of, billed_until=last_billed)
    stated = Finding(
        detection=detection.id,
        fingerprint=fingerprint(detection.id, row),
        category=header.category,
        severity=_severity(header.category, stake, per_usd=per_usd, minor=bool(row.get("minor"))),
        status="new",
        sub_account_id=account,
        sub_account_name=account_names.get(account or ""),
        region_id=row["region_id"],
        resource_id=row["resource_id"],
        service_name=row.get("service_name"),
        team=None,
        owned_by="fallback",
        monthly_cost=stake.cost,
        cost_so_far=stake.cost_so_far,
        monthly_cost_if_continues=stake.monthly_if_continues,
        started_on=stake.started_on,
        ended_on=stake.ended_on,
        currency=currency,
        provider=provider,
        bills=bills,
        title=header.title,
        reason=ONE_DAY.sub(r"on \1", header.reason.strip().format_map(words)),
        action=action_of(template.strip(), named, words=words),
        evidence=_evidence(row),
        first_seen=as_of,
        last_seen=as_of,
        as_of=as_of,
    )
    share_field_names(stated)
    return limit_size(stated)


def _severity(category: Category, stake: Stake, *, per_usd: Decimal, minor: bool) -> Severity:
    weighed = weight(category, cost=stake.cost, monthly_if_continues=stake.monthly_if_continues)
    return severity_of(category, weighed / per_usd, minor=minor)


def _evidence(row: Row) -> dict[str, Any]:
    """Return the evidence columns of a row; a command is None if it is not safe to paste."""
    evidence = {key: value for key, value in row.items() if key not in (*CONTRACT, *CARRIED)}
    for key in [key for key in evidence if key.endswith("_command")]:
        command = action_of(str(evidence[key]), row, words=display_values(row))
        evidence[key] = command if COMMAND.fullmatch(command) else None
    return evidence
