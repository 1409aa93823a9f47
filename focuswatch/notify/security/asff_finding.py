"""Render a finding in the AWS Security Finding Format.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from focuswatch.findings.account_owner_evidence_labels import account_label
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_text import full_amount
from focuswatch.findings.replace_control_characters import visible

PRODUCT = "focuswatch"
SCHEMA_VERSION = "2018-10-08"
ID, TITLE, DESCRIPTION, REMEDIATION, REGION = 512, 256, 1024, 512, 16  # characters
FIELDS, FIELD_NAME, FIELD = 50, 128, 2048  # ProductFields: their number, and characters


@dataclass(frozen=True)
class SecurityHubAccount:
    """The account and Region whose Security Hub receives findings, and the name of the deployment."""

    account: str
    region: str
    deployment: str

    @property
    def product_arn(self) -> str:
        """Return the default product ARN of custom integrations: https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-custom-providers.html"""
        return f"arn:aws:securityhub:{self.region}:{self.account}:product/{self.account}/default"


def asff_finding(
    finding: Finding, *, hub: SecurityHubAccount, types: Sequence[str], is_open: bool, updated_at: datetime
) -> dict[str, Any]:
    """Return the finding. `AwsAccountId` is Security Hub's own account, which alone may import; the charged account
    is a resource.

    Security Hub ignores an update unless `updated_at` is later than that of the previous one.
    """
    place = ", ".join(filter(None, (finding.sub_account_name or finding.sub_account_id, finding.region_id)))
    return {
        "SchemaVersion": SCHEMA_VERSION,
        "Id": asff_id(finding.fingerprint, hub=hub),
        "ProductArn": hub.product_arn,
        "ProductName": PRODUCT,
        "CompanyName": PRODUCT,
        "GeneratorId": f"{PRODUCT}/{finding.detection}",
        "AwsAccountId": hub.account,
        "CreatedAt": _day(finding.first_seen),
        "UpdatedAt": timestamp(updated_at),
        "FirstObservedAt": _day(finding.started_on or finding.first_seen),
        "LastObservedAt": _day(finding.ended_on or finding.last_seen),
        "FindingProviderFields": {
            "Severity": {"Label": finding.severity.upper(), "Original": finding.severity},
            "Types": list(types),
        },
        "Title": _text(f"{finding.title}: {place}" if place else finding.title, TITLE),
        "Description": _text(f"{full_amount(finding)}. {finding.reason}", DESCRIPTION),
        "Remediation": {"Recommendation": {"Text": _text(finding.action, REMEDIATION)}},
        "ProductFields": dict(_fields(finding)),
        "Resources": list(_resources(finding)),
        "RecordState": "ACTIVE" if is_open else "ARCHIVED",
    }


def asff_id(fingerprint: str, *, hub: SecurityHubAccount) -> str:
    """Return the id of a finding in Security Hub, the same in its whole life."""
    return f"{PRODUCT}/{hub.region}/{hub.account}/{hub.deployment}/{fingerprint}"


def timestamp(at: datetime) -> str:
    """Return a time with milliseconds: https://docs.aws.amazon.com/securityhub/1.0/APIReference/Welcome.html#timestamps"""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _resources(finding: Finding) -> Iterator[dict[str, str]]:
    """Yield the resource, if there is one, and the account that is charged."""
    name = finding.region_id or ""
    region = {"Region": name} if 0 < len(name) <= REGION else {}
    if finding.resource_id and finding.resource_id.strip():
        yield {"Type": "Other", "Id": _text(finding.resource_id, ID), "Partition": "aws", **region}
    account = finding.sub_account_id or "unknown"
    yield {"Type": "AwsAccount", "Id": _text(f"AWS::::Account:{account}", ID), "Partition": "aws", **region}


def _fields(finding: Finding) -> Iterator[tuple[str, str]]:
    known = {
        "ProviderName": PRODUCT,
        f"{PRODUCT}/fingerprint": finding.fingerprint,
        f"{PRODUCT}/detection": finding.detection,
        f"{PRODUCT}/account": account_label(finding.sub_account_name, finding.sub_account_id),
        f"{PRODUCT}/service": finding.service_name,
        f"{PRODUCT}/team": finding.team,
        f"{PRODUCT}/cost": f"{finding.monthly_cost}",
        f"{PRODUCT}/monthly_cost_if_continues": _number(finding),
        f"{PRODUCT}/currency": finding.currency,
        f"{PRODUCT}/action": finding.action,
    }
    evidence = {
        f"{PRODUCT}/evidence/{name}": value if isinstance(value, str) else json.dumps(value, default=str)
        for name, value in finding.evidence.items()
        if value is not None
    }
    filled = [(name, value) for name, value in (known | evidence).items() if value and value.strip()]
    for name, value in filled[:FIELDS]:
        yield _text(name, FIELD_NAME), _text(value, FIELD)


def _number(finding: Finding) -> str | None:
    value = finding.monthly_cost_if_continues
    return None if value is None else f"{value}"


def _text(text: str, most: int) -> str:
    shown = visible(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def _day(day: date) -> str:
    return f"{day}T00:00:00.000Z"
