"""Render Slack messages as a reader sees them, for golden files that people review."""

import html
from collections.abc import Iterator
from typing import Any


def seen(payload: dict[str, Any]) -> str:
    """Return the blocks of a message or a dialog as text: *bold*, `code`, [button], indented code blocks."""
    lines = [line.rstrip() for block in payload["blocks"] for line in (*_block(block), "")]
    return "\n".join(lines).rstrip() + "\n"


def _block(block: dict[str, Any]) -> Iterator[str]:
    match block["type"]:
        case "header":
            yield f"# {_plain(block['text'])}"
        case "context":
            yield from (f"  {_plain(one)}" for one in block["elements"])
        case "actions":
            yield "  ".join(f"[{_plain(one['text'])}]" for one in block["elements"])
        case "rich_text":
            for part in block["elements"]:
                yield from _part(part)
        case "input":
            yield f"{_plain(block['label'])}: ______  ({_plain(block['hint'])})"
        case other:
            raise ValueError(f"{other} is not rendered")


def _part(part: dict[str, Any]) -> Iterator[str]:
    match part["type"]:
        case "rich_text_section":
            yield from _inline(part).split("\n")
        case "rich_text_preformatted":
            yield from (f"    {line}" for line in _inline(part).split("\n"))
        case "rich_text_list":
            yield from (f"• {_inline(item)}" for item in part["elements"])
        case other:
            raise ValueError(f"{other} is not rendered")


def _inline(part: dict[str, Any]) -> str:
    return "".join(map(_element, part["elements"]))


def _element(element: dict[str, Any]) -> str:
    match element["type"]:
        case "link":
            return f"<{element['text']}>"
        case "user":
            return f"@{element['user_id']}"
    mark = (
        {"bold": "*", "italic": "_", "code": "`"}[next(iter(element["style"]))] if "style" in element else ""
    )
    return f"{mark}{element['text']}{mark}"


def _plain(text: dict[str, Any]) -> str:
    return html.unescape(text["text"])
