"""Build text elements of Adaptive Cards, in which text from a bill is never interpreted as markup.

All text is in TextRun elements, which do not support Markdown, unlike TextBlock and Fact
(https://adaptivecards.io/explorer/TextRun.html). Only `{{…}}`, which cards use for dates, must be broken up here.
https://learn.microsoft.com/en-us/adaptive-cards/authoring-cards/text-features
"""

from typing import Any

from focuswatch.notify.one_line_and_truncated_text import one_line, truncate

Element = dict[str, Any]


def run(
    text: str, *, bold: bool = False, code: bool = False, large: bool = False, subtle: bool = False
) -> Element:
    """Return text within a line, including the spaces at its ends."""
    element: Element = {"type": "TextRun", "text": text.replace("{{", "{ {").replace("}}", "} }") or "-"}
    return (
        element
        | ({"weight": "Bolder"} if bold else {})
        | ({"fontType": "Monospace"} if code else {})
        | ({"size": "Large"} if large else {})
        | ({"isSubtle": True, "size": "Small"} if subtle else {})
    )


def words(text: str, *, most: int, **style: bool) -> Element:
    """Return text from a bill on one line, truncated to `most` characters."""
    return run(truncate(one_line(text), most), **style)


def line(*runs: Element, spaced: bool = False) -> Element:
    """Return a line; `spaced` adds space above it."""
    element: Element = {"type": "RichTextBlock", "inlines": list(runs), "spacing": "Small"}
    return element | ({"spacing": "Medium"} if spaced else {})
