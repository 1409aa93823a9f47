"""Show Jira's wiki markup as a reader sees it, and list its active parts: links, mentions, images, macros, smileys.

The rules are those of Atlassian's own converter (https://www.npmjs.com/package/@atlaskit/editor-wikimarkup-transformer)
and of https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all. Where they differ, text counts as
markup if either of them treats it as such.
"""

import re

BLOCK = re.compile(r"\{noformat\}\n(.*?)\n\{noformat\}", re.DOTALL)
ESCAPABLE = r"-#*_+?^~|%{}\[\]()!@"
ESCAPED = re.compile(rf"(?<!\\)\\([{ESCAPABLE}])")
ACTS = {
    "macro": re.compile(r"\{[^}\n]*\}"),
    "link": re.compile(r"\[[^\]\n]+\]"),
    "address": re.compile(r"(?i)\b(?:https?|ftp|file|irc|nntp|news)://\S|\bmailto:[^\s\u2060]"),
    "image": re.compile(r"![^!\s][^!\n]*!"),
    "heading": re.compile(r"^h[1-6]\. ", re.MULTILINE),
    "quote": re.compile(r"^bq\. ", re.MULTILINE),
    "list": re.compile(r"^\s*(?:[*#]+|-+) ", re.MULTILINE),
    "rule": re.compile(r"^----", re.MULTILINE),
    "table": re.compile(r"^\s*\|", re.MULTILINE),
    "emphasis": re.compile(r"(?<!\w)([*_+^~-])(?=\S)[^\n]*?(?<=\S)\1(?!\w)"),
    "citation": re.compile(r"\?\?\S[^\n]*?\?\?"),
    "dash": re.compile(r"(?<= )-{2,3}(?= )"),
    "break": re.compile(r"\\\\"),
    "smiley": re.compile(r"[:;]-?[DPp)(](?![A-Za-z0-9])|\((?:!|\?|/|x|y|n|i|\*[rgby]?|\+|-|on|off|flag)\)"),
    "escape": re.compile(r"\\"),
}
HIDDEN = "\x00"


def acting(text: str) -> list[str]:
    """Return the active parts of a text, such as links and mentions, as `kind: value`; {noformat} blocks have none."""
    rest = BLOCK.sub("", text)
    rest = ESCAPED.sub(HIDDEN, rest)
    return [f"{kind}: {match[0]}" for kind, rule in ACTS.items() for match in rule.finditer(rest)]


def seen(text: str) -> str:
    """Return the text as Jira displays it, in plain text: headings are underlined, blocks are indented."""
    parts = BLOCK.split(text)
    shown = []
    for place, part in enumerate(parts):
        if place % 2:
            shown.append("\n".join(f"    {line}" for line in part.splitlines()))
            continue
        part = re.sub(r"(?m)^h3\. (.*)$", lambda match: f"{match[1]}\n{'~' * len(match[1])}", part)
        part = re.sub(r"(?m)^\* ", "• ", part)
        part = re.sub(r"(?m)^\*([^*\n]+)\*", r"\1", part)
        part = re.sub(r"(?m)^_(.*)_$", r"\1", part)
        shown.append(ESCAPED.sub(r"\1", part))
    return "".join(shown)
