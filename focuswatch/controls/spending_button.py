"""Define the button in a finding's message that pauses or resumes the spending of its use case. No I/O."""

from focuswatch.controls.decide_pause_or_resume import CAP_DETECTION, CapSettings
from focuswatch.controls.spending_pause_record import Mode, PauseRecord
from focuswatch.findings.finding import Finding
from focuswatch.notify.slack.finding_message import SpendingControl
from focuswatch.owners.owners_file_and_assignment import Owners

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


def spending_control(cap: CapSettings, record: PauseRecord | None) -> SpendingControl | None:
    """Return the button for a message about the use case; None if its spending cannot be paused."""
    paused = record is not None and record.is_paused
    if not paused and (cap.on_cap not in ("ask", "pause") or not cap.roles or cap.mode == "off"):
        return None
    if record is None or not paused:
        dry = " This is a dry run: no role will be changed." if cap.mode == "dry run" else ""
        question = (
            f"Deny all Bedrock and SageMaker calls by {count(len(cap.roles))} of use case {cap.use_case} until "
            "someone presses "
            f"Resume, for at most {cap.pause_days} day{'' if cap.pause_days == 1 else 's'}?{dry}"
        )
        return SpendingControl("pause_spending", question, ended_line(record))
    dry = "Dry run: " if record.dry_run else ""
    until = f"{record.expires:%Y-%m-%d %H:%M} UTC"
    status = f"{dry}Spending for use case {cap.use_case} was paused by {record.author} until {until}."
    return SpendingControl(
        "resume_spending",
        f"Allow {count(len(record.roles))} of use case {cap.use_case} to call Bedrock and SageMaker again?",
        status,
    )


def ended_line(record: PauseRecord | None) -> str | None:
    """Return a line that says who ended the last pause and why; None if there is no record."""
    return f"Spending was resumed by {record.author}. Reason: {record.reason}." if record else None


def count(roles: int) -> str:
    """Return `1 role` or `2 roles`."""
    return f"{roles} role{'' if roles == 1 else 's'}"
