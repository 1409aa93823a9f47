"""Decide whether a button press, a cap, the clock or a manual change starts or ends a pause. No I/O.

The record is written before IAM changes, and only a record in the state `requested` attaches the policy. If someone
detaches the policy manually, the record is already `applied`, so the policy is not attached again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from focuswatch.controls.use_case_pause_model import Mode, PauseRecord, PauseState, expiry
from focuswatch.findings.finding import Finding

CAP_DETECTION = "spend_cap"
BY_ITSELF = "focuswatch"
BY_HAND = "someone outside focuswatch"
# IAM is eventually consistent: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
SETTLED_SECONDS = 900
FRESH_DAYS = 3  # maximum age of a finding that can start a pause
KILL_SWITCH = "kill_switch is set in deployment.toml"


@dataclass(frozen=True)
class Press:
    """A press of *Pause spending* or *Resume* by a Slack user; `at` is the time of the press from Slack."""

    wants: Literal["pause", "resume"]
    author: str
    user_id: str
    fingerprint: str
    at: float


@dataclass(frozen=True)
class CapSettings:
    """The settings for the cap of a use case, from owners.toml and deployment.toml."""

    use_case: str
    on_cap: str | None
    roles: tuple[str, ...]
    approvers: tuple[str, ...]
    mode: Mode
    pause_days: int


@dataclass(frozen=True)
class PauseDecision:
    """The record to write next (None: no change), and a note for the user."""

    record: PauseRecord | None
    note: str


def decide_press(
    record: PauseRecord | None, press: Press, *, cap: CapSettings, reason: str, now: float
) -> PauseDecision:
    """Decide the effect of a button press. Duplicate, outdated and unauthorized presses change nothing.

    A press that requests the current state is still recorded as the last decision, so that an older press that arrives
    later is ignored.
    """
    if press.user_id not in cap.approvers:
        named = ", ".join(f"<@{approver}>" for approver in cap.approvers) or "none is configured"
        return PauseDecision(
            None,
            f"Only an approver of use case {cap.use_case} can pause or resume spending. Approvers: {named}.",
        )
    if record and press.at == record.decided_at:
        return PauseDecision(None, "")  # duplicate delivery
    if record and press.at < record.decided_at:
        return PauseDecision(
            None, f"A later decision about use case {cap.use_case} has replaced this decision."
        )
    if press.wants == "resume":
        return _resume(record, press, cap=cap, now=now)
    if cap.mode == "off":
        return PauseDecision(None, f"Spending was not paused: {KILL_SWITCH}.")
    if cap.on_cap not in ("ask", "pause") or not cap.roles:
        return PauseDecision(
            None, f"owners.toml no longer permits pausing the spending for use case {cap.use_case}."
        )
    if record and _is_in_force(record, cap=cap):
        return PauseDecision(
            record.model_copy(update={"decided_at": press.at}),
            f"Spending for use case {cap.use_case} is already paused by {record.author}.",
        )
    paused = _requested(
        record,
        cap=cap,
        author=press.author,
        reason=reason,
        now=now,
        decided_at=press.at,
        fingerprint=press.fingerprint,
    )
    return PauseDecision(paused, "paused")


def _resume(record: PauseRecord | None, press: Press, *, cap: CapSettings, now: float) -> PauseDecision:
    """Decide the effect of a press of Resume.

    If the record was lost, a new record with all roles of the cap ensures that the policy is detached.
    """
    reason = "the Resume button was pressed in Slack"
    if record is None:
        record = PauseRecord(
            use_case=cap.use_case,
            state="removed",
            roles=cap.roles,
            author=press.author,
            reason=reason,
            expires_at=now,
            decided_at=press.at,
            fingerprint=press.fingerprint,
        )
        reason += "; no record of a pause was found"
    elif not record.is_paused:
        return PauseDecision(
            record.model_copy(update={"decided_at": press.at}),
            f"Spending for use case {cap.use_case} is not paused.",
        )
    decided = record.model_copy(update={"decided_at": press.at})
    return PauseDecision(decided.changed("removing", author=press.author, reason=reason, at=now), "resumed")


def _is_in_force(record: PauseRecord, *, cap: CapSettings) -> bool:
    """Return whether the use case is already paused; a dry-run pause does not count if the mode is live."""
    return record.is_paused and not (record.dry_run and cap.mode == "live")


def _requested(
    record: PauseRecord | None,
    *,
    cap: CapSettings,
    author: str,
    reason: str,
    now: float,
    decided_at: float,
    fingerprint: str | None,
    cap_key: str | None = None,
) -> PauseRecord:
    """Return the record of a new pause, which keeps the history and the `cap_key` of the previous record."""
    start = PauseRecord(
        use_case=cap.use_case,
        state="requested",
        roles=cap.roles,
        author=author,
        reason=reason,
        expires_at=expiry(now, days=cap.pause_days),
        decided_at=decided_at,
        fingerprint=fingerprint,
        dry_run=cap.mode == "dry run",
        cap_key=cap_key or (record.cap_key if record else None),
        number=record.number if record else 0,
        announced=record.announced if record else 0,
        history=record.history if record else (),
    )
    return start.changed("requested", author=author, reason=reason, at=now)


def decide_clock(record: PauseRecord | None, *, cap: CapSettings, now: float) -> PauseDecision:
    """End a pause that has expired, or any pause if the kill switch is set."""
    if record is None or not record.is_paused:
        return PauseDecision(None, "")
    if cap.mode == "off":
        why = KILL_SWITCH
    elif now >= record.expires_at:
        why = f"the pause expired on {record.expires:%Y-%m-%d %H:%M} UTC"
    else:
        return PauseDecision(None, "")
    ended = record.model_copy(update={"decided_at": max(record.decided_at, now)})
    return PauseDecision(ended.changed("removing", author=BY_ITSELF, reason=why, at=now), why)


def decide_observed(record: PauseRecord | None, *, attached: Collection[str], now: float) -> PauseDecision:
    """End the pause of roles that no longer have the policy, because someone detached it manually.

    If other roles keep the policy, the record still names who paused the spending.
    """
    if record is None or record.state != "applied" or record.dry_run:
        return PauseDecision(None, "")
    if now - record.history[-1].at < SETTLED_SECONDS:
        return PauseDecision(None, "")
    left = tuple(role for role in record.roles if role in attached)
    if left == record.roles:
        return PauseDecision(None, "")
    state: PauseState = "applied" if left else "removed"
    gone = ", ".join(role for role in record.roles if role not in left)
    why = f"the deny policy was removed from {gone}"
    changed = record.model_copy(
        update={"roles": left or record.roles, "decided_at": max(record.decided_at, now)}
    )
    changed = changed.changed(state, author=BY_HAND, reason=why, at=now)
    if left:
        reason = f"{BY_HAND} removed the deny policy from {gone}"
        changed = changed.model_copy(update={"author": record.author, "reason": reason})
    return PauseDecision(changed, why)


def decide_cap(
    record: PauseRecord | None, finding: Finding | None, *, cap: CapSettings, now: float
) -> PauseDecision:
    """Pause a use case with on_cap = "pause" whose cap is spent, once per cap and month.

    So if an approver resumes the spending, it is not paused again until the cap changes or the month ends.
    """
    if cap.on_cap != "pause" or cap.mode == "off" or not cap.roles or finding is None:
        return PauseDecision(None, "")
    if not is_cap_spent(finding, today=datetime.fromtimestamp(now, UTC).date()):
        return PauseDecision(None, "")
    key = f"{datetime.fromtimestamp(now, UTC):%Y-%m} {finding.evidence.get('limit_amount')} {cap.mode}"
    if record and (_is_in_force(record, cap=cap) or record.cap_key == key):
        return PauseDecision(None, "")
    paused = _requested(
        record,
        cap=cap,
        author=BY_ITSELF,
        reason=finding.reason,
        now=now,
        decided_at=now,
        fingerprint=finding.fingerprint,
        cap_key=key,
    )
    return PauseDecision(paused, "paused")


def is_cap_spent(finding: Finding, *, today: date) -> bool:
    """Return whether the finding is recent and states that the cap of the current period is fully spent."""
    evidence = finding.evidence
    if finding.detection != CAP_DETECTION or evidence.get("reached_percent", 0) < 100:
        return False
    if today - finding.as_of > timedelta(days=FRESH_DAYS):
        return False
    return evidence.get("limit_period") == "in total" or evidence.get("month") == f"{today:%Y-%m}"


def carried_out(record: PauseRecord, *, failed: dict[str, str], now: float) -> PauseRecord:
    """Return the record after its roles were changed; `failed` has the reason for each role that was not changed."""
    done = record.model_copy(update={"number": record.number + 1, "failed": failed})
    if record.state == "removing":
        return done.changed("removed", author=record.author, reason=record.reason, at=now)
    left = tuple(role for role in record.roles if role not in failed)
    if not left:
        return done.changed(
            "removed", author=BY_ITSELF, reason="the deny policy could not be attached to any role", at=now
        )
    kept = done.model_copy(update={"roles": left})
    return kept.changed("applied", author=record.author, reason=record.reason, at=now)


def unrecorded(
    attached: Collection[str], records: Sequence[PauseRecord], *, capped: Collection[str]
) -> list[str]:
    """Return the capped roles that have the policy without a record; they are reported but not changed."""
    recorded = {role for record in records if record.permits_policy for role in record.roles}
    return sorted(role for role in attached if role in capped and role not in recorded)
