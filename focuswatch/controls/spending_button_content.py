"""Define the text of the button that pauses or resumes the spending of a finding's use case. No I/O."""

from focuswatch.controls.decide_pause_or_resume import CapSettings
from focuswatch.controls.use_case_pause_model import PauseRecord
from focuswatch.notify.slack.finding_message import SpendingControl


def spending_control(cap: CapSettings, record: PauseRecord | None) -> SpendingControl | None:
    """Return the button for a message about the use case; None if its spending cannot be paused."""
    paused = record is not None and record.is_paused
    if not paused and (cap.on_cap not in ("ask", "pause") or not cap.roles or cap.mode == "off"):
        return None
    if record is None or not paused:
        dry = " This is a dry run: no role will be changed." if cap.mode == "dry run" else ""
        question = (
            f"Deny all Bedrock and SageMaker calls by {role_count(len(cap.roles))} of use case {cap.use_case} until "
            "someone presses "
            f"Resume, for at most {cap.pause_days} day{'' if cap.pause_days == 1 else 's'}?{dry}"
        )
        return SpendingControl("pause_spending", question, resumed_line(record))
    return SpendingControl(
        "resume_spending",
        f"Allow {role_count(len(record.roles))} of use case {cap.use_case} to call Bedrock and SageMaker again?",
        paused_text(record),
    )


def paused_text(record: PauseRecord) -> str:
    """Return sentences that say until when the spending is paused, or would be without the dry run, and by whom."""
    until = f"until {record.expires:%Y-%m-%d %H:%M} UTC"
    if record.dry_run:
        return (
            f"Dry run (no role was changed): spending for use case {record.use_case} would be paused {until}. "
            f"Requested by {record.author}."
        )
    return f"Spending for use case {record.use_case} is paused {until}. Paused by {record.author}."


def resumed_line(record: PauseRecord | None) -> str | None:
    """Return a line that says who ended the last pause and why; None if there is no record."""
    if record is None:
        return None
    ended = "is not paused" if record.was_never_applied else f"was resumed by {record.author}"
    return f"Spending {ended}. Reason: {record.reason}."


def role_count(number: int) -> str:
    """Return `1 role` or `2 roles`."""
    return f"{number} role{'' if number == 1 else 's'}"
