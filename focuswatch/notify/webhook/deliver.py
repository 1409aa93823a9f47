"""Send notifications to webhooks as signed CloudEvents, through focuswatch.notify.deliver_once_to_each_address.

Delivery is at least once: if the response is lost, the endpoint receives the same event again, with the same
`webhook-id`.
"""

from dataclasses import dataclass

from focuswatch.notify.deliver_once_to_each_address import SentNotification
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.notify.webhook.client import WebhookEndpoint
from focuswatch.notify.webhook.cloud_event import cloud_event, event_body
from focuswatch.notify.webhook.signing_secrets import WebhookSecrets


@dataclass(frozen=True)
class WebhookSender:
    """Sends events, signed with the secret of the URL's host or, without one, of the finding's team."""

    endpoint: WebhookEndpoint
    secrets: WebhookSecrets
    source: str  # identifies the deployment in events

    def send(
        self,
        delivery: QueuedNotification,
        *,
        address: str,
        previous: SentNotification | None,  # noqa: ARG002  the receiver recognizes a repetition by its id
        unsure: bool,  # noqa: ARG002
    ) -> str:
        """Send the event of a notification to a URL. Raises TryLater, Unsure or Refused."""
        team = delivery.finding.team
        self.endpoint.post(
            address,
            id=delivery.notification_id,
            body=event_body(cloud_event(delivery, source=self.source)),
            secrets=lambda host: list(self.secrets.of(host, *([team] if team else []))),
        )
        return f"sent to {address}"


def event_source(*, account: str, region: str, name: str) -> str:
    """Return the `source` of a deployment's events, a URI reference."""
    return f"/focuswatch/{account}/{region}/{name}"
