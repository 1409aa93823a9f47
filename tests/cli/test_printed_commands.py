"""The CLI accepts the focuswatch commands in messages, in the catalog and in the documentation."""

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.cli import app

ROOT = Path(__file__).parents[2]
MENTION = re.compile(r"\bfocuswatch ([a-z]+)((?: [^\n`]*)?)")
TOKEN = re.compile(r' ("[^"\n]*"|[^\s"]+)')
# Positional arguments as messages write them: FINGERPRINT, 3f9a1c, ai_spend, s3://bucket/focus.
ARGUMENT = re.compile(r"[A-Z][A-Z_]{2,}|[0-9a-f]*[0-9][0-9a-f]*|[a-z]+(_[a-z]+)+|[\w.-]*/\S*")
ENDS = ".,;:)'"


@cache
def commands() -> dict[str, Any]:
    """Return the commands of the CLI by name."""
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def arguments(name: str, rest: str) -> list[str]:
    """Return the arguments at the start of `rest`; the prose after them is not part of the command."""
    takes_value = {
        option: not param.is_flag
        for param in commands()[name].params
        if param.param_type_name == "option"
        for option in (*param.opts, *param.secondary_opts)
    }
    words, expects_value = list[str](), False
    for token in TOKEN.findall(rest):
        text = token.strip('"') if token.startswith('"') else token.rstrip(ENDS)
        if not expects_value and not text.startswith("--") and not ARGUMENT.fullmatch(text):
            break
        words.append(text)
        expects_value = not expects_value and takes_value.get(text, False)
        if token != text and not token.startswith('"'):
            break  # the end of a sentence
    return words


def refusal(name: str, words: list[str], *, is_complete: bool) -> str | None:
    """Return why the CLI refuses to parse the command; None if it does not. Files need not exist."""
    try:
        commands()[name].make_context(name, list(words))
    except Exception as error:
        is_missing = type(error).__name__ == "MissingParameter"
        accepted = not is_complete if is_missing else isinstance(error, typer.BadParameter)
        return None if accepted else str(error) or type(error).__name__
    return None


def problems(text: str, *, is_complete: bool = True) -> Iterator[str]:
    """Yield a line for each command in `text` that the CLI would refuse; prose may omit required arguments."""
    for name, rest in MENTION.findall(text):
        if name not in commands():
            continue  # prose, such as "focuswatch reports the role"
        words = arguments(name, rest)
        if words and (reason := refusal(name, words, is_complete=is_complete)):
            yield f"focuswatch {name} {shlex.join(words)}: {reason}"


def texts() -> Iterator[tuple[str, str]]:
    """Yield the texts that users read, each with its place."""
    for path in sorted((ROOT / "tests" / "golden").rglob("*.txt")):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    catalog = Catalog.load()
    for entry in (*catalog.detections.values(), *catalog.reports.values()):
        header = entry.header
        yield entry.id, "\n".join((header.why, getattr(header, "action", "")))
    for package in ("focuswatch", "lambdas", "infra"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), "\n".join(_constants(path))


def _constants(path: Path) -> Iterator[str]:
    """Yield the string constants of a module. Commands in f-strings are checked in the golden files."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            yield node.value


def test_printed_commands_are_accepted_by_the_cli():
    """Every option in the texts exists, and every command takes the arguments that the texts show."""
    refused = [
        f"{place}: {problem}"
        for place, text in texts()
        for problem in problems(text, is_complete=not place.endswith((".md", ".py")))
    ]
    assert refused == []


@pytest.mark.parametrize(
    "text",
    [
        'If this finding is expected, run: focuswatch exclude 6cdefa5ccc9fd9ae6aec --reason "…"',
        "run focuswatch findings --supressions.",
        "Run `focuswatch scan ./focus --owner owners.toml`.",
    ],
)
def test_commands_that_the_cli_refuses_are_reported(text):
    """Examples of printed commands that did not work, or that could be printed by mistake."""
    assert list(problems(text))


@pytest.mark.parametrize(
    "text",
    [
        'If this finding is expected, run: focuswatch exclude --fingerprint 6cdefa5ccc9fd9ae6aec --reason "…"',
        "To list suppressions, run focuswatch findings --suppressions.",
        "Ask your administrator to run focuswatch snooze or focuswatch exclude.",
    ],
)
def test_commands_that_the_cli_accepts_are_not_reported(text):
    """Prose after a command is not reported either."""
    assert not list(problems(text))
