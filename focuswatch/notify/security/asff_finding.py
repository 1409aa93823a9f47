"""Render a finding in the AWS Security Finding Format (ASFF). Sends no request.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_AwsSecurityFinding.html
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import full_amount
from focuswatch.findings.replace_control_characters import visible
from focuswatch.notify.one_line_and_truncated_text import truncate

PRODUCT = "focuswatch"
SCHEMA_VERSION = "2018-10-08"
ID_CHARACTERS, TITLE_CHARACTERS, DESCRIPTION_CHARACTERS = 512, 256, 1024
REMEDIATION_CHARACTERS, REGION_CHARACTERS = 512, 16
MOST_PRODUCT_FIELDS, PRODUCT_FIELD_NAME_CHARACTERS, PRODUCT_FIELD_CHARACTERS = 50, 128, 2048


@dataclass(frozen=True)
class SecurityHubAccount:
    """The account and Region whose Security Hub receives the findings, and the name of the deployment."""

    account: str
    region: str
    deployment: str

    @property
    def product_arn(self) -> str:
        """Return the ARN of the default product, which custom integrations use.

        https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-custom-providers.html
        """
        return f"arn:aws:securityhub:{self.region}:{self.account}:product/{self.account}/default"


def asff_finding(
    finding: Finding, *, hub: SecurityHubAccount, types: Sequence[str], is_open: bool, updated_at: datetime
) -> dict[str, Any]:
    """Return the finding in ASFF.

    `AwsAccountId` is the account of Security Hub, because a custom integration can import findings only for its own
    account; the account that is charged is one of the resources. Security Hub ignores an update unless `updated_at`
    is later than in the previous one.
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
        "Title": _text(f"{finding.title}: {place}" if place else finding.title, TITLE_CHARACTERS),
        "Description": _text(f"{full_amount(finding)}. {finding.reason}", DESCRIPTION_CHARACTERS),
        "Remediation": {"Recommendation": {"Text": _text(finding.action, REMEDIATION_CHARACTERS)}},
        "ProductFields": dict(_fields(finding)),
        "Resources": list(_resources(finding)),
        "RecordState": "ACTIVE" if is_open else "ARCHIVED",
    }


def asff_id(fingerprint: str, *, hub: SecurityHubAccount) -> str:
    """Return the id of a finding in Security Hub, which never changes."""
    return f"{PRODUCT}/{hub.region}/{hub.account}/{hub.deployment}/{fingerprint}"


def timestamp(at: datetime) -> str:
    """Return a time in UTC with milliseconds.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/Welcome.html#timestamps
    """
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _resources(finding: Finding) -> Iterator[dict[str, str]]:
    """Yield the resource, if the finding has one, and the account that is charged."""
    name = finding.region_id or ""
    region = {"Region": name} if 0 < len(name) <= REGION_CHARACTERS else {}
    if finding.resource_id and finding.resource_id.strip():
        yield {"Type": "Other", "Id": _text(finding.resource_id, ID_CHARACTERS), "Partition": "aws", **region}
    account = finding.sub_account_id or "unknown"
    yield {
        "Type": "AwsAccount",
        "Id": _text(f"AWS::::Account:{account}", ID_CHARACTERS),
        "Partition": "aws",
        **region,
    }


def _fields(finding: Finding) -> Iterator[tuple[str, str]]:
    continuing = finding.monthly_cost_if_continues
    known = {
        "ProviderName": PRODUCT,
        f"{PRODUCT}/fingerprint": finding.fingerprint,
        f"{PRODUCT}/detection": finding.detection,
        f"{PRODUCT}/account": account_label(finding.sub_account_name, finding.sub_account_id),
        f"{PRODUCT}/service": finding.service_name,
        f"{PRODUCT}/team": finding.team,
        f"{PRODUCT}/cost": f"{finding.monthly_cost}",
        f"{PRODUCT}/monthly_cost_if_continues": None if continuing is None else f"{continuing}",
        f"{PRODUCT}/currency": finding.currency,
        f"{PRODUCT}/action": finding.action,
    }
    evidence = {
        f"{PRODUCT}/evidence/{name}": value if isinstance(value, str) else json.dumps(value, default=str)
        for name, value in finding.evidence.items()
        if value is not None
    }
    filled = [(name, value) for name, value in (known | evidence).items() if value and value.strip()]
    for name, value in filled[:MOST_PRODUCT_FIELDS]:
        yield _text(name, PRODUCT_FIELD_NAME_CHARACTERS), _text(value, PRODUCT_FIELD_CHARACTERS)


def _text(text: str, most: int) -> str:
    return truncate(visible(text), most)


def _day(day: date) -> str:
    return f"{day}T00:00:00.000Z"
