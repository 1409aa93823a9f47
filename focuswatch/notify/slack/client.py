"""Client for the Web API calls that delivery to Slack needs; errors become DeliveryErrors.

The SDK must not retry, because a message that is posted again appears twice. Callers check what exists before they
retry.
"""

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.retry_after import retry_after
from focuswatch.notify.slack.message_poster_protocol import FoundMessage, MessageGone, Payload
from focuswatch.notify.slack.parse_slack_secret import API
from focuswatch.notify.space_messages_to_a_destination import MessageRateLimit

if TYPE_CHECKING:
    from slack_sdk import WebClient
    from slack_sdk.web import SlackResponse

TIMEOUT_SECONDS = 15
RETRY_SECONDS = 30.0  # without a Retry-After header
PAGE = 200  # as Slack recommends: https://docs.slack.dev/apis/web-api/pagination
MOST_PAGES = 20
# Nothing was done, and a retry can succeed: https://docs.slack.dev/reference/methods/chat.postMessage#errors
RETRYABLE_ERRORS = {
    "service_unavailable",
    "team_added_to_org",
    "ratelimited",
    "rate_limited",
    "message_limit_exceeded",
}
# The operation may have partly succeeded.
UNKNOWN_OUTCOME_ERRORS = {"fatal_error", "internal_error", "request_timeout"}
# The message was deleted by a person or by retention, comes from an earlier installation of the app, or is too old to
# edit:
# https://docs.slack.dev/reference/methods/chat.update#errors
MESSAGE_GONE_ERRORS = {"message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed"}
# These are retried: functions read a corrected token within minutes, and until then messages stay in the queue.
AUTH_ERRORS = {"invalid_auth", "token_revoked", "token_expired", "account_inactive", "not_authed"}
AUTH_RETRY_SECONDS = 300.0
REMEDIES = {
    "not_in_channel": "invite the bot to the channel: /invite @focuswatch",
    "channel_not_found": "correct the channel in config/owners.toml, or invite the bot if the channel is private",
    "is_archived": "set another channel in config/owners.toml",
    "missing_scope": "add the scopes listed in docs/slack.md to the Slack app, then reinstall the app",
    "invalid_auth": "store a valid token in the secret, then run focuswatch doctor",
}


class SlackClient:
    """A client for one workspace. Every method may raise TryLater, Unsure or Refused."""

    has_channel_ids = True

    def __init__(
        self,
        token: str,
        *,
        pace: MessageRateLimit,
        base_url: str = API,
        timeout_seconds: int = TIMEOUT_SECONDS,
    ) -> None:
        self._token, self._base_url, self._pace, self._timeout = token, base_url, pace, timeout_seconds
        self._web_client: WebClient | None = None

    def post(
        self, channel: str, message: Payload, *, thread: str | None = None, also_in_channel: bool = False
    ) -> str:
        """Post a message. Return its ts. `also_in_channel`: show a reply in the channel too."""
        self._pace.wait(channel)
        reply = {"thread_ts": thread, "reply_broadcast": also_in_channel} if thread else {}
        response = self._call(
            "chat_postMessage", channel, unfurl_links=False, unfurl_media=False, **reply, **message
        )
        return str(response["ts"])

    def update(self, channel: str, ts: str, message: Payload) -> None:
        """Replace the content of a message that the app posted."""
        self._pace.wait(channel)
        # The default for a post, but not for an update: https://docs.slack.dev/reference/methods/chat.update#arg_parse
        self._call("chat_update", channel, ts=ts, parse="none", **message)

    def delete(self, channel: str, ts: str) -> None:
        """Delete a message that the app posted."""
        self._call("chat_delete", channel, ts=ts)

    def own_messages(self, channel: str, *, since: float) -> Iterator[FoundMessage]:
        """Yield the app's messages in a channel, newest first, without replies; `since` in seconds since 1970."""
        arguments = {"oldest": f"{since:.6f}", "include_all_metadata": True}
        yield from self._messages("conversations_history", channel, roots=True, **arguments)

    def replies(self, channel: str, ts: str) -> Iterator[FoundMessage]:
        """Yield the app's messages in a thread."""
        yield from self._messages(
            "conversations_replies", channel, roots=False, ts=ts, include_all_metadata=True
        )

    def channel_id(self, name: str) -> str:
        """Return the id of `#name`. Raises Refused if the bot is in no channel of that name.

        Lists only the bot's channels, because a workspace may have tens of thousands and Slack allows 20 pages
        a minute.
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
        if response.status_code == 429 or code in RETRYABLE_ERRORS:
            seconds = retry_after(response.headers, otherwise=RETRY_SECONDS)
            if response.status_code == 429 and channel:
                self._pace.pause(channel, seconds=seconds)
            return TryLater(f"Slack rate limit reached for {method}", seconds=seconds)
        if code in AUTH_ERRORS:
            return TryLater(
                f"Slack rejected the token ({code}): {REMEDIES['invalid_auth']}", seconds=AUTH_RETRY_SECONDS
            )
        if response.status_code >= 500 or code in UNKNOWN_OUTCOME_ERRORS:
            return Unsure(f"Slack returned an error for {method} ({code})")
        remedy = REMEDIES.get(
            code, "see https://docs.slack.dev/reference/methods/" + method.replace("_", ".", 1)
        )
        more = "; ".join(body.get("response_metadata", {}).get("messages", []))
        kind = MessageGone if code in MESSAGE_GONE_ERRORS else Refused
        return kind(f"Slack refused {method} in {channel}: {code}{': ' if more else ''}{more}; {remedy}.")

    def _client(self) -> "WebClient":
        if self._web_client is None:
            from slack_sdk import WebClient

            self._web_client = WebClient(
                self._token, base_url=self._base_url, timeout=self._timeout, retry_handlers=[]
            )
        return self._web_client
