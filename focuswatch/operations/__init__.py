"""Run a deployment: configuration, heartbeats, health report, leases, doctor, redrive."""
