"""The findings of tests/golden/findings.json, which come from a simulated organization."""

from pydantic import TypeAdapter

from focuswatch.findings.finding import Finding
from tests.given.golden_files import GOLDEN

FINDINGS = GOLDEN / "findings.json"


def golden_findings() -> list[Finding]:
    """Return all findings, ordered by cost."""
    return TypeAdapter(list[Finding]).validate_json(FINDINGS.read_bytes())


def golden_finding(detection: str) -> Finding:
    """Return the first finding of a detection."""
    return next(one for one in golden_findings() if one.detection == detection)
