"""The output of commands: terminal tables, JSON, CSV, chargeback files and Slack messages."""
