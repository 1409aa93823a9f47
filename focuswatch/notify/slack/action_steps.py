"""The `action` of a finding as rich text: steps to read, commands to copy."""

from collections.abc import Iterator

from focuswatch.findings.finding import Finding
from focuswatch.findings.safe_paste_commands import COMMAND
from focuswatch.notify.slack.blocks import Block, code, line_feed, rich, section, spaced, words
from focuswatch.notify.slack.mrkdwn import one_line, truncate

STEP_CHARACTERS = 300
COMMAND_CHARACTERS = 700
ACTION_CHARACTERS = 2500
LINE_CHARACTERS = 50  # size of the blocks of a line besides its text


def render_action(finding: Finding) -> Block:
    """Return the block with the steps."""
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
    """Return the section of `prose` without line feeds at its ends: a code block has its own lines."""
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
    """Yield prose, commands within it as code, and commands at the end of a sentence as code blocks."""
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
    """Yield `text` with the spaces between it and a command next to it."""
    if text.strip():
        before, after = text[:1].isspace() * " ", text[-1:].isspace() * " "
        yield spaced(before + truncate(one_line(text), STEP_CHARACTERS) + after)
