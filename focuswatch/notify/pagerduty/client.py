"""The Events API v2 of PagerDuty, and its secret: routing keys (integration keys) by the name in owners.toml.

https://developer.pagerduty.com/docs/events-api-v2-overview
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from focuswatch.errors import Refused
from focuswatch.notify.post_json import READ_SECONDS, post_json

# The other one is https://events.eu.pagerduty.com: https://support.pagerduty.com/main/docs/service-regions
API = "https://events.pagerduty.com"
PATH = "/v2/enqueue"
SHAPE = '{"routing_keys": {"NAME": "32 characters", …}}'


class PagerDutySecret(BaseModel):
    """The PagerDuty secret; `api` is the address of the service region."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    routing_keys: dict[str, Annotated[str, Field(pattern=r"^[0-9A-Za-z]{32}$")]] = Field(
        min_length=1, repr=False
    )
    # A routing key must not be sent unencrypted.
    api: str = Field(default=API, pattern=r"^https://[0-9a-z.]+$|^http://127\.0\.0\.1(:\d+)?$")

    @classmethod
    def read(cls, value: str) -> Self:
        """Read the secret. Raises Refused if its format is wrong, without showing its value."""
        try:
            return cls.model_validate_json(value)
        except ValidationError:
            raise Refused(
                f"The PagerDuty secret does not have the format {SHAPE}. Correct the secret, then run focuswatch "
                "doctor."
            ) from None


@dataclass(frozen=True)
class PagerDuty:
    """A client for the routing keys of a secret."""

    secret: PagerDutySecret = field(repr=False)
    post: Callable[..., str] = post_json
    read_seconds: float = READ_SECONDS

    def enqueue(self, address: str, event: Mapping[str, Any]) -> None:
        """Send an event to the service of an address. Raises TryLater, Unsure or Refused.

        An event may be repeated: PagerDuty applies it to the open alert of its `dedup_key`.
        """
        routing_key = self.secret.routing_keys.get(address)
        if routing_key is None:
            raise Refused(
                f"the PagerDuty secret has no routing key for {address!r}. Add the key to routing_keys in the secret, "
                "or correct owners.toml."
            )
        body = {"routing_key": routing_key, **event}
        self.post(self.secret.api + PATH, body, to=f"pagerduty:{address}", read_seconds=self.read_seconds)
