"""Deliver findings to Jira Cloud and Data Center: one issue per incident."""
