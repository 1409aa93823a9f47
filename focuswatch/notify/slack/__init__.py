"""Findings in Slack: rendering of messages, delivery, and responses of people."""
