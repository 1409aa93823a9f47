"""Determine the use case that a finding is about, and the settings of its spend cap. No I/O."""

from focuswatch.controls.decide_pause_or_resume import CAP_DETECTION, CapSettings
from focuswatch.controls.use_case_pause_model import Mode
from focuswatch.findings.finding import Finding
from focuswatch.owners.owners_file import Owners

# Detections whose findings are about a use case as a whole and name it, so that no resource tag determines it.
ABOUT_USE_CASES = (CAP_DETECTION, "experiment_overdue", "budget_pace")


def use_case_of_finding(finding: Finding, *, owners: Owners) -> str | None:
    """Return the use case that a finding is about; None if the finding is not about a known use case."""
    if finding.detection not in ABOUT_USE_CASES:
        return None
    name = (finding.resource_id or "").removeprefix("use case ")
    return name if f"use case {name}" == finding.resource_id and name in owners.use_cases else None


def cap_settings(use_case: str, *, owners: Owners, mode: Mode, pause_days: int) -> CapSettings:
    """Return the cap settings of a use case; without roles and approvers if it is no longer in owners.toml."""
    found = owners.use_cases.get(use_case)
    return CapSettings(
        use_case=use_case,
        on_cap=found.on_cap if found else None,
        roles=tuple(found.roles) if found else (),
        approvers=tuple(found.approvers) if found else (),
        mode=mode,
        pause_days=pause_days,
    )
