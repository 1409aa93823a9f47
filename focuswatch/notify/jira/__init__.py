"""Findings as Jira issues: one per fingerprint, on Cloud and on Data Center."""
