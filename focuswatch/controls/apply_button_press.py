"""Pause or resume the spending of a use case after a press of *Pause spending* or *Resume* in Slack."""

from focuswatch.controls.carry_out_use_case_pauses import PauseOutcome
from focuswatch.controls.decide_pause_or_resume import Press, decide_press
from focuswatch.controls.pause_at_cap_and_end_expired_pauses import SpendCaps
from focuswatch.controls.use_case_and_cap_of_finding import use_case_of_finding
from focuswatch.errors import Refused
from focuswatch.notify.slack.verify_and_parse_slack_interactions import UserResponse

SLACK_REASON = "the Pause spending button was pressed in Slack"


def apply_button_press(response: UserResponse, *, caps: SpendCaps) -> PauseOutcome:
    """Carry out a button press and announce the change. Raises TryLater, Unsure or Refused; safe to repeat."""
    entry = caps.ledger.entries().get(response.fingerprint)
    use_case = use_case_of_finding(entry.finding, owners=caps.owners) if entry else None
    if entry is None or use_case is None:
        return PauseOutcome(None, changed=False, note="focuswatch cannot find this finding or its use case.")
    name = f"{response.user_name} ({response.user_id})" if response.user_name else response.user_id
    press = Press(
        wants="pause" if response.action == "pause_spending" else "resume",
        author=name,
        user_id=response.user_id,
        fingerprint=response.fingerprint,
        at=pressed_at(response),
    )
    cap, reason = caps.settings(use_case), f"{SLACK_REASON}: {entry.finding.reason}"
    outcome = caps.pauses.change(
        use_case,
        lambda record: decide_press(record, press, cap=cap, reason=reason, now=caps.pauses.clock()),
    )
    caps.announce(outcome.record)
    return outcome


def pressed_at(response: UserResponse) -> float:
    """Return the time of a press from Slack, which is part of the response ID. Raises Refused if it is missing."""
    try:
        return float(response.id.rpartition(" ")[2])
    except ValueError as error:
        raise Refused(
            f"the button press {response.id!r} has no timestamp, so it did not come from Slack"
        ) from error
