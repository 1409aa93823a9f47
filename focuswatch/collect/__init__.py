"""Collect what the bill does not hold: the organization's accounts, and the activity of hourly-billed resources.

Reads Organizations and, in every account, CloudWatch; writes the tables `accounts` and `activity` as Parquet.
Changes nothing in any account, and evaluates nothing: that is for the detections.
"""
