"""Slack's documented rules for blocks and views: https://docs.slack.dev/reference/block-kit.

Lengths are counted in UTF-16 units, because no way of counting gives more. Everything that is not documented is
rejected, including misspelt keys.
"""

import json
import re
from collections.abc import Callable
from typing import Any

MOST_BLOCKS = {"message": 50, "modal": 100}  # https://docs.slack.dev/reference/block-kit/blocks
BLOCKS_CHARACTERS = 13_000  # of all blocks; not documented: https://github.com/slackapi/bolt-js/issues/2509
METADATA_CHARACTERS = 4_096  # more is metadata_too_large; the limit is not documented
STYLES = {"bold", "italic", "strike", "code"}


def blocks_problems(blocks: Any, *, surface: str = "message") -> list[str]:
    """Return the errors of a list of blocks with their places, as in Slack's `response_metadata.messages`."""
    rules = Rules()
    if not isinstance(blocks, list):
        return ["must be an array [json-pointer:/blocks]"]
    rules.require(len(blocks) <= MOST_BLOCKS[surface], "/blocks", "no more than 50 items allowed")
    for place, block in enumerate(blocks):
        rules.block(f"/blocks/{place}", block, surface=surface)
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict) and block.get("block_id")]
    rules.require(len(ids) == len(set(ids)), "/blocks", "duplicate block_id")
    return rules.problems


def too_long(blocks: list[Any]) -> bool:
    """Return whether Slack rejects blocks as msg_blocks_too_long."""
    return units(json.dumps(blocks, ensure_ascii=False)) > BLOCKS_CHARACTERS


def metadata_problem(metadata: Any) -> str | None:
    """Return the error for a message's invalid metadata: https://docs.slack.dev/messaging/message-metadata."""
    if not isinstance(metadata, dict) or set(metadata) != {"event_type", "event_payload"}:
        return "invalid_metadata_format"
    kind, payload = metadata["event_type"], metadata["event_payload"]
    if not isinstance(kind, str) or not re.fullmatch(r"\w+", kind) or not isinstance(payload, dict):
        return "invalid_metadata_format"
    if not all(isinstance(value, str | int | float | bool) for value in payload.values()):
        return "invalid_metadata_schema"
    return "metadata_too_large" if units(json.dumps(metadata)) > METADATA_CHARACTERS else None


def view_problems(view: Any) -> list[str]:
    """Return violations of the rules for modals: https://docs.slack.dev/reference/views/modal-views."""
    rules = Rules()
    optional = {
        "close",
        "submit",
        "private_metadata",
        "callback_id",
        "clear_on_close",
        "notify_on_close",
        "external_id",
    }
    if rules.keys("/view", view, required={"type", "title", "blocks"}, optional=optional):
        rules.require(view["type"] == "modal", "/view/type", "must be modal")
        for key in ("title", "submit", "close"):
            if key in view:
                rules.text(f"/view/{key}", view[key], most=24, kinds=("plain_text",))
        rules.string("/view/private_metadata", view.get("private_metadata", "x"), most=3000)
        rules.string("/view/callback_id", view.get("callback_id", "x"), most=255)
        has_input = any(block.get("type") == "input" for block in view["blocks"])
        rules.require(not has_input or "submit" in view, "/view/submit", "required with an input block")
        rules.problems += blocks_problems(view["blocks"], surface="modal")
    return rules.problems


