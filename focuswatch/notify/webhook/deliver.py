"""Deliver notifications to webhooks: each with one id, in order, and again until the endpoint accepts it.

At least once: an endpoint whose response was lost receives the same event again, with the same `webhook-id`.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from focuswatch.errors import DeliveryError, Refused, TryLater
from focuswatch.findings.finding import Finding
from focuswatch.notify.claims import RETRY_SECONDS, Claims
from focuswatch.notify.queue_message import QueuedNotification
from focuswatch.notify.webhook.client import WebhookEndpoint
from focuswatch.notify.webhook.cloud_event import cloud_event, event_body
from focuswatch.notify.webhook.signature import WebhookSecrets


@dataclass(frozen=True)
class WebhookTarget:
    """A URL of owners.toml, and the team (None: FinOps) that it belongs to."""

    url: str
    team: str | None


class WebhookState(BaseModel):
    """The number of the last notification of a finding that an endpoint accepted."""

    model_config = ConfigDict(frozen=True)
    last_number: int


@dataclass
class WebhookChannel:
    """Delivers to the webhooks of a finding; `source` identifies the deployment in events."""

    endpoint: WebhookEndpoint
    claims: Claims[WebhookState]
    secrets: WebhookSecrets
    targets: Callable[[Finding], Iterable[WebhookTarget]]
    source: str

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Send the event to each webhook that does not have it. Return what was done; None if there was nothing to do.

        Raises TryLater, Unsure or Refused. A webhook that fails does not keep the event from the others.
        """
        sent: list[str] = []
        failures: list[DeliveryError] = []
        for target in self.targets(delivery.finding):
            try:
                sent += [target.url] if self._send(target, delivery) else []
            except DeliveryError as error:
                failures.append(error)
        if failures:  # a retry leaves out the webhooks that have it, so that only refusals remain in the end
            raise min(failures, key=lambda error: isinstance(error, Refused))
        return f"{delivery.news_id}: {delivery.kind}, sent to {len(sent)} webhooks" if sent else None

    def flush(self) -> Mapping[str, Exception]:
        """Return no errors: programs receive each event, never a digest."""
        return {}

    def _send(self, target: WebhookTarget, delivery: QueuedNotification) -> bool:
        with self.claims.held(_claim_id(target.url, delivery.finding)) as claim:
            turn = delivery.turn(claim.state.last_number if claim.state else None)
            if turn == "wait":
                raise TryLater(
                    f"{delivery.news_id} arrived before the previous notification of the same finding",
                    seconds=RETRY_SECONDS,
                )
            if turn == "done":
                return False
            names = [target.team] if target.team else []
            self.endpoint.post(
                target.url,
                id=delivery.news_id,
                body=event_body(cloud_event(delivery, source=self.source)),
                secrets=lambda host: list(self.secrets.of(host, *names)),
            )
            self.claims.settle(claim, WebhookState(last_number=delivery.number))
            return True


def _claim_id(url: str, finding: Finding) -> str:
    """Return the id of a finding in a webhook; a URL may be longer than a key."""
    return f"{finding.fingerprint} {hashlib.sha256(url.encode()).hexdigest()[:16]}"
