"""The label of the response that mutes a finding, the same in Slack and Teams."""

from focuswatch.findings.finding import Finding


def not_waste_label(finding: Finding) -> str:
    """Return the label of the response that mutes a finding: only waste can be not waste."""
    return "Not waste" if finding.category == "waste" else "Expected"
