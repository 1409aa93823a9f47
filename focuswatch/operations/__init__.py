"""Run a deployment: its configuration, heartbeats, health report, doctor and redrive."""
