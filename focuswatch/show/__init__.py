"""What people and programs see: tables on a terminal, JSON, Slack's blocks."""

from focuswatch.show import json, slack, table, why

__all__ = ["json", "slack", "table", "why"]
