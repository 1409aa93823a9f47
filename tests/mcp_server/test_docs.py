"""docs/mcp.md has valid JSON whose command and options exist, and lists the server's tools."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from focuswatch.cli import app
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions
from focuswatch.mcp_server.build_server import READS, WRITES
from focuswatch.mcp_server.shorten_or_page_responses_to_fit import RESPONSE_BYTES

PAGE = (Path(__file__).parents[2] / "docs" / "mcp.md").read_text()
BLOCKS = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: next(iter(block)))
def test_every_block_starts_the_server(block):
    """The key is the client's: `mcpServers`, or `servers` for VS Code."""
    ((key, servers),) = block.items()
    assert key in ("mcpServers", "servers")
    ((name, server),) = servers.items()
    assert name == "focuswatch" and server.keys() <= {"type", "command", "args", "env"}
    words = [server["command"], *server["args"]]
    command = words.index("focuswatch")
    assert words[command + 1] == "mcp"
    options = set(re.findall(r"--[a-z-]+", CliRunner().invoke(app, ["mcp", "--help"]).output))
    assert {word for word in words[command:] if word.startswith("--")} <= options


def test_each_client_has_a_block():
    """Some clients have several blocks."""
    assert len(BLOCKS) == 5
    for client in ("Claude Desktop", "Claude Code", "VS Code", "Cursor"):
        assert f"**{client}**" in PAGE


def test_tools_and_size_in_the_docs_are_those_of_the_server():
    """The table lists each tool."""
    table = PAGE.partition("| tool | returns |")[2].partition("\n\n")[0]
    first_cells = "".join(re.findall(r"^\| (.*?) \|", table, re.MULTILINE))
    assert set(re.findall(r"`(\w+)`", first_cells)) == READS.keys() | WRITES.keys()
    assert f"at most {RESPONSE_BYTES:,} bytes" in PAGE


def test_server_has_every_option_of_reports():
    """docs/mcp.md says so."""
    report, server = (CliRunner().invoke(app, [name, "--help"]).output for name in ("report", "mcp"))
    names = {
        f"--{name.replace('_', '-')}"
        for name in BillOptions.__dataclass_fields__
        if name not in ("export", "others")
    }
    assert names <= set(re.findall(r"--[a-z-]+", report)) & set(re.findall(r"--[a-z-]+", server))
