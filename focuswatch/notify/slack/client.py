"""Slack's Web API as far as delivery needs it; what it says becomes TryLater, Unsure or Refused.

The SDK repeats nothing by itself: a message posted again is a message twice. Whoever calls knows what to look for.
"""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Protocol, Self
from urllib.error import URLError

from pydantic import BaseModel, Field, ValidationError, model_validator

from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.pacing import MessagePacing
from focuswatch.notify.retry_after import retry_after

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.web import SlackResponse

Payload = Mapping[str, Any]
API = "https://slack.com/api/"
TIMEOUT_SECONDS = 15
RETRY_SECONDS = 30.0  # where Slack says nothing of when
PAGE = 200  # as Slack recommends: https://docs.slack.dev/apis/web-api/pagination
MOST_PAGES = 20
# Nothing was done, and it will be later: https://docs.slack.dev/reference/methods/chat.postMessage#errors
LATER = {"service_unavailable", "team_added_to_org", "ratelimited", "rate_limited", "message_limit_exceeded"}
# "Some aspect of the operation succeeded before the error was raised", perhaps.
UNCLEAR = {"fatal_error", "internal_error", "request_timeout"}
# Deleted by somebody or by the workspace's retention, of an app that was made anew, or too old to be edited:
# https://docs.slack.dev/reference/methods/chat.update#errors
GONE = {"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed"}
# A token that is put right is asked for within minutes; until then nothing is given up.
AUTH_ERRORS = {"invalid_auth", "token_revoked", "token_expired", "account_inactive", "not_authed"}
LOCKED_SECONDS = 300.0
REMEDIES = {
    "not_in_channel": "invite the bot there: /invite @focuswatch",
    "channel_not_found": "mend the channel in config/owners.toml, or invite the bot where it is private",
    "is_archived": "name another channel in config/owners.toml",
    "missing_scope": "give the app the scopes that docs/slack.md lists, and install it again",
    "invalid_auth": "put a valid token into the secret: focuswatch doctor",
}


SHAPE = '{"token": "xoxb-…", "signing_secret": "…"} or {"webhooks": {"TEAM": "https://hooks.slack.com/…"}}'
SAFE = r"^https://|^http://127\.0\.0\.1[:/]"  # or a secret would travel in the open


class SlackSecret(BaseModel):
    """What Secrets Manager holds; `api` is another one for GovSlack: https://docs.slack.dev/govslack

    `webhooks` are URLs by team: those teams are told through them, and need no bot.
    """

    token: str | None = Field(default=None, pattern=r"^xoxb-")
    signing_secret: str | None = Field(default=None, min_length=16)
    webhooks: dict[str, Annotated[str, Field(pattern=SAFE)]] = {}
    api: str = Field(default=API, pattern=SAFE)

    @model_validator(mode="after")
    def _has_a_way_to_post(self) -> Self:
        if not self.webhooks and not (self.token and self.signing_secret):
            raise ValueError("neither token and signing_secret nor webhooks")
        return self

    @classmethod
    def read(cls, value: str) -> Self:
        """Raises Refused where the secret is not shaped as it should be; its value is not shown."""
        try:
            return cls.model_validate_json(value)
        except ValidationError:
            raise Refused(f"the secret of Slack is not {SHAPE}; put it right: focuswatch doctor") from None


class MessageGone(Refused):
    """There is no message any more that could be changed; it can be said anew."""


@dataclass(frozen=True)
class FoundMessage:
    """A message of ours as the channel holds it: what its metadata says."""

    ts: str
    event_type: str
    payload: Mapping[str, str]


class Poster(Protocol):
    """What delivery asks of Slack, whether through the Web API or a webhook. Raises TryLater, Unsure or Refused."""

    @property
    def has_channel_ids(self) -> bool:
        """Whether it knows channels by ids."""
        ...

    def post(self, channel: str, message: Payload, *, thread: str | None = None, loud: bool = False) -> str:
        """The new message's ts; `loud`: a reply that the whole channel sees."""
        ...

    def update(self, channel: str, ts: str, message: Payload) -> None:
        """Make a message of ours say something else."""
        ...

    def delete(self, channel: str, ts: str) -> None:
        """Take a message of ours away."""
        ...

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        """Messages of ours in a channel, newest first and without replies; `since` in seconds since 1970."""
        ...

    def replies(self, channel: str, ts: str) -> Iterator[FoundMessage]:
        """Messages of ours in a thread."""
        ...

    def channel_id(self, name: str) -> str:
        """The id of `#name`."""
        ...


