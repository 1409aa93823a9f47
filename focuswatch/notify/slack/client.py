"""The calls to Slack's Web API that delivery needs; errors become TryLater, Unsure or Refused.

The SDK must not retry: a message that is posted again appears twice. Callers check what exists before they retry.
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
RETRY_SECONDS = 30.0  # without a Retry-After header
PAGE = 200  # as Slack recommends: https://docs.slack.dev/apis/web-api/pagination
MOST_PAGES = 20
# Nothing was done; a retry can succeed: https://docs.slack.dev/reference/methods/chat.postMessage#errors
LATER = {"service_unavailable", "team_added_to_org", "ratelimited", "rate_limited", "message_limit_exceeded"}
# The operation may have succeeded in part.
UNCLEAR = {"fatal_error", "internal_error", "request_timeout"}
# Deleted by a person or by retention, posted by an earlier installation of the app, or too old to edit:
# https://docs.slack.dev/reference/methods/chat.update#errors
GONE = {"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed"}
# A corrected token is read within minutes; until then messages stay in the queue.
AUTH_ERRORS = {"invalid_auth", "token_revoked", "token_expired", "account_inactive", "not_authed"}
AUTH_RETRY_SECONDS = 300.0
REMEDIES = {
    "not_in_channel": "invite the bot to the channel: /invite @focuswatch",
    "channel_not_found": "correct the channel in config/owners.toml, or invite the bot if the channel is private",
    "is_archived": "set another channel in config/owners.toml",
    "missing_scope": "add the scopes listed in docs/slack.md to the Slack app, then reinstall the app",
    "invalid_auth": "store a valid token in the secret, then run focuswatch doctor",
}


SHAPE = '{"token": "xoxb-…", "signing_secret": "…"} or {"webhooks": {"TEAM": "https://hooks.slack.com/…"}}'
SAFE = r"^https://|^http://127\.0\.0\.1[:/]"  # secrets must not be sent unencrypted


class SlackSecret(BaseModel):
    """The Slack secret in Secrets Manager; `api` differs for GovSlack: https://docs.slack.dev/govslack

    `webhooks` are URLs by team: those teams are notified through them and need no bot.
    """

    token: str | None = Field(default=None, pattern=r"^xoxb-")
    signing_secret: str | None = Field(default=None, min_length=16)
    webhooks: dict[str, Annotated[str, Field(pattern=SAFE)]] = {}
    api: str = Field(default=API, pattern=SAFE)

    @model_validator(mode="after")
    def _has_a_way_to_post(self) -> Self:
        if not self.webhooks and not (self.token and self.signing_secret):
            raise ValueError("expected `token` and `signing_secret`, or `webhooks`")
        return self

    @classmethod
    def read(cls, value: str) -> Self:
        """Read the secret. Raises Refused if its format is wrong, without showing its value."""
        try:
            return cls.model_validate_json(value)
        except ValidationError:
            raise Refused(
                f"The Slack secret does not have the format {SHAPE}. Correct the secret, then run focuswatch doctor."
            ) from None


class MessageGone(Refused):
    """The message no longer exists or cannot be edited; post it again."""


@dataclass(frozen=True)
class FoundMessage:
    """One of our messages in a channel; `payload` is from its metadata."""

    ts: str
    event_type: str
    payload: Mapping[str, str]


class Poster(Protocol):
    """The operations that delivery needs, of the Web API or a webhook. Raises TryLater, Unsure or Refused."""

    @property
    def has_channel_ids(self) -> bool:
        """Return whether channels have ids."""
        ...

    def post(self, channel: str, message: Payload, *, thread: str | None = None, loud: bool = False) -> str:
        """Post a message. Return its ts. `loud`: also show a reply in the channel."""
        ...

    def update(self, channel: str, ts: str, message: Payload) -> None:
        """Replace the content of our message."""
        ...

    def delete(self, channel: str, ts: str) -> None:
        """Delete our message."""
        ...

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        """Yield our messages in a channel, newest first, without replies; `since` in seconds since 1970."""
        ...

    def replies(self, channel: str, ts: str) -> Iterator[FoundMessage]:
        """Yield our messages in a thread."""
        ...

    def channel_id(self, name: str) -> str:
        """Return the id of `#name`."""
        ...


class Slack:
    """A client for one workspace. Every method may raise TryLater, Unsure or Refused."""

    has_channel_ids = True  # of channels

    def __init__(
        self, token: str, *, pace: MessagePacing, base_url: str = API, timeout_seconds: int = TIMEOUT_SECONDS
    ) -> None:
        self._token, self._base_url, self._pace, self._timeout = token, base_url, pace, timeout_seconds
        self._web_client: WebClient | None = None

    def post(self, channel: str, message: Payload, *, thread: str | None = None, loud: bool = False) -> str:
        """Post a message. Return its ts. `loud`: also show a reply in the channel."""
        self._pace.wait(channel)
        reply = {"thread_ts": thread, "reply_broadcast": loud} if thread else {}
        response = self._call(
            "chat_postMessage", channel, unfurl_links=False, unfurl_media=False, **reply, **message
        )
        return str(response["ts"])

    def update(self, channel: str, ts: str, message: Payload) -> None:
        """Replace the content of our message."""
        self._pace.wait(channel)
        # As for a post: https://docs.slack.dev/reference/methods/chat.update#arg_parse
        self._call("chat_update", channel, ts=ts, parse="none", **message)

    def delete(self, channel: str, ts: str) -> None:
        """Delete our message."""
        self._call("chat_delete", channel, ts=ts)

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        """Yield our messages in a channel, newest first, without replies; `since` in seconds since 1970."""
        arguments = {"oldest": f"{since:.6f}", "include_all_metadata": True}
        yield from self._messages("conversations_history", channel, roots=True, **arguments)

    def replies(self, channel: str, ts: str) -> Iterator[FoundMessage]:
        """Yield our messages in a thread."""
        yield from self._messages(
            "conversations_replies", channel, roots=False, ts=ts, include_all_metadata=True
        )

    def channel_id(self, name: str) -> str:
        """Return the id of `#name`. Raises Refused if the bot is in no channel of that name.

        Lists only the bot's channels: a workspace may have tens of thousands, and Slack allows 20 pages a minute.
        https://docs.slack.dev/reference/methods/users.conversations
        """
        arguments = {"types": "public_channel,private_channel", "exclude_archived": True}
        for page in self._pages("users_conversations", None, most_pages=1000, **arguments):
            for channel in page["channels"]:
                if channel["name"] == name.removeprefix("#"):
                    return str(channel["id"])
        raise Refused(
            f"The bot is not a member of a channel named {name}. "
            "Invite the bot with /invite @focuswatch, or correct the channel name in "
            "config/owners.toml."
        )

    def is_member(self, channel: str, user: str) -> bool:
        """Return whether a person is a member of a channel."""
        pages = self._pages("conversations_members", channel, most_pages=1000)
        return any(user in page["members"] for page in pages)

    def _messages(
        self, method: str, channel: str, *, roots: bool, **arguments: Any
    ) -> Iterator[FoundMessage]:
        for page in self._pages(method, channel, most_pages=MOST_PAGES, **arguments):
            for message in page["messages"]:
                metadata = message.get("metadata") or {}
                if roots and message.get("thread_ts", message["ts"]) != message["ts"]:
                    continue  # a reply that is also shown in the channel
                if str(metadata.get("event_type", "")).startswith("focuswatch_"):
                    yield FoundMessage(
                        str(message["ts"]), str(metadata["event_type"]), metadata.get("event_payload", {})
                    )

    def _pages(
        self, method: str, channel: str | None, *, most_pages: int, **arguments: Any
    ) -> "Iterator[SlackResponse]":
        cursor = None
        for _ in range(most_pages):
            page = self._call(
                method, channel, limit=PAGE, **arguments, **({"cursor": cursor} if cursor else {})
            )
            yield page
            cursor = (page.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return

    def _call(self, method: str, channel: str | None, **arguments: Any) -> "SlackResponse":
        from slack_sdk.errors import SlackApiError

        target = {"channel": channel} if channel else {}
        try:
            response: SlackResponse = getattr(self._client(), method)(**target, **arguments)
        except SlackApiError as error:
            raise self._error(method, channel, error.response) from error
        except OSError as error:  # includes URLError and timeouts
            reason = error.reason if isinstance(error, URLError) else error
            if isinstance(reason, ConnectionRefusedError | socket.gaierror):
                raise TryLater(f"Slack cannot be reached: {reason}", seconds=RETRY_SECONDS) from error
            raise Unsure(f"Slack did not respond to {method}: {reason}") from error
        return response

    def _error(self, method: str, channel: str | None, response: "SlackResponse") -> Exception:
        body: Any = response.data if isinstance(response.data, dict) else {}
        code = str(body.get("error", response.status_code))
        if response.status_code == 429 or code in LATER:
            seconds = retry_after(response.headers, otherwise=RETRY_SECONDS)
            if response.status_code == 429 and channel:
                self._pace.pause(channel, seconds=seconds)
            return TryLater(f"Slack rate limit reached for {method}", seconds=seconds)
        if code in AUTH_ERRORS:
            return TryLater(
                f"Slack rejected the token ({code}): {REMEDIES['invalid_auth']}", seconds=AUTH_RETRY_SECONDS
            )
        if response.status_code >= 500 or code in UNCLEAR:
            return Unsure(f"Slack returned an error for {method} ({code})")
        remedy = REMEDIES.get(
            code, "see https://docs.slack.dev/reference/methods/" + method.replace("_", ".", 1)
        )
        more = "; ".join(body.get("response_metadata", {}).get("messages", []))
        kind = MessageGone if code in GONE else Refused
        return kind(f"Slack refused {method} in {channel}: {code}{': ' if more else ''}{more}; {remedy}.")

    def _client(self) -> "WebClient":
        if self._web_client is None:
            from slack_sdk import WebClient

            self._web_client = WebClient(
                self._token, base_url=self._base_url, timeout=self._timeout, retry_handlers=[]
            )
        return self._web_client
