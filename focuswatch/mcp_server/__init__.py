"""The MCP server of `focuswatch mcp`: tools over a ledger and a bill, for AI agents.

Tools read, unless the server was started with permission to write. Every response is small, and text from the bill
stands under `data_from_bill`. https://modelcontextprotocol.io/specification
"""
