"""Output of commands: tables on a terminal, JSON, CSV and Slack's blocks."""
