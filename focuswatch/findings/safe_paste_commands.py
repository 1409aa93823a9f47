"""Commands in a finding's `action`: fill in the text, and offer only commands that are safe to paste.

Names in a command come from the bill, and a person who pastes the command runs it. So a command is offered only if
every value in it is one plain word for a shell and for the AWS CLI; otherwise the step states why there is none.
This is decided once, when the action is filled in: any command that COMMAND matches may be copied, in every output.
"""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

WORD = r"[A-Za-z0-9_./:=,@+%-]*[A-Za-z0-9_/=@%]"
QUOTED = r"'[^'\n]*'"
VALUE = rf"(?:{WORD}(?: \.\.\.)?|{QUOTED}|\.\.\.)"  # an ellipsis is to be replaced by the user
# Possessive: what does not end where a word ends is no command, and neither is the beginning of it.
COMMAND = re.compile(
    rf"\baws [a-z0-9-]++ [a-z0-9-]++(?: --[a-z][a-z0-9-]*+(?: (?!--){VALUE})?+)*+(?=[\s,.;)]|\Z)"
)
MOST_CHARACTERS = 300  # of a value: a command that an output would cut is not offered
# What no shell acts on: neither sh, nor zsh (a leading = or ~), nor cmd.exe (%), nor PowerShell (a leading @).
# The end is the name's own: an ARN that ends in a slash names nothing.
NAME = re.compile(r"[A-Za-z0-9_/](?:[A-Za-z0-9_./:=,@+-]*[A-Za-z0-9_])?")
# Within a word of the catalog (`Start={first_day},End=…`) a comma or an equals sign would begin another parameter.
PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")
IN_QUOTES = re.compile(r"[A-Za-z0-9_][A-Za-z0-9 _.,()+/@#:=-]*")
# The AWS CLI reads these instead of passing them on: https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-parameters-file.html
LOADED = "://"
REGION = re.compile(r"[a-z]{2,5}(?:-[a-z]{2,10}){1,2}-[0-9]{1,2}")  # us-gov-west-1, eusc-de-east-1
FIELD = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
WITHHELD = "(see the evidence)"  # in place of a name beside which a command would no longer be what the catalog wrote
UNSAFE = "contains characters that a shell or the AWS CLI would interpret"
_MARK = re.compile("zzfield([0-9]+)zz")


class _Command(NamedTuple):
    text: str
    offered: bool


def action_of(
    template: str, values: Mapping[str, Any], *, words: Mapping[str, str], quoted: Collection[str] = ()
) -> str:
    """Return `template` filled in: its commands from `values`, its prose from `words`, the same values as text.

    A value whose name ends in `_command` is a template itself, written in a detection's SQL and not in a bill.
    `quoted` names values that may hold spaces and are then put in quotes.
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
    """Return why the value of `name` may not stand in a command; None where it may.

    `part`: it is only part of a word there. `quoted`: it is put in quotes where it needs them.
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


@lru_cache(maxsize=256)  # the findings of a detection have the same template
def _parts(template: str) -> tuple[Sequence[str], Sequence[str], Sequence[str]]:
    """Return the fields of a template, which marks stand for in the others: its prose, and its commands in between."""
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
    """Return the command with its values, or the reason why there is none."""
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
    """Return a value in prose, on one line, so that it cannot look like another step."""
    return " ".join(words[fields[int(mark[1])]].split())


def _joined(prose: list[str], commands: list[_Command]) -> str:
    return "".join(text + one.text for text, one in zip(prose, commands, strict=False)) + prose[-1]
