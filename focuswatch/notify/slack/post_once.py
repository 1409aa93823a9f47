"""Post a named message to Slack once, however often the caller repeats the call."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from focuswatch.notify.delivery_claims_and_state import Claim, ClaimLost, Claims
from focuswatch.notify.slack.message_poster_protocol import Payload, Poster

EVENT_TYPE = "focuswatch_said"  # unchanged: existing messages have this type
DAY_SECONDS = 86_400


class PostedOnce(BaseModel):
    """The stored channel and timestamp of a posted message."""

    model_config = ConfigDict(frozen=True)
    channel: str
    ts: str


@dataclass(frozen=True)
class OncePoster:
    """Posts named messages once; `clock` returns seconds since 1970."""

    slack: Poster
    claims: Claims[PostedOnce]
    clock: Callable[[], float]

    def post(self, name: str, message: Payload, *, channel: str, thread: str | None = None) -> bool:
        """Post the message. Return False if it was posted before. Raises TryLater, Unsure or Refused."""
        with self.claims.held(name) as claim:
            payload = {**message, "metadata": _metadata(name)}
            return self._post(claim, payload, channel=channel, thread=thread)

    def _post(self, claim: Claim[PostedOnce], message: Payload, *, channel: str, thread: str | None) -> bool:
        if claim.state:
            return False
        ts = self._find(claim.id, channel=channel, thread=thread) if claim.unsure else None
        is_new = ts is None
        ts = ts or self.slack.post(channel, message, thread=thread)
        try:
            self.claims.settle(claim, PostedOnce(channel=channel, ts=ts))
        except ClaimLost:
            if is_new:
                self.slack.delete(channel, ts)
            raise
        return is_new

    def _find(self, name: str, *, channel: str, thread: str | None) -> str | None:
        since = self.clock() - DAY_SECONDS
        messages = (
            self.slack.replies(channel, thread) if thread else self.slack.own_messages(channel, since=since)
        )
        return next((message.ts for message in messages if message.payload.get("said") == name), None)


def _metadata(name: str) -> dict[str, object]:
    return {"event_type": EVENT_TYPE, "event_payload": {"said": name}}
