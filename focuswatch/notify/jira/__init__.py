"""Findings as Jira issues: one issue per fingerprint, on Jira Cloud and Data Center."""
