"""Send a notification to PagerDuty: the Sender for PagerDuty of focuswatch.notify.deliver_once_to_each_address.

An incident has one alert per PagerDuty service. PagerDuty deduplicates by `dedup_key`, so repeating an event after an
unknown outcome opens no second alert.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from focuswatch.findings.finding import Finding
from focuswatch.notify.deliver_once_to_each_address import SentNotification
from focuswatch.notify.pagerduty.alert_event import dedup_key, render_follow_up, render_trigger
from focuswatch.notify.pagerduty.client import PagerDuty
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification


def no_links(_: Finding) -> Mapping[str, str | None]:
    """Return no links."""
    return {}


@dataclass(frozen=True)
class PagerDutySender:
    """Sends notifications as events; `links` returns URLs by link text."""

    client: PagerDuty
    links: Callable[[Finding], Mapping[str, str | None]] = no_links

    def send(
        self, delivery: QueuedNotification, *, address: str, previous: SentNotification | None, unsure: bool
    ) -> str:
        """Trigger or resolve the alert; see Sender. Reminders of an open alert are left to PagerDuty's escalation."""
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
