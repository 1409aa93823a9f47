"""Fill in the `action` of a finding, and offer only commands that are safe to paste.

Names in a command come from the bill, and a person who pastes the command runs it. Therefore a command is offered only
if every value in it is one plain word to shells and to the AWS CLI; otherwise the step states the reason instead.
The check happens once, when the action is filled in: every output may offer each match of COMMAND for copying.
"""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

WORD = r"[A-Za-z0-9_./:=,@+%-]*[A-Za-z0-9_/=@%]"
QUOTED = r"'[^'\n]*'"
VALUE = rf"(?:{WORD}(?: \.\.\.)?|{QUOTED}|\.\.\.)"  # the user replaces an ellipsis
# The quantifiers are possessive, so that a text that does not end at the end of a word is not a command, and neither
# is a shorter beginning of it.
COMMAND = re.compile(
    rf"\baws [a-z0-9-]++ [a-z0-9-]++(?: --[a-z][a-z0-9-]*+(?: (?!--){VALUE})?+)*+(?=[\s,.;)]|\Z)"
)
MOST_CHARACTERS = 300  # maximum length of a value; outputs would cut a longer command
# Characters that no shell interprets: sh, zsh (a leading = or ~), cmd.exe (%), PowerShell (a leading @).
# The last character cannot be punctuation: an ARN that ends in a slash names no resource.
NAME = re.compile(r"[A-Za-z0-9_/](?:[A-Za-z0-9_./:=,@+-]*[A-Za-z0-9_])?")
# A value that is part of a word (`Start={first_day},End=…`): a comma or an equals sign would start another parameter.
PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
IN_QUOTES = re.compile(r"[A-Za-z0-9_][A-Za-z0-9 _.,()+/@#:=-]*")
# The AWS CLI loads a value such as file://… or fileb://… instead of passing it on:
# https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html
LOADED = "://"
REGION = re.compile(r"[a-z]{2,5}(?:-[a-z]{2,10}){1,2}-[0-9]{1,2}")  # us-gov-west-1, eusc-de-east-1
FIELD = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
# Replaces the values in prose if they would change a command in the text, or add one.
WITHHELD = "(see the evidence)"
UNSAFE = "contains characters that a shell or the AWS CLI would interpret"
_MARK = re.compile("zzfield([0-9]+)zz")


class _Command(NamedTuple):
    text: str
    offered: bool


def action_of(
    template: str, values: Mapping[str, Any], *, words: Mapping[str, str], quoted: Collection[str] = ()
) -> str:
    """Return `template` with its placeholders filled in: in commands from `values`, in prose from `words`.

    `words` are the same values as text. A value whose name ends in `_command` is a template itself, which comes from
    the SQL of a detection and not from a bill. `quoted` names values that may contain spaces; these are quoted.
    """
    fields, prose, unfilled = _parts(FIELD.sub(lambda found: _nested(found, values), template))
    commands = [_filled(command, fields, values, quoted) for command in unfilled]
    offered = [one.text for one in commands if one.offered]
    filled = _joined(
        [_MARK.sub(lambda mark: _prose_value(mark, fields, words), one) for one in prose], commands
    )
    if COMMAND.findall(filled) == offered:
        return filled
    return _joined([_MARK.sub(WITHHELD, one) for one in prose], commands)


def why_not(name: str, value: Any, *, part: bool = False, quoted: bool = False) -> str | None:
    """Return why the value of `name` must not be used in a command; None if it may be used.

    `part`: the value is only part of a word. `quoted`: the value is quoted if necessary.
    """
    text = "" if value is None else str(value)
    label = re.sub(r"\bid$", "ID", name.replace("_", " "))
    if not text.strip():
        return f"the bill contains no {label}"
    if name == "region_id" or name.endswith("_region_id"):
        return None if REGION.fullmatch(text) else f"the {label} is not an AWS Region"
    allowed = PART if part else IN_QUOTES if quoted else NAME
    if not allowed.fullmatch(text) or LOADED in text:
        return f"the {label} {UNSAFE}"
    return f"the {label} is longer than {MOST_CHARACTERS} characters" if len(text) > MOST_CHARACTERS else None


@lru_cache(maxsize=256)  # all findings of a detection share a template
def _parts(template: str) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Return the fields of a template, and its prose and commands, in which numbered marks replace the fields."""
    fields: list[str] = []

    def marked(found: re.Match[str]) -> str:
        fields.append(found[1])
        return f"zzfield{len(fields) - 1}zz"

    text = FIELD.sub(marked, template)
    prose, commands, end = list[str](), list[str](), 0
    for found in COMMAND.finditer(text):
        prose.append(text[end : found.start()])
        commands.append(found[0])
        end = found.end()
    prose.append(text[end:])
    return fields, prose, commands


def _nested(found: re.Match[str], values: Mapping[str, Any]) -> str:
    return str(values[found[1]]) if found[1].endswith("_command") else found[0]


def _filled(
    command: str, fields: Sequence[str], values: Mapping[str, Any], quoted: Collection[str]
) -> _Command:
    """Return the command with its values, or a text with the reason why it is not offered."""
    for mark in _MARK.finditer(command):
        name = fields[int(mark[1])]
        around = command[mark.start() - 1 : mark.start()] + command[mark.end() : mark.end() + 1]
        why = why_not(name, values[name], part=around.strip() != "", quoted=name in quoted)
        if why:
            return _Command(f"(no command: {why})", offered=False)

    def value(mark: re.Match[str]) -> str:
        name = fields[int(mark[1])]
        return shlex.quote(str(values[name])) if name in quoted else str(values[name])

    return _Command(_MARK.sub(value, command), offered=True)


def _prose_value(mark: re.Match[str], fields: Sequence[str], words: Mapping[str, str]) -> str:
    """Return a value for prose on one line, so that it cannot look like another step."""
    return " ".join(words[fields[int(mark[1])]].split())


def _joined(prose: list[str], commands: list[_Command]) -> str:
    return "".join(text + one.text for text, one in zip(prose, commands, strict=False)) + prose[-1]
