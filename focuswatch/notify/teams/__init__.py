"""Findings as messages in Microsoft Teams, through webhooks of Workflows."""
