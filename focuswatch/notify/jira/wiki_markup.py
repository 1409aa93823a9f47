"""Text of a bill in Jira's wiki markup, where it is shown as it is and never acts.

What is escaped, and that nothing is escaped after another backslash, is Jira's own rule, for Cloud as in the converter
that Atlassian publishes: https://www.npmjs.com/package/@atlaskit/editor-wikimarkup-transformer. Entities are no way
out: Data Center decodes them, Cloud does not.
"""

import re

from focuswatch.findings.visible_text import visible

MARKUP = re.compile(r"[-#*_+?^~|%{}\[\]()!@]")
LOOKS_LIKE_A_BACKSLASH = (
    "\N{REVERSE SOLIDUS OPERATOR}"  # a real one would escape what follows, or break the line
)
JOINER = "\N{WORD JOINER}"  # is not seen, takes no room, and parts what Jira would take for one thing
SMILEY = r"(?<=[:;])(?=[DPp](?![0-9A-Za-z]))"
LINK = r"(?<=:)(?=//)|(?i:(?<=mailto:))"
LAYOUT = r"(?<=\Ah[1-6])(?=\.)|(?<=\Abq)(?=\.)"  # a heading, a quotation: at the beginning of a line
ACTS_UNESCAPED = re.compile(f"{SMILEY}|{LINK}|{LAYOUT}")
ENDS_A_BLOCK = re.compile(r"(?i)(?<=\{)(?=noformat)")
# Data Center on MySQL refuses a whole issue for one emoji: https://jira.atlassian.com/browse/JRASERVER-36135
BEYOND_THREE_BYTES = re.compile("[\U00010000-\U0010ffff]")


def one_line(text: str, *, longest: int) -> str:
    """Text in one line and of at most so many characters, an ellipsis in place of what was cut."""
    line = " ".join(_shown(text).split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def escaped(text: str, *, longest: int) -> str:
    """One line that means nothing to Jira; it is cut before it is escaped, so that it gets longer."""
    line = one_line(text, longest=longest).replace("\\", LOOKS_LIKE_A_BACKSLASH)
    return MARKUP.sub(lambda found: "\\" + found[0], ACTS_UNESCAPED.sub(JOINER, line))


def verbatim(text: str, *, longest: int) -> str:
    """A block of lines, each as it is written."""
    lines = _shown(text).replace("\t", "    ").strip("\n")
    cut = lines if len(lines) <= longest else lines[: longest - 2].rstrip() + "\n…"
    return "{noformat}\n" + ENDS_A_BLOCK.sub(JOINER, cut) + "\n{noformat}"


def _shown(text: str) -> str:
    return BEYOND_THREE_BYTES.sub("\N{REPLACEMENT CHARACTER}", visible(text))
