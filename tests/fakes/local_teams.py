"""A Microsoft Teams whose Workflows post the cards that their webhooks receive.

A webhook accepts every card with 202; Teams shows only valid ones. The rules for cards:
https://adaptivecards.io/schemas/adaptive-card.json,
https://learn.microsoft.com/en-us/microsoftteams/limits-specifications-teams#chat
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.local_json_service import Answer, Faults, Limit

MOST_BYTES = 28 * 1024  # in UTF-16
VERSIONS = ("1.0", "1.1", "1.2", "1.3", "1.4", "1.5")
MOST_ACTIONS = 6
# Properties of each type of element in the schema.
ELEMENTS = {
    "RichTextBlock": {"type", "inlines", "spacing", "separator", "id"},
    "TextRun": {"type", "text", "weight", "size", "fontType", "isSubtle", "color", "italic"},
    "Action.OpenUrl": {"type", "title", "url", "iconUrl", "style"},
}


@dataclass
class LocalTeams:
    """Channels by the path of their webhook, the cards that they show, and why workflows failed to post others."""

    channels: dict[str, str]
    clock: Callable[[], float]
    shown: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    failed_runs: list[str] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    requests: list[tuple[str, Any]] = field(default_factory=list)
    address: str = ""
    limit: Limit | None = None

    def __post_init__(self) -> None:
        # Four requests per second:
        # https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
        self.limit = Limit(4, self.clock)

    def url(self, channel: str) -> str:
        return self.address + next(path for path, name in self.channels.items() if name == channel)

    def cards(self, channel: str) -> list[dict[str, Any]]:
        return [card for name, card in self.shown if name == channel]

    def answer(self, path: str, body: bytes) -> Answer:
        channel = self.channels.get(path)
        if channel is None:
            error = {"code": "WorkflowTriggerNotFound", "message": "The workflow was not found."}
            return 404, {}, {"error": error}
        if self.limit and self.limit.exceeded(channel):
            return 429, {"Retry-After": "5"}, "Too Many Requests"
        try:
            message = json.loads(body)
        except ValueError:
            return 400, {}, {"error": {"code": "InvalidJson"}}
        problems = list(card_problems(message))
        if problems:  # accepted nevertheless: only the run history of the workflow shows the failure
            self.failed_runs += problems
        else:
            self.shown.append((channel, message["attachments"][0]["content"]))
        return 202, {}, ""


def card_problems(message: dict[str, Any]) -> Iterator[str]:
    """Yield the reasons why a workflow would not post a message."""
    if len(json.dumps(message, ensure_ascii=False).encode("utf-16-le")) > MOST_BYTES:
        yield "Request Entity too large"
    if message.get("type") != "message" or len(message.get("attachments", [])) != 1:
        yield "no attachment"
        return
    attachment = message["attachments"][0]
    if attachment.get("contentType") != "application/vnd.microsoft.card.adaptive":
        yield "the attachment is no Adaptive Card"
        return
    card = attachment["content"]
    if card.get("type") != "AdaptiveCard" or card.get("version") not in VERSIONS or not card.get("body"):
        yield "not a card"
    for element in card["body"]:
        yield from _element_problems(element)
        for inline in element.get("inlines", []):
            yield from _element_problems(inline)
            if not inline.get("text"):
                yield "an empty TextRun"
    if len(card.get("actions", [])) > MOST_ACTIONS:
        yield "too many actions"
    for action in card.get("actions", []):
        yield from _element_problems(action)
        if not action["url"].startswith("https://"):
            yield f"{action['url']} is no link"


def _element_problems(element: dict[str, Any]) -> Iterator[str]:
    properties = ELEMENTS.get(element.get("type", ""))
    if properties is None or not element.keys() <= properties:
        yield f"{element} is not rendered"


def seen(card: dict[str, Any]) -> str:
    """Return a card as a reader sees it, in plain text: **bold**, `code`, [button]."""
    lines = []
    for element in card["body"]:
        if element["spacing"] == "Medium":
            lines.append("")
        lines.append("".join(map(_run, element["inlines"])).rstrip())
    if buttons := [f"[{action['title']}]" for action in card.get("actions", [])]:
        lines += ["", "  ".join(buttons)]
    return "\n".join(lines).strip() + "\n"


def _run(inline: dict[str, Any]) -> str:
    mark = "# " if inline.get("size") == "Large" else ""
    around = "`" if inline.get("fontType") else "**" if inline.get("weight") and not mark else ""
    return f"{mark}{around}{inline['text']}{around}"
