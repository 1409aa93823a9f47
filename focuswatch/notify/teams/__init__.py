"""Findings in Microsoft Teams: messages through webhooks of Workflows, and responses through signed links."""
