"""A message that is said once under a name, however often it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from focuswatch.notify.claims import Claim, ClaimLost, Claims
from focuswatch.notify.slack.client import Payload, Slack

EVENT_TYPE = "focuswatch_said"
DAY_SECONDS = 86_400


class PostedOnce(BaseModel):
    """Where it was said."""

    model_config = ConfigDict(frozen=True)
    channel: str
    ts: str


@dataclass(frozen=True)
class OncePoster:
    """Says things once; `clock` gives seconds since 1970."""

    slack: Slack
    claims: Claims[PostedOnce]
    clock: Callable[[], float]

    def post(self, name: str, message: Payload, *, channel: str, thread: str | None = None) -> bool:
        """Whether it was said now; False: it had been. Raises TryLater, Unsure or Refused."""
        with self.claims.held(name) as claim:
            payload = {**message, "metadata": _metadata(name)}
            return self._say(claim, payload, channel=channel, thread=thread)

    def _say(self, claim: Claim[PostedOnce], message: Payload, *, channel: str, thread: str | None) -> bool:
        if claim.state:
            return False
        ts = self._found(claim.id, channel=channel, thread=thread) if claim.unsure else None
        said = ts is None
        ts = ts or self.slack.post(channel, message, thread=thread)
        try:
            self.claims.settle(claim, PostedOnce(channel=channel, ts=ts))
        except ClaimLost:
            if said:
                self.slack.delete(channel, ts)
            raise
        return said

    def _found(self, name: str, *, channel: str, thread: str | None) -> str | None:
        lately = self.clock() - DAY_SECONDS
        told = (
            self.slack.replies(channel, thread) if thread else self.slack.own_messages(channel, since=lately)
        )
        return next((one.ts for one in told if one.payload.get("said") == name), None)


def _metadata(name: str) -> dict[str, object]:
    return {"event_type": EVENT_TYPE, "event_payload": {"said": name}}
