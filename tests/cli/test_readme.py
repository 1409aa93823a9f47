"""The README and the docs agree with the code: catalog, reports, links, commands and options."""

import re
import shlex
from pathlib import Path

import pytest

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.cli import app
from focuswatch.owners.owners_file import Owners

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def catalog_table() -> str:
    """Return the README's table of the catalog."""
    lines = ["| detection | category | finds |", "|---|---|---|"]
    detections = Catalog.load().detections.values()
    for one in sorted(detections, key=lambda one: (one.header.category, one.id)):
        link = f"[`{one.id}`](athena_sql/detections/{one.id}.sql)"
        lines.append(f"| {link} | {one.header.category} | {one.header.title} |")
    return "\n".join(lines)


def test_readme_lists_the_catalog():
    """Update the table with: python -m tests.cli.test_readme"""
    shown = re.search(r"<!-- catalog[^>]*-->\n(.*?)\n?<!-- /catalog -->", README, re.DOTALL)
    assert shown is not None
    assert shown[1] == catalog_table()


def test_readme_names_every_report():
    """The row of `focuswatch report` lists exactly the catalog's reports."""
    (row,) = re.findall(r"^\| `focuswatch report NAME` \|(.*)\|$", README, re.MULTILINE)
    assert re.findall(r"`(\w+)`", row) == sorted(Catalog.load().reports)


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_relative_link_has_a_target(path):
    """Links are updated when a file moves."""
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", path.read_text())
    assert [link for link in links if not (path.parent / link).exists()] == []


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_documented_command_exists(path):
    """A renamed command is renamed in all documents."""
    verbs = {command.name for command in app.registered_commands}
    shown = re.findall(r"(?:\$ |`)(?:\.venv/bin/)?focuswatch ([a-z]+)", path.read_text())
    assert set(shown) <= verbs


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_every_documented_make_target_exists(path):
    """A renamed target is renamed in all documents."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:\$ |`|&& |^)make ([a-z-]+)", path.read_text(), re.MULTILINE)) <= targets


def test_options_in_the_readme_exist():
    """In the lines that users can paste."""
    options = set(re.findall(r"--[a-z-]+", " ".join(_help_texts())))
    lines = re.findall(r"^\$ \.venv/bin/focuswatch (.*)$", README, re.MULTILINE)
    used = {word for line in lines for word in shlex.split(line, comments=True) if word.startswith("--")}
    assert used
    assert used <= options


def _help_texts() -> list[str]:
    from typer.testing import CliRunner

    return [CliRunner().invoke(app, [command.name, "--help"]).output for command in app.registered_commands]


def test_example_owners_file_is_valid():
    """The first commands of the README work."""
    assert Owners.load(ROOT / "config" / "owners.toml").teams


def write() -> None:
    """Write the table of the catalog into the README."""
    block = re.compile(r"(<!-- catalog[^>]*-->\n).*?(<!-- /catalog -->)", re.DOTALL)
    readme = block.sub(lambda match: f"{match[1]}{catalog_table()}\n{match[2]}", README)
    (ROOT / "README.md").write_text(readme)


if __name__ == "__main__":
    write()
