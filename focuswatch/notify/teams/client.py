"""Post messages to webhooks of Workflows in Microsoft Teams, by their names in owners.toml.

A webhook can only post, and accepts no idempotency key. It responds with 202 before the workflow posts, so a workflow
that fails afterwards is visible only in its run history.
https://learn.microsoft.com/en-us/connectors/teams/#microsoft-teams-webhook
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from focuswatch.errors import Refused, TryLater
from focuswatch.notify.post_json_without_retry import READ_SECONDS, post_json
from focuswatch.notify.space_messages_to_a_destination import MessageRateLimit
from focuswatch.notify.teams.parse_teams_secret import TeamsSecret


@dataclass(frozen=True)
class TeamsWebhooks:
    """A client for the webhooks in a secret."""

    secret: TeamsSecret = field(repr=False)
    pace: MessageRateLimit
    post_request: Callable[..., str] = post_json
    read_seconds: float = READ_SECONDS

    def post(self, address: str, message: Mapping[str, Any]) -> None:
        """Post a message. Raises TryLater (nothing was posted), Unsure (it may have been posted) or Refused."""
        url = self.secret.webhooks.get(address)
        if url is None:
            raise Refused(
                f"the Teams secret has no webhook for {address!r}. Add the webhook under `webhooks` in the "
                "secret, or correct the channel in owners.toml."
            )
        self.pace.wait(address)
        try:
            self.post_request(url, message, to=f"teams:{address}", read_seconds=self.read_seconds)
        except TryLater as error:
            self.pace.pause(address, seconds=error.seconds)
            raise
