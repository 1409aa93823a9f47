"""Acknowledge or resolve the alerts of a finding when a person responds to the finding in Slack or Teams."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from focuswatch.notify.deliver_once_to_each_address import AddressState
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.pagerduty.alert_event import dedup_key, render_follow_up
from focuswatch.notify.pagerduty.client import PagerDuty
from focuswatch.notify.response_actions_and_labels import ResponseAction

# The event for each response. A finding that is not waste or is excluded needs no work, so its alert is resolved.
FOLLOW_UPS: Mapping[ResponseAction, Literal["acknowledge", "resolve"]] = {
    "acknowledge": "acknowledge",
    "snooze_7": "acknowledge",
    "snooze_30": "acknowledge",
    "not_waste": "resolve",
    "exclude_account": "resolve",
    "exclude_team": "resolve",
}


@dataclass(frozen=True)
class PagerDutyResponses:
    """Applies a person's response to a finding to the open alerts of the finding."""

    client: PagerDuty
    claims: Claims[AddressState]

    def show_response(self, fingerprint: str, action: ResponseAction) -> str | None:
        """Acknowledge or resolve the open alerts. Return what was done, for the log; None without open alerts.

        Raises TryLater, Unsure or Refused. Safe to repeat.
        """
        state = self.claims.state_of(fingerprint)
        opened = {name: sent for name, sent in (state.sent if state else {}).items() if sent.is_open}
        for address, sent in opened.items():
            self.client.enqueue(address, render_follow_up(dedup_key(sent.finding), FOLLOW_UPS[action]))
        return f"{FOLLOW_UPS[action]} in PagerDuty: {', '.join(opened)}" if opened else None
