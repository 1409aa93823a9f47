"""Deliver notifications to PagerDuty: one alert per incident and service, acknowledged and resolved with it.

PagerDuty deduplicates by `dedup_key`, so repeating an event after an unknown outcome opens no second alert.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from focuswatch.findings.finding import Finding
from focuswatch.notify.deliver_to_addresses import AddressState, SentNotification
from focuswatch.notify.delivery_claims_and_state import Claims
from focuswatch.notify.pagerduty.alert_event import dedup_key, render_follow_up, render_trigger
from focuswatch.notify.pagerduty.client import PagerDuty
from focuswatch.notify.queued_notification_and_turn import QueuedNotification
from focuswatch.notify.response_recording import ResponseAction

# What an action of a person means for the alert: a finding that is expected needs no one to work on it.
FOLLOW_UPS: Mapping[ResponseAction, Literal["acknowledge", "resolve"]] = {
    "acknowledge": "acknowledge",
    "snooze_7": "acknowledge",
    "snooze_30": "acknowledge",
    "not_waste": "resolve",
    "exclude_account": "resolve",
    "exclude_team": "resolve",
}


def no_links(_: Finding) -> Mapping[str, str | None]:
    """Return no links."""
    return {}


@dataclass(frozen=True)
class PagerDutySender:
    """Sends notifications as events; `links` returns URLs by text."""

    client: PagerDuty
    links: Callable[[Finding], Mapping[str, str | None]] = no_links

    def send(
        self, delivery: QueuedNotification, *, address: str, previous: SentNotification | None, unsure: bool
    ) -> str:
        """Trigger or resolve the alert; a reminder is left to PagerDuty's escalation. See Sender."""
        finding = delivery.finding
        if delivery.kind == "saving_verified":
            return f"nothing sent to pagerduty:{address}: the alert is already resolved"
        if delivery.kind == "resolved":
            opened_with = previous.finding if previous else finding
            self.client.enqueue(address, render_follow_up(dedup_key(opened_with), "resolve"))
            return f"resolved in pagerduty:{address}"
        if delivery.kind == "reminder" and previous and previous.is_open:
            return f"no reminder sent to pagerduty:{address}"
        self.client.enqueue(address, render_trigger(finding, links=self.links(finding)))
        return f"{'triggered again' if unsure else 'triggered'} in pagerduty:{address}"


@dataclass(frozen=True)
class PagerDutyResponses:
    """Brings the response of a person to a finding to its open alerts."""

    client: PagerDuty
    claims: Claims[AddressState]

    def show_response(self, fingerprint: str, action: ResponseAction) -> str | None:
        """Acknowledge or resolve the open alerts. Return what was done, for the log; None without open alerts.

        Raises TryLater, Unsure or Refused. Repeating it is safe.
        """
        state = self.claims.state_of(fingerprint)
        opened = {name: sent for name, sent in (state.sent if state else {}).items() if sent.is_open}
        for address, sent in opened.items():
            self.client.enqueue(address, render_follow_up(dedup_key(sent.finding), FOLLOW_UPS[action]))
        return f"{FOLLOW_UPS[action]} in PagerDuty: {', '.join(opened)}" if opened else None
