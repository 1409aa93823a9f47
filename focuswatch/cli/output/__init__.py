"""What people and programs see: tables on a terminal, JSON, Slack's blocks."""
