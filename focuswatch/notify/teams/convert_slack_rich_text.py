"""Convert rich text blocks of Slack to lines of an Adaptive Card.

Steps, root cause and evidence are rendered once, as rich text, for both channels.
"""

from collections.abc import Iterable, Iterator

from focuswatch.notify.teams.plain_text_card_elements import Element, line, run


def lines_of(block: Element) -> list[Element]:
    """Convert a rich text block of Slack, whose elements have no markup either, to lines of a card."""
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
