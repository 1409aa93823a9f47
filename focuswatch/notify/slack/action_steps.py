"""Render the `action` of a finding as Slack rich text: steps to read, and commands to copy."""

from collections.abc import Iterator

from focuswatch.findings.fill_action_with_safe_commands import COMMAND
from focuswatch.findings.finding import Finding
from focuswatch.notify.one_line_and_truncated_text import one_line, truncate
from focuswatch.notify.slack.block_kit_elements import Block, code, line_feed, rich, section, spaced, words

STEP_CHARACTERS = 300
COMMAND_CHARACTERS = 700
ACTION_CHARACTERS = 2500
LINE_CHARACTERS = 50  # estimated size of a line's blocks without its text


def render_action(finding: Finding) -> Block:
    """Return the rich text block with the steps and commands."""
    parts: list[Block] = []
    prose: list[Block] = [words("What to do", style="bold")]
    for line in _lines(finding.action):
        prose.append(line_feed())
        for element in _elements(line):
            if element["type"] == "rich_text_preformatted":
                parts += [*_section(prose), element]
                prose = []
            else:
                prose.append(element)
    return rich(*parts, *_section(prose))


def _section(prose: list[Block]) -> list[Block]:
    """Return `prose` as a section without line feeds at its ends, because a code block starts on its own line."""
    while prose and prose[0] == line_feed():
        prose = prose[1:]
    while prose and prose[-1] == line_feed():
        prose = prose[:-1]
    return [section(prose)] if prose else []


def _lines(action: str) -> Iterator[str]:
    room = ACTION_CHARACTERS
    for line in filter(None, map(str.strip, action.splitlines())):
        short = truncate(line, STEP_CHARACTERS + COMMAND_CHARACTERS)
        room -= len(short) + LINE_CHARACTERS
        if room < 0:
            yield "…"
            return
        yield short


def _elements(line: str) -> Iterator[Block]:
    """Yield prose and commands.

    A command at the end of the line or before a parenthesis is a code block; any other is inline code.
    """
    end, own_line = 0, True
    for command in COMMAND.finditer(line):
        before, end = line[end : command.start()], command.end()
        yield from _prose(before.lstrip() if own_line else before)
        own_line = not line[end:] or line[end:].startswith(" (")
        if own_line:
            yield code(command[0], most=COMMAND_CHARACTERS)
        else:
            yield words(command[0], style="code", most=COMMAND_CHARACTERS)
    yield from _prose(line[end:].lstrip() if own_line else line[end:])


def _prose(text: str) -> Iterator[Block]:
    """Yield `text` with a space at each end where it is separated from an adjacent command."""
    if text.strip():
        before, after = text[:1].isspace() * " ", text[-1:].isspace() * " "
        yield spaced(before + truncate(one_line(text), STEP_CHARACTERS) + after)
