"""A Slack workspace: channels, messages, threads and dialogs, and the methods of the Web API that use them.

The methods behave as in https://docs.slack.dev/reference/methods; tests/fakes/local_slack.py serves them over HTTP.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.slack_messages import (
    BOT,
    BOT_ID,
    TEAM,
    Args,
    Channel,
    Message,
    SlackError,
    between,
    body_of,
    edit,
    is_true,
    message_fields,
    message_page,
    page_of,
    take_away,
)
from tests.fakes.slack_rules import view_problems

TRIGGER_SECONDS = 3  # https://docs.slack.dev/interactivity/handling-user-interaction#payloads
RESPONSE_TIMES, RESPONSE_SECONDS = 5, 1800  # https://docs.slack.dev/interactivity/handling-user-interaction


@dataclass
class _LimitedUse:
    """A trigger_id or a response_url: its lifetime, its number of uses, and the channel that it posts to."""

    until: float
    times: int
    channel: str = ""
    ts: str = ""
    user: str = ""


class Workspace:
    """A Slack workspace with the app installed; `clock` returns seconds since 1970."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.channels: dict[str, Channel] = {}
        self.webhooks: dict[str, str] = {}  # ids of channels, by the webhook's path
        self.views: list[dict[str, Any]] = []
        self.triggers: dict[str, _LimitedUse] = {}
        self.responses: dict[str, _LimitedUse] = {}
        self._last = 0
        self.methods: dict[str, Callable[[Args], Args]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.delete": self._delete,
            "chat.postEphemeral": self._whisper,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "conversations.list": self._list,
            "users.conversations": self._mine,
            "conversations.members": self._members,
            "views.open": self._open,
        }

    def channel(
        self, name: str, *, members: Sequence[str] = (), invited: bool = True, **more: Any
    ) -> Channel:
        """Create a channel; the bot is a member unless `invited` is False."""
        everyone = [*([BOT] if invited else []), *members]
        channel = Channel(f"C{len(self.channels) + 1:08d}", name.removeprefix("#"), everyone, **more)
        self.channels[channel.id] = channel
        return channel

    def trigger(self) -> str:
        """Return a new trigger_id, as in the payload of a click."""
        trigger_id = f"{secrets.randbelow(10**12)}.{TEAM}.{secrets.token_hex(8)}"
        self.triggers[trigger_id] = _LimitedUse(self.clock() + TRIGGER_SECONDS, 1)
        return trigger_id

    def response_path(self, *, channel: str, ts: str, user: str) -> str:
        """Return the path of a new response_url, as in the payload of a click."""
        path = f"/actions/{TEAM}/{secrets.token_hex(8)}"
        self.responses[path] = _LimitedUse(self.clock() + RESPONSE_SECONDS, RESPONSE_TIMES, channel, ts, user)
        return path

    def named(self, channel: Any, *, by_name: bool = False) -> Channel:
        """Return the channel with this id, or with `by_name` this name; raise channel_not_found."""
        for one in self.channels.values():
            if channel == one.id or (by_name and str(channel).removeprefix("#") == one.name):
                return one
        raise SlackError("channel_not_found")

    def posted(self, channel: Channel, args: Args, *, user: str = BOT) -> Message:
        """Post a new message with the arguments of a call."""
        body = body_of(args)
        parent = channel.messages.get(str(args.get("thread_ts")))
        if args.get("thread_ts") and (parent is None or parent.deleted):
            raise SlackError("thread_not_found")
        message = Message(
            self._ts(),
            **body,
            user=user,
            thread_ts=(parent.thread_ts or parent.ts) if parent else None,
            broadcast=parent is not None and is_true(args.get("reply_broadcast")),
        )
        channel.messages[message.ts] = message
        if message.thread_ts:
            channel.messages[message.thread_ts].replies.append(message)
        return message

    def respond(self, path: str, args: Args) -> None:
        """Handle a post to a response_url: https://docs.slack.dev/interactivity/handling-user-interaction."""
        response_url = self.responses.get(path)
        if response_url is None or self.clock() > response_url.until:
            raise SlackError("expired_url")
        if response_url.times < 1:
            raise SlackError("used_url")
        response_url.times -= 1
        channel = self.channels[response_url.channel]
        if is_true(args.get("delete_original")):
            take_away(channel, channel.messages[response_url.ts])
        elif is_true(args.get("replace_original")):
            edit(channel.messages[response_url.ts], args)
        elif args.get("response_type") == "in_channel":
            self.posted(channel, args)
        else:
            channel.whispers.append((response_url.user, Message(self._ts(), **body_of(args))))

    def _ts(self) -> str:
        self._last = max(self._last + 1, int(self.clock() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def _auth_test(self, args: Args) -> Args:
        return {
            "url": "https://local.slack.com/",
            "team": "local",
            "user": "focuswatch",
            "team_id": TEAM,
            "user_id": BOT,
            "bot_id": BOT_ID,
        }

    def _writable(self, args: Args, *, by_name: bool = False) -> Channel:
        channel = self.named(args.get("channel"), by_name=by_name)
        if channel.private and BOT not in channel.members:
            raise SlackError("channel_not_found")
        if channel.archived:
            raise SlackError("is_archived")
        if BOT not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def _post(self, args: Args) -> Args:
        channel = self._writable(args, by_name=True)
        message = self.posted(channel, args)
        return {"channel": channel.id, "ts": message.ts, "message": message_fields(message, metadata=True)}

    def _own(self, args: Args, *, refused: str) -> tuple[Channel, Message]:
        channel = self._writable(args)
        message = channel.messages.get(str(args.get("ts")))
        if message is None or message.deleted:
            raise SlackError("message_not_found")
        if message.user != BOT:
            raise SlackError(refused)
        return channel, message

    def _update(self, args: Args) -> Args:
        channel, message = self._own(args, refused="cant_update_message")
        edit(message, args)
        return {
            "channel": channel.id,
            "ts": message.ts,
            "text": message.text,
            "message": message_fields(message, metadata=True),
        }

    def _delete(self, args: Args) -> Args:
        channel, message = self._own(args, refused="cant_delete_message")
        take_away(channel, message)
        return {"channel": channel.id, "ts": message.ts}

    def _whisper(self, args: Args) -> Args:
        channel = self._writable(args)
        if args.get("user") not in channel.members:
            raise SlackError("user_not_in_channel")
        message = Message(self._ts(), **body_of(args))
        channel.whispers.append((args["user"], message))
        return {"message_ts": message.ts}

    def _readable(self, args: Args) -> Channel:
        channel = self.named(args.get("channel"))
        if BOT not in channel.members:
            raise SlackError("channel_not_found" if channel.private else "not_in_channel")
        return channel

    def _history(self, args: Args) -> Args:
        """Return messages, newest first; replies are included only if they were also sent to the channel."""
        shown = [
            one
            for one in self._readable(args).messages.values()
            if not one.deleted and (one.thread_ts is None or one.broadcast)
        ]
        return message_page(between(reversed(shown), args), args, default=100)

    def _replies(self, args: Args) -> Args:
        """Return the parent and then its replies, oldest first."""
        parent = self._readable(args).messages.get(str(args.get("ts")))
        if parent is None or parent.deleted:
            raise SlackError("thread_not_found")
        replies = [one for one in parent.replies if not one.deleted]
        return message_page(between([parent, *replies], args), args, default=1000)

    def _list(self, args: Args) -> Args:
        types = str(args.get("types", "public_channel")).split(",")
        visible = [
            {
                "id": one.id,
                "name": one.name,
                "is_channel": True,
                "is_private": one.private,
                "is_archived": one.archived,
                "is_member": BOT in one.members,
            }
            for one in self.channels.values()
            if ("private_channel" if one.private else "public_channel") in types
            and not (one.private and BOT not in one.members)
            and not (one.archived and is_true(args.get("exclude_archived")))
        ]
        page, cursor = page_of(visible, args, default=100)
        return {"channels": page, "response_metadata": {"next_cursor": cursor}}

    def _mine(self, args: Args) -> Args:
        """Return the bot's channels, without is_member.

        https://docs.slack.dev/reference/methods/users.conversations
        """
        types = str(args.get("types", "public_channel")).split(",")
        visible = [
            {
                "id": one.id,
                "name": one.name,
                "is_channel": True,
                "is_private": one.private,
                "is_archived": one.archived,
            }
            for one in self.channels.values()
            if BOT in one.members
            and ("private_channel" if one.private else "public_channel") in types
            and not (one.archived and is_true(args.get("exclude_archived")))
        ]
        page, cursor = page_of(visible, args, default=100)
        return {"channels": page, "response_metadata": {"next_cursor": cursor}}

    def _members(self, args: Args) -> Args:
        page, cursor = page_of(self._readable(args).members, args, default=100)
        return {"members": page, "response_metadata": {"next_cursor": cursor}}

    def _open(self, args: Args) -> Args:
        """Open a dialog: https://docs.slack.dev/reference/methods/views.open."""
        trigger = self.triggers.get(str(args.get("trigger_id")))
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.times < 1:
            raise SlackError("exchanged_trigger_id")
        if self.clock() > trigger.until:
            raise SlackError("expired_trigger_id")
        if problems := view_problems(args.get("view")):
            raise SlackError("invalid_arguments", response_metadata={"messages": problems})
        trigger.times -= 1
        view = {**args["view"], "id": f"V{len(self.views) + 1:08d}", "team_id": TEAM, "bot_id": BOT_ID}
        self.views.append(view)
        return {"view": view}
