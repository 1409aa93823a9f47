"""Builders for the blocks of Slack's Block Kit: https://docs.slack.dev/reference/block-kit/blocks.

Text from a bill goes into rich text, whose elements have no markup, so nothing has to be escaped:
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Literal

from focuswatch.findings.replace_control_characters import visible
from focuswatch.notify.one_line_and_truncated_text import one_line, truncate, utf16_length
from focuswatch.notify.slack.escape_and_shorten_slack_text import HEADER_CHARACTERS, plain

Block = dict[str, Any]

CONTEXT_CHARACTERS = 300  # chosen by focuswatch: people do not read long small print
CONFIRM_TITLE_CHARACTERS, CONFIRM_BUTTON_CHARACTERS = 100, 30
URL_CHARACTERS = 3000  # https://docs.slack.dev/reference/block-kit/block-elements/button-element
# Slack rejects a message with about 13,000 characters of blocks (msg_blocks_too_long). How it counts is undocumented:
# https://github.com/slackapi/bolt-js/issues/2509 https://github.com/slackapi/bolt-js/issues/2867
MESSAGE_CHARACTERS = 10_000


def words(text: str, *, style: Literal["bold", "italic", "code"] | None = None, most: int = 500) -> Block:
    """Return plain text on one line, truncated to `most` characters."""
    return _text(truncate(one_line(text), most), style=style)


def line_feed() -> Block:
    """Return a line break within a section."""
    return _text("\n", style=None)


def _text(text: str, *, style: str | None) -> Block:
    element: Block = {"type": "text", "text": text or "-"}
    return element | {"style": {style: True}} if style else element


def spaced(text: str) -> Block:
    """Return text unchanged, including the spaces at its ends."""
    return _text(text, style=None)


def person(user_id: str) -> Block:
    """Return a mention of a user whose id came from Slack."""
    return {"type": "user", "user_id": user_id}


def link(url: str, text: str) -> Block:
    """Return a link."""
    return {"type": "link", "url": url, "text": truncate(one_line(text), 75)}


def section(elements: Sequence[Block]) -> Block:
    """Return a paragraph of rich text."""
    return {"type": "rich_text_section", "elements": list(elements)}


def code(text: str, *, most: int = 1000) -> Block:
    """Return a code block."""
    return {"type": "rich_text_preformatted", "elements": [_text(truncate(visible(text), most), style=None)]}


def bullets(items: Iterable[Sequence[Block]]) -> Block:
    """Return a bullet list; each item is a line of rich text."""
    return {"type": "rich_text_list", "style": "bullet", "elements": [section(item) for item in items]}


def rich(*parts: Block) -> Block:
    """Return a rich text block of sections, code blocks and lists."""
    return {"type": "rich_text", "elements": list(parts)}


def header(text: str) -> Block:
    """Return a header block."""
    return {"type": "header", "text": plain(text, most=HEADER_CHARACTERS)}


def context(*texts: str) -> Block:
    """Return a context block (small print); Slack accepts 10 texts: https://docs.slack.dev/reference/block-kit/blocks/context-block."""
    return {"type": "context", "elements": [plain(text, most=CONTEXT_CHARACTERS) for text in texts]}


def confirmation(title: str, text: str, *, yes: str) -> Block:
    """Return the confirmation dialog of a button: https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object."""
    return {
        "title": plain(title, most=CONFIRM_TITLE_CHARACTERS),
        "text": plain(text, most=CONTEXT_CHARACTERS),
        "confirm": plain(yes, most=CONFIRM_BUTTON_CHARACTERS),
        "deny": plain("Cancel", most=CONFIRM_BUTTON_CHARACTERS),
    }


def button(
    action_id: str, text: str, *, value: str, primary: bool = False, confirm: Block | None = None
) -> Block:
    """Return a button that sends `value`, after a confirmation if `confirm` is given."""
    element: Block = {
        "type": "button",
        "action_id": action_id,
        "text": {"type": "plain_text", "text": text},
        "value": value,
    }
    if primary:
        element["style"] = "primary"
    return element | {"confirm": confirm} if confirm else element


def size(blocks: Sequence[Block]) -> int:
    """Return the size of blocks as counted towards MESSAGE_CHARACTERS."""
    return utf16_length(json.dumps(list(blocks), ensure_ascii=False))


def fit_message(blocks: Sequence[Block | None], *, droppable: Sequence[Block | None]) -> list[Block]:
    """Return the blocks that are not None; those in `droppable` are dropped one by one until the message fits."""
    kept = [block for block in blocks if block]
    for block_to_drop in droppable:
        if size(kept) <= MESSAGE_CHARACTERS:
            break
        kept = [block for block in kept if block is not block_to_drop]
    return kept
