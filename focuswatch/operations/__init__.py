"""Operate a deployment: configuration, heartbeats, leases, health report, `doctor`, and the redrive of dead letters."""
