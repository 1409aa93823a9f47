"""Compare the findings of a deployment with those of a local scan of the same bill."""

import json
from typing import Any

from focuswatch.detect.scan_result import ScanResult
from focuswatch.findings.finding import Finding

Told = dict[str, tuple[str, dict[str, Any]]]  # kind and finding by fingerprint


def news_of(scanned: ScanResult) -> Told:
    """Return the notifications of a scan."""
    return {
        notification.finding.fingerprint: (notification.kind, as_told(notification.finding))
        for notification in scanned.notifications
    }


def as_told(finding: Finding) -> dict[str, Any]:
    """Return the fields of a finding in a message, without those that one side lacks.

    A local scan reads no CloudTrail events, and a deployment has one bill, without a name.
    """
    document: dict[str, Any] = json.loads(finding.model_dump_json(by_alias=True))
    document["bills"] = []
    if document["explanation"]:
        document["explanation"].update(changes=[], unseen=None)
    return document


def differences(told: Told, here: Told) -> list[str]:
    """Return a line for each difference; sums may differ in the order of addition."""
    result = []
    for fingerprint in sorted(told.keys() | here.keys()):
        kind, finding = told.get(fingerprint, ("nothing", {}))
        kind_here, finding_here = here.get(fingerprint, ("nothing", {}))
        detection = (finding or finding_here)["detection"]
        if kind != kind_here:
            result.append(f"{detection} {fingerprint}: {kind} deployed, {kind_here} here")
        elif _rounded(finding) != _rounded(finding_here):
            differing = [name for name in finding if _rounded(finding[name]) != _rounded(finding_here[name])]
            result += [
                f"{detection} {fingerprint}: {name} is {finding[name]} deployed, {finding_here[name]} here"
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
            return [
                _rounded(one) for one in value if not str(one).endswith(": 0.00/day, 0%")
            ]  # rounding alone
    return value
