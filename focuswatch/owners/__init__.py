"""Owners of spend: owners.toml, routing of findings, budgets, chargeback, use cases and planned launches."""