def units(text: str) -> int:
    """Return the length in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


class Rules:
    """Collects problems; it has a method for each kind of block, element and value."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def require(self, holds: bool, path: str, problem: str) -> bool:
        if not holds:
            self.problems.append(f"{problem} [json-pointer:{path}]")
        return holds

    def keys(self, path: str, value: Any, *, required: set[str], optional: set[str] = frozenset()) -> bool:  # type: ignore[assignment]
        if not self.require(isinstance(value, dict), path, "must be an object"):
            return False
        for missing in sorted(required - set(value)):
            self.require(False, path, f"missing required field: {missing}")
        for unknown in sorted(set(value) - required - optional):
            self.require(False, path, f"invalid additional property: {unknown}")
        return required <= set(value)

    def string(self, path: str, value: Any, *, most: int, least: int = 1) -> None:
        if self.require(isinstance(value, str), path, "must be a string"):
            self.require(units(value) >= least, path, f"must be more than {least - 1} characters")
            self.require(units(value) <= most, path, f"must be less than {most + 1} characters")
            self.require(not re.search("[\ud800-\udfff]", value), path, "must be valid UTF-8")

    def items(self, path: str, value: Any, *, most: int, each: Callable[[str, Any], None]) -> None:
        if self.require(isinstance(value, list) and bool(value), path, "must have at least one item"):
            self.require(len(value) <= most, path, f"no more than {most} items allowed")
            for place, item in enumerate(value):
                each(f"{path}/{place}", item)

    def text(
        self, path: str, value: Any, *, most: int, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")
    ) -> None:
        """Check a text object: https://docs.slack.dev/reference/block-kit/composition-objects/text-object."""
        if self.keys(path, value, required={"type", "text"}, optional={"emoji", "verbatim"}):
            self.require(value["type"] in kinds, path, f"must be of type {' or '.join(kinds)}")
            forbidden = {"plain_text": "verbatim", "mrkdwn": "emoji"}.get(value["type"], "")
            self.require(forbidden not in value, path, f"{forbidden} is not for {value['type']}")
            self.string(f"{path}/text", value["text"], most=most)

    def block(self, path: str, block: Any, *, surface: str) -> None:
        kinds: dict[str, Callable[[str, Any], None]] = {
            "header": self.header,
            "section": self.section,
            "context": self.context,
            "actions": self.actions,
            "rich_text": self.rich_text,
            "divider": lambda path, block: None,
        } | ({"input": self.input} if surface == "modal" else {})
        kind = block.get("type") if isinstance(block, dict) else None
        if self.require(kind in kinds, path, f"unsupported type: {kind}"):
            self.string(f"{path}/block_id", block.get("block_id", "x"), most=255)
            kinds[kind](path, {key: value for key, value in block.items() if key not in ("type", "block_id")})

    def header(self, path: str, block: Any) -> None:
        if self.keys(path, block, required={"text"}):
            self.text(f"{path}/text", block["text"], most=150, kinds=("plain_text",))

    def section(self, path: str, block: Any) -> None:
        self.keys(path, block, required=set(), optional={"text", "fields", "accessory", "expand"})
        self.require("text" in block or "fields" in block, path, "must have text or fields")
        if "text" in block:
            self.text(f"{path}/text", block["text"], most=3000)
        if "fields" in block:
            self.items(
                f"{path}/fields", block["fields"], most=10, each=lambda at, one: self.text(at, one, most=2000)
            )
        if "accessory" in block:
            self.button(f"{path}/accessory", block["accessory"])

    def context(self, path: str, block: Any) -> None:
        if self.keys(path, block, required={"elements"}):
            each = lambda at, one: self.text(at, one, most=3000)  # noqa: E731
            self.items(f"{path}/elements", block["elements"], most=10, each=each)

    def actions(self, path: str, block: Any) -> None:
        if self.keys(path, block, required={"elements"}):
            self.items(f"{path}/elements", block["elements"], most=25, each=self.button)
            ids = [one.get("action_id") for one in block["elements"]]
            self.require(len(ids) == len(set(ids)), path, "duplicate action_id")

    def button(self, path: str, value: Any) -> None:
        """Check a button: https://docs.slack.dev/reference/block-kit/block-elements/button-element."""
        optional = {"action_id", "url", "value", "style", "confirm", "accessibility_label"}
        if self.keys(path, value, required={"type", "text"}, optional=optional):
            self.require(value["type"] == "button", path, "must be a button")
            self.text(f"{path}/text", value["text"], most=75, kinds=("plain_text",))
            for key, most in (("action_id", 255), ("value", 2000), ("url", 3000)):
                self.string(f"{path}/{key}", value.get(key, "x"), most=most)
            self.require(value.get("style", "primary") in ("primary", "danger"), path, "invalid style")

    def rich_text(self, path: str, block: Any) -> None:
        """Check a rich text block: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block."""
        if self.keys(path, block, required={"elements"}):
            self.items(f"{path}/elements", block["elements"], most=1000, each=self.rich_part)

    def rich_part(self, path: str, part: Any) -> None:
        kind = part.get("type") if isinstance(part, dict) else None
        optional = {
            "rich_text_section": set(),
            "rich_text_preformatted": {"border"},
            "rich_text_quote": {"border"},
            "rich_text_list": {"indent", "offset", "border"},
        }
        if not self.require(kind in optional, path, f"unsupported type: {kind}"):
            return
        is_list = kind == "rich_text_list"
        required = {"type", "elements"} | ({"style"} if is_list else set())
        if self.keys(path, part, required=required, optional=optional[str(kind)]):
            if is_list:
                self.require(part["style"] in ("bullet", "ordered"), path, "invalid style")
            each = self.rich_part if is_list else self.rich_element
            self.items(f"{path}/elements", part["elements"], most=1000, each=each)

    def rich_element(self, path: str, element: Any) -> None:
        kinds = {
            "text": ({"text"}, set()),
            "link": ({"url"}, {"text", "unsafe"}),
            "user": ({"user_id"}, set()),
            "emoji": ({"name"}, {"unicode"}),
            "channel": ({"channel_id"}, set()),
            "broadcast": ({"range"}, set()),
        }
        kind = element.get("type") if isinstance(element, dict) else None
        if not self.require(kind in kinds, path, f"unsupported type: {kind}"):
            return
        required, optional = kinds[str(kind)]
        if self.keys(path, element, required={"type", *required}, optional={"style", *optional}):
            for key in sorted((required | optional) & set(element)):
                self.string(f"{path}/{key}", element[key], most=BLOCKS_CHARACTERS)
            style = element.get("style", {})
            self.require(isinstance(style, dict) and set(style) <= STYLES, f"{path}/style", "invalid style")
            if kind == "user":
                self.require(
                    re.fullmatch("[UW][A-Z0-9]+", element["user_id"]) is not None, path, "invalid user id"
                )
            if kind == "link":
                self.require(element["url"].startswith(("https://", "http://")), path, "invalid url")

    def input(self, path: str, block: Any) -> None:
        """Check an input block: https://docs.slack.dev/reference/block-kit/blocks/input-block."""
        optional = {"hint", "optional", "dispatch_action"}
        if self.keys(path, block, required={"label", "element"}, optional=optional):
            for key in ("label", "hint"):
                if key in block:
                    self.text(f"{path}/{key}", block[key], most=2000, kinds=("plain_text",))
            self.plain_text_input(f"{path}/element", block["element"])

    def plain_text_input(self, path: str, value: Any) -> None:
        """Check a text input: https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element."""
        optional = {
            "action_id",
            "multiline",
            "min_length",
            "max_length",
            "placeholder",
            "initial_value",
            "focus_on_load",
        }
        if self.keys(path, value, required={"type"}, optional=optional):
            self.require(value["type"] == "plain_text_input", path, "unsupported element")
            self.string(f"{path}/action_id", value.get("action_id", "x"), most=255)
            least, most = value.get("min_length", 0), value.get("max_length", 3000)
            self.require(
                0 <= least <= most <= 3000, path, "min_length and max_length must be in order, up to 3000"
            )
            if "placeholder" in value:
                self.text(f"{path}/placeholder", value["placeholder"], most=150, kinds=("plain_text",))
