"""Escape text from a bill for Jira's wiki markup, so that Jira shows it unchanged, and shorten it to a limit.

The escaped characters follow Jira's own rules. Cloud uses the converter that Atlassian publishes:
https://www.npmjs.com/package/@atlaskit/editor-wikimarkup-transformer. HTML entities are not an option: Data Center
decodes them, Cloud does not.
"""

import re

from focuswatch.findings.replace_control_characters import visible

MARKUP = re.compile(r"[-#*_+?^~|%{}\[\]()!@]")
# Replaces a backslash, which would escape the next character or break the line.
LOOKS_LIKE_A_BACKSLASH = "\N{REVERSE SOLIDUS OPERATOR}"
JOINER = "\N{WORD JOINER}"  # invisible and zero-width; splits character sequences that Jira reads as markup
SMILEY = r"(?<=[:;])(?=[DPp](?![0-9A-Za-z]))"
LINK = r"(?<=:)(?=//)|(?i:(?<=mailto:))"
LAYOUT = r"(?<=\Ah[1-6])(?=\.)|(?<=\Abq)(?=\.)"  # a heading or a quotation at the start of a line
ACTS_UNESCAPED = re.compile(f"{SMILEY}|{LINK}|{LAYOUT}")
ENDS_A_BLOCK = re.compile(r"(?i)(?<=\{)(?=noformat)")
# Data Center on MySQL rejects the whole issue if the text contains one emoji:
# https://jira.atlassian.com/browse/JRASERVER-36135
BEYOND_THREE_BYTES = re.compile("[\U00010000-\U0010ffff]")


def one_line(text: str, *, longest: int) -> str:
    """Return the text on one line of at most `longest` characters; shortened text ends with an ellipsis."""
    line = " ".join(_displayable(text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def escaped(text: str, *, longest: int) -> str:
    """Return one escaped line. The limit applies before escaping, so the result can be longer than `longest`."""
    line = one_line(text, longest=longest).replace("\\", LOOKS_LIKE_A_BACKSLASH)
    return MARKUP.sub(lambda match: "\\" + match[0], ACTS_UNESCAPED.sub(JOINER, line))


def verbatim(text: str, *, longest: int) -> str:
    """Return a {noformat} block, in which Jira shows each line unchanged."""
    lines = _displayable(text).replace("\t", "    ").strip("\n")
    cut = lines if len(lines) <= longest else lines[: longest - 2].rstrip() + "\n…"
    return "{noformat}\n" + ENDS_A_BLOCK.sub(JOINER, cut) + "\n{noformat}"


def _displayable(text: str) -> str:
    return BEYOND_THREE_BYTES.sub("\N{REPLACEMENT CHARACTER}", visible(text))
