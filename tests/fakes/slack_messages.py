"""Messages of the local Slack: create, edit and page them as in https://docs.slack.dev/reference/methods."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.slack_rules import blocks_problems, metadata_problem, too_long

TEXT_CHARACTERS = 40_000  # https://docs.slack.dev/reference/methods/chat.postMessage#truncating
BOT, BOT_ID, APP, TEAM = "U0FOCUSBOT", "B0FOCUSBOT", "A0FOCUSAPP", "T0FOCUS"

Args = dict[str, Any]


class SlackError(Exception):
    """An error of the Web API: `error` and the other fields of the response."""

    def __init__(self, code: str, **more: Any) -> None:
        super().__init__(code)
        self.code, self.more = code, more


@dataclass
class Message:
    """The current state of a message, and how often it was edited."""

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
    """A channel; `messages` are all that were ever posted in it, including replies and deleted ones."""

    id: str
    name: str
    members: list[str]
    private: bool = False
    archived: bool = False
    messages: dict[str, Message] = field(default_factory=dict)
    whispers: list[tuple[str, Message]] = field(default_factory=list)  # ephemeral messages and their users

    @property
    def shown(self) -> list[Message]:
        """Return the messages of the channel, oldest first, without threads."""
        return [one for one in self.messages.values() if not one.deleted and one.thread_ts is None]


def body_of(args: Args) -> Args:
    """Return the text, blocks and metadata of a new message; raise SlackError as Slack does if they are invalid."""
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


def edit(message: Message, args: Args) -> None:
    """Edit a message. Omitted fields are kept, except that text without blocks removes blocks; `{}` removes metadata.

    https://docs.slack.dev/reference/methods/chat.update
    """
    content = {key: value for key, value in args.items() if value is not None}
    if "blocks" in content or "text" in content:
        body = body_of(
            {
                "text": content.get("text", message.text),
                "blocks": content.get("blocks"),
                "metadata": content.get("metadata"),
            }
        )
        message.text, message.blocks = body["text"], body["blocks"]
    elif content.get("metadata") and (problem := metadata_problem(content["metadata"])):
        raise SlackError(problem)
    if "metadata" in content:
        message.metadata = content["metadata"] or None
    message.edits += 1


def take_away(channel: Channel, message: Message) -> None:
    message.deleted = True
    if message.thread_ts:
        channel.messages[message.thread_ts].replies.remove(message)


def message_fields(message: Message, *, metadata: bool) -> Args:
    fields: Args = {
        "type": "message",
        "user": message.user,
        "ts": message.ts,
        "text": message.text,
        "blocks": message.blocks,
    }
    if message.user == BOT:
        fields |= {"bot_id": BOT_ID, "app_id": APP, "team": TEAM}
    if message.thread_ts or message.replies:
        fields["thread_ts"] = message.thread_ts or message.ts
    if message.broadcast:
        fields["subtype"] = "thread_broadcast"
    if message.replies:
        fields |= {"reply_count": len(message.replies), "latest_reply": message.replies[-1].ts}
    if message.edits:
        fields["edited"] = {"user": message.user, "ts": message.ts}
    if metadata and message.metadata:
        fields["metadata"] = message.metadata
    return fields


def between(messages: Iterable[Message], args: Args) -> list[Message]:
    """Return the messages after `oldest` and before `latest`, or at these times with `inclusive`."""
    oldest, latest = _micros(args.get("oldest") or "0"), _micros(args.get("latest") or "9" * 12)
    margin = 1 if is_true(args.get("inclusive")) else 0
    return [one for one in messages if oldest - margin < _micros(one.ts) < latest + margin]


def _micros(ts: Any) -> int:
    seconds, _, rest = str(ts).partition(".")
    return int(seconds) * 1_000_000 + int(f"{rest:0<6.6}" if rest else 0)


def message_page(messages: Sequence[Message], args: Args, *, default: int) -> Args:
    page, cursor = page_of(messages, args, default=default)
    with_metadata = is_true(args.get("include_all_metadata"))
    fields = [message_fields(one, metadata=with_metadata) for one in page]
    return {"messages": fields, "has_more": bool(cursor), "response_metadata": {"next_cursor": cursor}}


def page_of(items: Sequence[Any], args: Args, *, default: int) -> tuple[list[Any], str]:
    """Return one page and the cursor of the next: https://docs.slack.dev/apis/web-api/pagination."""
    try:
        start = int(base64.b64decode(args.get("cursor") or base64.b64encode(b"0")).decode())
    except ValueError as error:
        raise SlackError("invalid_cursor") from error
    limit = int(args.get("limit") or default)
    if not 1 <= limit <= 1000:
        raise SlackError("invalid_limit")
    end = start + limit
    cursor = base64.b64encode(f"{end}".encode()).decode() if end < len(items) else ""
    return list(items[start:end]), cursor


def is_true(value: Any) -> bool:
    return value in (True, 1, "1", "true", "True")
