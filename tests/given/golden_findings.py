"""The findings of tests/golden/findings.json, which come from a simulated organization."""

import json
from pathlib import Path

from focuswatch.findings.finding import Finding

FINDINGS = Path(__file__).parents[1] / "golden" / "findings.json"


def golden_finding(detection: str) -> Finding:
    """The first finding of a detection."""
    every = (Finding.model_validate(one) for one in json.loads(FINDINGS.read_text(encoding="utf-8")))
    return next(one for one in every if one.detection == detection)
