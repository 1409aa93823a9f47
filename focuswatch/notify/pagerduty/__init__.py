"""Deliver findings to PagerDuty as alerts, through the Events API v2."""
