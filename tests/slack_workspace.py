"""A Slack workspace: channels, messages, threads and dialogs, and the methods of the Web API that touch them.

As https://docs.slack.dev/reference/methods says they behave; no HTTP here, see tests/local_slack.py.
"""

import base64
import secrets
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.slack_rules import blocks_problems, metadata_problem, too_long, view_problems

TEXT_CHARACTERS = 40_000  # https://docs.slack.dev/reference/methods/chat.postMessage#truncating
TRIGGER_SECONDS = 3  # https://docs.slack.dev/interactivity/handling-user-interaction#payloads
RESPONSE_TIMES, RESPONSE_SECONDS = 5, 1800  # https://docs.slack.dev/interactivity/handling-user-interaction
BOT, BOT_ID, APP, TEAM = "U0FOCUSBOT", "B0FOCUSBOT", "A0FOCUSAPP", "T0FOCUS"

Args = dict[str, Any]


class SlackError(Exception):
    """What the Web API refuses: its `error`, and what else the answer says."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.more = code, more


@dataclass
class Message:
    """A message as it is now, and how often it was edited."""

    ts: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    user: str = BOT
    thread_ts: str | None = None
    broadcast: bool = False
    edits: int = 0
    deleted: bool = False
    replies: "list[Message]" = field(default_factory=list)


@dataclass
class Channel:
    """A channel; `messages` are all that were ever posted in it, replies and deleted ones too."""

    id: str
    name: str
    members: list[str]
    private: bool = False
    archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    whispers: list[tuple[str, Message]] = field(default_factory=list)  # ephemeral ones, with who sees them

    @property
    def shown(self) -> list[Message]:
        """What stands in the channel, oldest first; not what is in threads."""
        return [one for one in self.messages.values() if not one.deleted and one.thread_ts is None]


@dataclass
class _Exchange:
    """A trigger_id or a response_url: valid so long and so often; where it answers to."""

    until: float
    times: int
    channel: str = ""
    ts: str = ""
    user: str = ""


class Workspace:
    """What the app can do in a workspace; `clock` gives seconds since 1970."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.channels: dict[str, Channel] = {}
        self.webhooks: dict[str, str] = {}  # by path, the channel's id
        self.views: list[dict[str, Any]] = []
        self.triggers: dict[str, _Exchange] = {}
        self.responses: dict[str, _Exchange] = {}
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
            "conversations.members": self._members,
            "views.open": self._open,
        }

    def channel(
        self, name: str, *, members: Sequence[str] = (), invited: bool = True, **more: Any
    ) -> Channel:
        """A new channel, by default with the bot in it."""
        there = [*([BOT] if invited else []), *members]
        made = Channel(f"C{len(self.channels) + 1:08d}", name.removeprefix("#"), there, **more)
        self.channels[made.id] = made
        return made

    def trigger(self) -> str:
        """A trigger_id as a click brings it."""
        made = f"{secrets.randbelow(10**12)}.{TEAM}.{secrets.token_hex(8)}"
        self.triggers[made] = _Exchange(self.clock() + TRIGGER_SECONDS, 1)
        return made

    def response_path(self, *, channel: str, ts: str, user: str) -> str:
        """The path of a response_url as a click brings it."""
        path = f"/actions/{TEAM}/{secrets.token_hex(8)}"
        self.responses[path] = _Exchange(self.clock() + RESPONSE_SECONDS, RESPONSE_TIMES, channel, ts, user)
        return path

    def named(self, channel: Any, *, by_name: bool = False) -> Channel:
        """The channel that was asked for; raises channel_not_found."""
        for one in self.channels.values():
            if channel == one.id or (by_name and str(channel).removeprefix("#") == one.name):
                return one
        raise SlackError("channel_not_found")

    def posted(self, channel: Channel, args: Args, *, user: str = BOT) -> Message:
        """A new message of `args`."""
        body = _body(args)
        parent = channel.messages.get(str(args.get("thread_ts")))
        if args.get("thread_ts") and (parent is None or parent.deleted):
            raise SlackError("thread_not_found")
        made = Message(
            self._ts(), **body, user=user, thread_ts=(parent.thread_ts or parent.ts) if parent else None,
            broadcast=parent is not None and _is_true(args.get("reply_broadcast")),
        )  # fmt: skip
        channel.messages[made.ts] = made
        if made.thread_ts:
            channel.messages[made.thread_ts].replies.append(made)
        return made

    def respond(self, path: str, args: Args) -> None:
        """What a post to a response_url does: https://docs.slack.dev/interactivity/handling-user-interaction."""
        found = self.responses.get(path)
        if found is None or self.clock() > found.until:
            raise SlackError("expired_url")
        if found.times < 1:
            raise SlackError("used_url")
        found.times -= 1
        channel = self.channels[found.channel]
        if _is_true(args.get("delete_original")):
            _taken_away(channel, channel.messages[found.ts])
        elif _is_true(args.get("replace_original")):
            _edited(channel.messages[found.ts], args)
        elif args.get("response_type") == "in_channel":
            self.posted(channel, args)
        else:
            channel.whispers.append((found.user, Message(self._ts(), **_body(args))))

    def _ts(self) -> str:
        self._last = max(self._last + 1, int(self.clock() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def _auth_test(self, args: Args) -> Args:
        return {"url": "https://local.slack.com/", "team": "local", "user": "focuswatch", "team_id": TEAM,
                "user_id": BOT, "bot_id": BOT_ID}  # fmt: skip

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
        made = self.posted(channel, args)
        return {"channel": channel.id, "ts": made.ts, "message": _as_told(made, metadata=True)}

    def _own(self, args: Args, *, refused: str) -> tuple[Channel, Message]:
        channel = self._writable(args)
        found = channel.messages.get(str(args.get("ts")))
        if found is None or found.deleted:
            raise SlackError("message_not_found")
        if found.user != BOT:
            raise SlackError(refused)
        return channel, found

    def _update(self, args: Args) -> Args:
        channel, found = self._own(args, refused="cant_update_message")
        _edited(found, args)
        return {
            "channel": channel.id,
            "ts": found.ts,
            "text": found.text,
            "message": _as_told(found, metadata=True),
        }

    def _delete(self, args: Args) -> Args:
        channel, found = self._own(args, refused="cant_delete_message")
        _taken_away(channel, found)
        return {"channel": channel.id, "ts": found.ts}

    def _whisper(self, args: Args) -> Args:
        channel = self._writable(args)
        if args.get("user") not in channel.members:
            raise SlackError("user_not_in_channel")
        made = Message(self._ts(), **_body(args))
        channel.whispers.append((args["user"], made))
        return {"message_ts": made.ts}

    def _readable(self, args: Args) -> Channel:
        channel = self.named(args.get("channel"))
        if BOT not in channel.members:
            raise SlackError("channel_not_found" if channel.private else "not_in_channel")
        return channel

    def _history(self, args: Args) -> Args:
        """Newest first; a reply is there only where it was sent to the channel too."""
        shown = [
            one for one in self._readable(args).messages.values()
            if not one.deleted and (one.thread_ts is None or one.broadcast)
        ]  # fmt: skip
        return _told(_between(reversed(shown), args), args, default=100)

    def _replies(self, args: Args) -> Args:
        """The parent, then its replies, oldest first."""
        parent = self._readable(args).messages.get(str(args.get("ts")))
        if parent is None or parent.deleted:
            raise SlackError("thread_not_found")
        replies = [one for one in parent.replies if not one.deleted]
        return _told(_between([parent, *replies], args), args, default=1000)

    def _list(self, args: Args) -> Args:
        types = str(args.get("types", "public_channel")).split(",")
        seen = [
            {"id": one.id, "name": one.name, "is_channel": True, "is_private": one.private,
             "is_archived": one.archived, "is_member": BOT in one.members}
            for one in self.channels.values()
            if ("private_channel" if one.private else "public_channel") in types
            and not (one.private and BOT not in one.members)
            and not (one.archived and _is_true(args.get("exclude_archived")))
        ]  # fmt: skip
        page, cursor = _page(seen, args, default=100)
        return {"channels": page, "response_metadata": {"next_cursor": cursor}}

    def _members(self, args: Args) -> Args:
        page, cursor = _page(self._readable(args).members, args, default=100)
        return {"members": page, "response_metadata": {"next_cursor": cursor}}

    def _open(self, args: Args) -> Args:
        """https://docs.slack.dev/reference/methods/views.open"""
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


def _body(args: Args) -> Args:
    """Text, blocks and metadata of a new message, refused as Slack refuses them."""
    text, blocks = args.get("text") or "", args.get("blocks") or []
    if not text and not blocks:
        raise SlackError("no_text")
    if len(text) > TEXT_CHARACTERS:
        raise SlackError("msg_too_long")
    if problems := blocks_problems(blocks):
        messages = [f"[ERROR] {one}" for one in problems]
        raise SlackError("invalid_blocks", errors=problems, response_metadata={"messages": messages})
    if too_long(blocks):
        raise SlackError("msg_blocks_too_long")
    metadata = args.get("metadata")
    if metadata and (problem := metadata_problem(metadata)):
        raise SlackError(problem)
    return {"text": text, "blocks": blocks, "metadata": metadata or None}


def _edited(message: Message, args: Args) -> None:
    """What is not said stays; but blocks go where only text is said, and `{}` takes metadata away.

    https://docs.slack.dev/reference/methods/chat.update
    """
    said = {key: value for key, value in args.items() if value is not None}
    if "blocks" in said or "text" in said:
        body = _body(
            {
                "text": said.get("text", message.text),
                "blocks": said.get("blocks"),
                "metadata": said.get("metadata"),
            }
        )
        message.text, message.blocks = body["text"], body["blocks"]
    elif said.get("metadata") and (problem := metadata_problem(said["metadata"])):
        raise SlackError(problem)
    if "metadata" in said:
        message.metadata = said["metadata"] or None
    message.edits += 1


def _taken_away(channel: Channel, message: Message) -> None:
    message.deleted = True
    if message.thread_ts:
        channel.messages[message.thread_ts].replies.remove(message)


def _as_told(message: Message, *, metadata: bool) -> Args:
    told: Args = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "blocks": message.blocks,
    }
    if message.user == BOT:
        told |= {"bot_id": BOT_ID, "app_id": APP, "team": TEAM}
    if message.thread_ts or message.replies:
        told["thread_ts"] = message.thread_ts or message.ts
    if message.broadcast:
        told["subtype"] = "thread_broadcast"
    if message.replies:
        told |= {"reply_count": len(message.replies), "latest_reply": message.replies[-1].ts}
    if message.edits:
        told["edited"] = {"user": message.user, "ts": message.ts}
    if metadata and message.metadata:
        told["metadata"] = message.metadata
    return told


def _between(messages: Iterable[Message], args: Args) -> list[Message]:
    """Those after `oldest` and before `latest`, or at them with `inclusive`."""
    oldest, latest = _micros(args.get("oldest") or "0"), _micros(args.get("latest") or "9" * 12)
    slack = 1 if _is_true(args.get("inclusive")) else 0
    return [one for one in messages if oldest - slack < _micros(one.ts) < latest + slack]


def _micros(ts: Any) -> int:
    seconds, _, rest = str(ts).partition(".")
    return int(seconds) * 1_000_000 + int(f"{rest:0<6.6}" if rest else 0)


def _told(messages: Sequence[Message], args: Args, *, default: int) -> Args:
    page, cursor = _page(messages, args, default=default)
    with_metadata = _is_true(args.get("include_all_metadata"))
    told = [_as_told(one, metadata=with_metadata) for one in page]
    return {"messages": told, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}


def _page(items: Sequence[Any], args: Args, *, default: int) -> tuple[list[Any], str]:
    """One page and the cursor of the next: https://docs.slack.dev/apis/web-api/pagination."""
    try:
        start = int(base64.b64decode(args.get("cursor") or base64.b64encode(b"0")).decode())
    except ValueError as error:
        raise SlackError("invalid_cursor") from error
    limit = int(args.get("limit") or default)
    if not 1 <= limit <= 1000:
        raise SlackError("invalid_limit")
    more = start + limit < len(items)
    return list(items[start : start + limit]), base64.b64encode(
        f"{start + limit}".encode()
    ).decode() if more else ""


def _is_true(value: Any) -> bool:
    return value in (True, 1, "1", "true", "True")
