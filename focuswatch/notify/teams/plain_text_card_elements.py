"""Text of Adaptive Cards: text from a bill is data, never markup.

Text stands only in a TextRun, which has no markdown, unlike TextBlock and Fact
(https://adaptivecards.io/explorer/TextRun.html). Only `{{…}}`, which cards use for dates, is broken up here.
https://learn.microsoft.com/en-us/adaptive-cards/authoring-cards/text-features
"""

from collections.abc import Iterable, Iterator
from typing import Any

from focuswatch.notify.slack.mrkdwn import one_line, truncate

Element = dict[str, Any]


def run(
    text: str, *, bold: bool = False, code: bool = False, large: bool = False, subtle: bool = False
) -> Element:
    """Return text within a line, with the spaces at its ends."""
    element: Element = {"type": "TextRun", "text": text.replace("{{", "{ {").replace("}}", "} }") or "-"}
    return (
        element
        | ({"weight": "Bolder"} if bold else {})
        | ({"fontType": "Monospace"} if code else {})
        | ({"size": "Large"} if large else {})
        | ({"isSubtle": True, "size": "Small"} if subtle else {})
    )


def words(text: str, *, most: int, **style: bool) -> Element:
    """Return text from a bill on one line."""
    return run(truncate(one_line(text), most), **style)


def line(*runs: Element, spaced: bool = False) -> Element:
    """Return a line; `spaced` sets it apart from the line before."""
    element: Element = {"type": "RichTextBlock", "inlines": list(runs), "spacing": "Small"}
    return element | ({"spacing": "Medium"} if spaced else {})


def lines_of(block: Element) -> list[Element]:
    """Return the lines of a block of Slack's rich text, whose elements have no markup either."""
    lines = [line(*runs) for part in block["elements"] for runs in _lines(part) if runs]
    return [lines[0] | {"spacing": "Medium"}, *lines[1:]] if lines else []


def _lines(part: Element) -> Iterator[list[Element]]:
    match part["type"]:
        case "rich_text_section":
            yield from _split(part["elements"])
        case "rich_text_preformatted":
            yield [run(element["text"], code=True) for element in part["elements"]]
        case "rich_text_list":
            for item in part["elements"]:
                for runs in _split(item["elements"]):
                    yield [run("• "), *runs]


def _split(elements: Iterable[Element]) -> Iterator[list[Element]]:
    runs: list[Element] = []
    for element in elements:
        if element["text"] == "\n":
            yield runs
            runs = []
            continue
        style = element.get("style", {})
        runs.append(run(element["text"], bold=style.get("bold", False), code=style.get("code", False)))
    yield runs
