"""Delivery to the team's own HTTPS endpoint: a signed CloudEvent for each notification."""
