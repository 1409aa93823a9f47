"""Connect an MCP client over stdio to a process of `focuswatch mcp`, as an agent does.

The process has no network: every connection fails, unless the test passes another environment.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import CallToolResult, Tool

FOCUSWATCH = Path(sys.executable).parent / "focuswatch"
WITHOUT_NETWORK = """
import socket

def _refuse(self, address):
    raise OSError(f"a connection to {address} in a test without network")

socket.socket.connect = socket.socket.connect_ex = _refuse
"""


@dataclass(frozen=True)
class Agent:
    """A connected client; `log` is what the server wrote to stderr."""

    client: Client
    portal: BlockingPortal
    log: Path

    def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Call a tool and return its result, even if the result is an error."""
        return self.portal.call(self.client.call_tool, tool, arguments)

    def read(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the structured content of a tool's result; fail if it is an error."""
        result = self.call(tool, **arguments)
        assert not result.is_error, result.content
        assert isinstance(result.structured_content, dict)
        return result.structured_content

    def error(self, tool: str, **arguments: Any) -> str:
        """Return the text of a tool's error; fail if there is none."""
        result = self.call(tool, **arguments)
        assert result.is_error and result.structured_content is None
        (block,) = result.content
        return str(block.text)  # type: ignore[union-attr]

    def pages(self, tool: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield every page of a list."""
        page = self.read(tool, **arguments)
        yield page
        while cursor := page.get("next_cursor"):
            page = self.read(tool, **arguments, cursor=cursor)
            yield page

    def cancel(self, tool: str, *, after_seconds: float, **arguments: Any) -> bool:
        """Call a tool and cancel the call; return whether it was cancelled before it ended."""

        async def cancelled() -> bool:
            with anyio.move_on_after(after_seconds) as scope:
                await self.client.call_tool(tool, arguments)
            return scope.cancelled_caught

        return self.portal.call(cancelled)

    def tools(self) -> dict[str, Tool]:
        """Return the tools by name."""
        return {tool.name: tool for tool in self.portal.call(self.client.list_tools).tools}


@contextmanager
def serving_agent(
    *options: object,
    folder: Path,
    mode: Literal["auto", "legacy"] = "auto",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Agent]:
    """Yield a client of `focuswatch mcp` with these options; `folder` is its home and contains its log.

    `environment` replaces the default, which has no network.
    """
    if environment is None:
        (folder / "sitecustomize.py").write_text(WITHOUT_NETWORK)
        environment = {"PYTHONPATH": str(folder), "HOME": str(folder), "PATH": os.environ["PATH"]}
    command = StdioServerParameters(
        command=str(FOCUSWATCH), args=["mcp", *map(str, options)], env=dict(environment)
    )
    log = folder / "mcp.log"
    with (
        log.open("w") as errors,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Client(stdio_client(command, errlog=errors), mode=mode)) as client,
    ):
        yield Agent(client, portal, log)
