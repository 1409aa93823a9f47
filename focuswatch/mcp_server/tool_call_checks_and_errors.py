"""An MCP server that checks the arguments of tool calls, and turns errors into sentences for the agent."""

import logging
from typing import Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, InputRequiredResult, TextContent
from pydantic import ValidationError

from focuswatch.errors import FocuswatchError
from focuswatch.findings.replace_control_characters import visible
from focuswatch.mcp_server.shorten_or_page_responses_to_fit import compact_json

ERROR_CHARACTERS = 1_500  # maximum length of an error

logger = logging.getLogger(__name__)


class FocuswatchServer(MCPServer[Any]):
    """An MCP server with full sentences as errors for the agent, and compact JSON as results."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call the tool `name` and return its result to the agent. Raises ToolError with one sentence per problem."""
        await self._check(name, arguments)
        try:
            result = await super().call_tool(name, arguments, context)
        except ToolError as error:
            raise ToolError(_sentence(error)[:ERROR_CHARACTERS]) from None
        if isinstance(result, CallToolResult) and result.structured_content is not None:
            text = TextContent(type="text", text=compact_json(result.structured_content))
            return result.model_copy(update={"content": [text]})
        return result

    async def _check(self, name: str, arguments: dict[str, Any]) -> None:
        """Raise ToolError for an unknown tool or argument.

        If an unknown filter were ignored, the agent would receive data that it did not ask for.
        """
        tools = {tool.name: tool for tool in await self.list_tools()}
        if name not in tools:
            raise ToolError(f"No tool is named '{visible(name)}'. Expected one of: {', '.join(tools)}.")
        expected = tools[name].input_schema.get("properties", {})
        if unknown := [argument for argument in arguments if argument not in expected]:
            raise ToolError(
                f"{name} has no argument '{visible(unknown[0])}'. Expected: {', '.join(expected) or 'none'}."
            )


def _sentence(error: ToolError) -> str:
    """Return the error message for the agent. The traceback of an unexpected error goes to the log on stderr."""
    cause = error.__cause__
    match cause:
        case ValidationError():
            return " ".join(_argument_sentence(problem) for problem in cause.errors())
        case FocuswatchError():
            return visible(str(cause))
        case OSError():
            file = f"{cause.filename}: " if cause.filename else ""
            return visible(
                f"{file}{cause.strerror or cause}. Check the file, its permissions and the disk space."
            )
        case None:
            return visible(str(error))
    logger.error("a tool failed", exc_info=cause)
    return (
        f"Unexpected {type(cause).__name__}. For details, read the log that focuswatch mcp writes to stderr."
    )


def _argument_sentence(problem: Any) -> str:
    name = ".".join(map(str, problem["loc"])) or "arguments"
    text = str(problem["msg"]).replace("Input should be", "expected", 1)
    return visible(f"{name}: {text[:1].lower()}{text[1:]}.")
