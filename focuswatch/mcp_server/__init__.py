"""The MCP server of `focuswatch mcp`: tools for AI agents that read a ledger and a bill.

Tools that write exist only if the server was started with permission to write. Every response is small, and text from
the bill is under the key `data_from_bill`. https://modelcontextprotocol.io/specification
"""
