"""The PagerDuty secret: the routing keys of services, by their name in owners.toml.

PagerDuty also calls a routing key an integration key: https://developer.pagerduty.com/docs/events-api-v2-overview
"""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field

from focuswatch.notify.parse_secret import parse_secret

# US service region. The EU service region is https://events.eu.pagerduty.com:
# https://support.pagerduty.com/main/docs/service-regions
API = "https://events.pagerduty.com"
SHAPE = '{"routing_keys": {"NAME": "32 characters", …}}'


class PagerDutySecret(BaseModel):
    """The PagerDuty secret; `api` is the base URL of the service region."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    routing_keys: dict[str, Annotated[str, Field(pattern=r"^[0-9A-Za-z]{32}$")]] = Field(
        min_length=1, repr=False
    )
    # A routing key must not be sent unencrypted.
    api: str = Field(default=API, pattern=r"^https://[0-9a-z.]+$|^http://127\.0\.0\.1(:\d+)?$")

    @classmethod
    def read(cls, value: str) -> Self:
        """Parse the secret. Raises Refused if its format is wrong, without showing its value."""
        return parse_secret(cls, value, channel="PagerDuty", expected=SHAPE)
