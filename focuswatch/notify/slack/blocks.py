"""Blocks of Slack's Block Kit, as small as we need them: https://docs.slack.dev/reference/block-kit/blocks.

What a bill says goes into rich text, whose text elements have no markup at all, so nothing has to be escaped:
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from focuswatch.notify.slack.mrkdwn import HEADER_CHARACTERS, one_line, plain, seen, truncate, utf16_length

Block = dict[str, Any]

CONTEXT_CHARACTERS = 300  # of ours: more than that is not read in small print
URL_CHARACTERS = 3000  # https://docs.slack.dev/reference/block-kit/block-elements/button-element
# Slack refuses blocks of some 13,000 characters together as msg_blocks_too_long; how it counts is not documented:
# https://github.com/slackapi/bolt-js/issues/2509 https://github.com/slackapi/bolt-js/issues/2867
MESSAGE_CHARACTERS = 10_000


def words(text: str, *, style: Literal["bold", "italic", "code"] | None = None, most: int = 500) -> Block:
    """Text on one line, which means nothing but itself."""
    return _text(truncate(one_line(text), most), style=style)


def line_feed() -> Block:
    """The end of a line within a section."""
    return _text("\n", style=None)


def _text(text: str, *, style: str | None) -> Block:
    element: Block = {"type": "text", "text": text or "-"}
    return element | {"style": {style: True}} if style else element


def spaced(text: str) -> Block:
    """Text of ours, with the spaces at its ends."""
    return _text(text, style=None)


def person(user_id: str) -> Block:
    """A mention of somebody whom Slack itself named to us."""
    return {"type": "user", "user_id": user_id}


def link(url: str, text: str) -> Block:
    """`text` that leads to `url`."""
    return {"type": "link", "url": url, "text": truncate(one_line(text), 75)}


def section(elements: Sequence[Block]) -> Block:
    """A paragraph of rich text."""
    return {"type": "rich_text_section", "elements": list(elements)}


def code(text: str, *, most: int = 1000) -> Block:
    """A code block that can be copied."""
    return {"type": "rich_text_preformatted", "elements": [_text(truncate(seen(text), most), style=None)]}


def bullets(items: Iterable[Sequence[Block]]) -> Block:
    """A list, each item a line of rich text."""
    return {"type": "rich_text_list", "style": "bullet", "elements": [section(item) for item in items]}


def rich(*parts: Block) -> Block:
    """A block of sections, code blocks and lists."""
    return {"type": "rich_text", "elements": list(parts)}


def header(text: str) -> Block:
    """A line in large type."""
    return {"type": "header", "text": plain(text, most=HEADER_CHARACTERS)}


def context(*texts: str) -> Block:
    """Small print; Slack takes 10 texts: https://docs.slack.dev/reference/block-kit/blocks/context-block."""
    return {"type": "context", "elements": [plain(text, most=CONTEXT_CHARACTERS) for text in texts]}


def button(action_id: str, text: str, *, value: str, primary: bool = False) -> Block:
    """A button that sends `value`."""
    element: Block = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": text},
        "value": value,
    }
    return element | {"style": "primary"} if primary else element


def size(blocks: Sequence[Block]) -> int:
    """How much of Slack's room for a message they take, at most."""
    return utf16_length(json.dumps(list(blocks), ensure_ascii=False))


def within(blocks: Sequence[Block | None], *, spare: Sequence[Block | None]) -> list[Block]:
    """`blocks` that are there, without those of `spare`, one after the other, for which a message has no room."""
    kept = [block for block in blocks if block]
    for one in spare:
        if size(kept) <= MESSAGE_CHARACTERS:
            break
        kept = [block for block in kept if block is not one]
    return kept
