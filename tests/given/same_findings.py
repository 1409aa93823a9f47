"""Compare the findings of a deployment with those of a local scan of the same bill."""

import json
from typing import Any

from focuswatch.detect.scan_result import ScanResult
from focuswatch.findings.finding import Finding

NotifiedFindings = dict[
    str, tuple[str, dict[str, Any]]
]  # kind of the notification and finding, by fingerprint


def notifications_of(scanned: ScanResult) -> NotifiedFindings:
    """Return the notifications of a local scan."""
    return {
        notification.finding.fingerprint: (notification.kind, comparable_fields(notification.finding))
        for notification in scanned.notifications
    }


def comparable_fields(finding: Finding) -> dict[str, Any]:
    """Return the fields of a finding in a message, without those that only a deployment or only a local scan has.

    A local scan reads no CloudTrail events, and a deployment has a single bill, without a name.
    """
    document: dict[str, Any] = json.loads(finding.model_dump_json(by_alias=True))
    document["bills"] = []
    if document["explanation"]:
        document["explanation"].update(changes=[], unseen=None)
    return document


def differences(deployed: NotifiedFindings, local: NotifiedFindings) -> list[str]:
    """Return a line for each difference. Sums are rounded, since they depend on the order of addition."""
    result = []
    for fingerprint in sorted(deployed.keys() | local.keys()):
        kind, finding = deployed.get(fingerprint, ("nothing", {}))
        local_kind, local_finding = local.get(fingerprint, ("nothing", {}))
        detection = (finding or local_finding)["detection"]
        if kind != local_kind:
            result.append(f"{detection} {fingerprint}: {kind} deployed, {local_kind} here")
        elif _rounded(finding) != _rounded(local_finding):
            differing = [name for name in finding if _rounded(finding[name]) != _rounded(local_finding[name])]
            result += [
                f"{detection} {fingerprint}: {name} is {finding[name]} deployed, {local_finding[name]} here"
                for name in differing
            ]
    return result


def _rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, 3)
        case dict():
            return {name: _rounded(one) for name, one in value.items()}
        case list():
            # Texts about a change of 0.00 are the result of rounding.
            return [_rounded(one) for one in value if not str(one).endswith(": 0.00/day, 0%")]
    return value
