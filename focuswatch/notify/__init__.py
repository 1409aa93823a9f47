"""Delivery of notifications from a queue to Slack and Jira: exactly once and in order, also after a failure."""
