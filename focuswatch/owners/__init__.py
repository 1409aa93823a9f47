"""Owners of spend: owners.toml, routing of findings, use cases and planned launches."""