class Slack:
    """One workspace. Every method may raise TryLater, Unsure or Refused."""

    has_channel_ids = True  # of channels

    def __init__(
        self, token: str, *, pace: MessagePacing, base_url: str = API, timeout_seconds: int = TIMEOUT_SECONDS
    ) -> None:
        self._token, self._base_url, self._pace, self._timeout = token, base_url, pace, timeout_seconds
        self._made: WebClient | None = None

    def post(self, channel: str, message: Payload, *, thread: str | None = None, loud: bool = False) -> str:
        """The new message's ts; `loud`: a reply that the whole channel sees."""
        self._pace.wait(channel)
        reply = {"thread_ts": thread, "reply_broadcast": loud} if thread else {}
        told = self._call(
            "chat_postMessage", channel, unfurl_links=False, unfurl_media=False, **reply, **message
        )
        return str(told["ts"])

    def update(self, channel: str, ts: str, message: Payload) -> None:
        """Make a message of ours say something else."""
        self._pace.wait(channel)
        # As a post is read, too: https://docs.slack.dev/reference/methods/chat.update#arg_parse
        self._call("chat_update", channel, ts=ts, parse="none", **message)

    def delete(self, channel: str, ts: str) -> None:
        """Take a message of ours away."""
        self._call("chat_delete", channel, ts=ts)

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        """Messages of ours in a channel, newest first and without replies; `since` in seconds since 1970."""
        asked = {"oldest": f"{since:.6f}", "include_all_metadata": True}
        yield from self._seen("conversations_history", channel, roots=True, **asked)

    def replies(self, channel: str, ts: str) -> Iterator[FoundMessage]:
        """Messages of ours in a thread."""
        yield from self._seen("conversations_replies", channel, roots=False, ts=ts, include_all_metadata=True)

    def channel_id(self, name: str) -> str:
        """The id of `#name`; raises Refused where the bot is in no channel of that name.

        Of its own channels alone: a workspace may have tens of thousands, and 20 pages of them a minute.
        https://docs.slack.dev/reference/methods/users.conversations
        """
        asked = {"types": "public_channel,private_channel", "exclude_archived": True}
        for page in self._pages("users_conversations", None, most_pages=1000, **asked):
            for found in page["channels"]:
                if found["name"] == name.removeprefix("#"):
                    return str(found["id"])
        raise Refused(
            f"The bot is in no channel called {name}: invite it there, /invite @focuswatch, or mend the name in "
            "config/owners.toml."
        )

    def is_member(self, channel: str, user: str) -> bool:
        """Whether a person is in a channel."""
        pages = self._pages("conversations_members", channel, most_pages=1000)
        return any(user in page["members"] for page in pages)

    def _seen(self, method: str, channel: str, *, roots: bool, **asked: Any) -> Iterator[FoundMessage]:
        for page in self._pages(method, channel, most_pages=MOST_PAGES, **asked):
            for message in page["messages"]:
                metadata = message.get("metadata") or {}
                if roots and message.get("thread_ts", message["ts"]) != message["ts"]:
                    continue  # a reply that the whole channel sees
                if str(metadata.get("event_type", "")).startswith("focuswatch_"):
                    yield FoundMessage(
                        str(message["ts"]), str(metadata["event_type"]), metadata.get("event_payload", {})
                    )

    def _pages(
        self, method: str, channel: str | None, *, most_pages: int, **asked: Any
    ) -> "Iterator[SlackResponse]":
        cursor = None
        for _ in range(most_pages):
            page = self._call(method, channel, limit=PAGE, **asked, **({"cursor": cursor} if cursor else {}))
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    def _call(self, method: str, channel: str | None, **asked: Any) -> "SlackResponse":
        from slack_sdk.errors import SlackApiError

        where = {"channel": channel} if channel else {}
        try:
            answer: SlackResponse = getattr(self._client(), method)(**where, **asked)
        except SlackApiError as error:
            raise self._meaning(method, channel, error.response) from error
        except OSError as error:  # URLError and time-outs are of its kind
            reason = error.reason if isinstance(error, URLError) else error
            if isinstance(reason, ConnectionRefusedError | socket.gaierror):
                raise TryLater(f"Slack cannot be reached: {reason}", seconds=RETRY_SECONDS) from error
            raise Unsure(f"Slack gave no answer to {method}: {reason}") from error
        return answer

    def _meaning(self, method: str, channel: str | None, answer: "SlackResponse") -> Exception:
        told: Any = answer.data if isinstance(answer.data, dict) else {}
        code = str(told.get("error", answer.status_code))
        if answer.status_code == 429 or code in LATER:
            seconds = retry_after(answer.headers, otherwise=RETRY_SECONDS)
            if answer.status_code == 429 and channel:
                self._pace.pause(channel, seconds=seconds)
            return TryLater(f"Slack wants a pause before {method}", seconds=seconds)
        if code in AUTH_ERRORS:
            return TryLater(
                f"Slack does not know us ({code}): {REMEDIES['invalid_auth']}", seconds=LOCKED_SECONDS
            )
        if answer.status_code >= 500 or code in UNCLEAR:
            return Unsure(f"Slack failed at {method} ({code})")
        mend = REMEDIES.get(
            code, "see https://docs.slack.dev/reference/methods/" + method.replace("_", ".", 1)
        )
        more = "; ".join(told.get("response_metadata", {}).get("messages", []))
        kind = MessageGone if code in GONE else Refused
        return kind(f"Slack refused {method} in {channel}: {code}{': ' if more else ''}{more}; {mend}.")

    def _client(self) -> "WebClient":
        if self._made is None:
            from slack_sdk import WebClient

            self._made = WebClient(
                self._token, base_url=self._base_url, timeout=self._timeout, retry_handlers=[]
            )
        return self._made
