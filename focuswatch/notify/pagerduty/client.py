"""Send events to the PagerDuty Events API v2: https://developer.pagerduty.com/docs/events-api-v2-overview."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from focuswatch.errors import Refused
from focuswatch.notify.pagerduty.parse_pagerduty_secret import PagerDutySecret
from focuswatch.notify.post_json_without_retry import READ_SECONDS, post_json

PATH = "/v2/enqueue"


@dataclass(frozen=True)
class PagerDuty:
    """A client that sends events with the routing keys of the secret."""

    secret: PagerDutySecret = field(repr=False)
    post: Callable[..., str] = post_json
    read_seconds: float = READ_SECONDS

    def enqueue(self, address: str, event: Mapping[str, Any]) -> None:
        """Send an event to the PagerDuty service of an address. Raises TryLater, Unsure or Refused.

        Safe to repeat: PagerDuty applies the event to the open alert with the same `dedup_key`.
        """
        routing_key = self.secret.routing_keys.get(address)
        if routing_key is None:
            raise Refused(
                f"the PagerDuty secret has no routing key for {address!r}. Add the key to routing_keys in the secret, "
                "or correct owners.toml."
            )
        body = {"routing_key": routing_key, **event}
        self.post(self.secret.api + PATH, body, to=f"pagerduty:{address}", read_seconds=self.read_seconds)
