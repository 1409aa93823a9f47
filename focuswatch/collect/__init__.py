"""Collect data that the bill does not contain: accounts, resource activity, token counts, AI links and events.

Reads Organizations and, in every account, CloudWatch, CloudTrail and the APIs of the collected services. Stores tables
such as `accounts` and `activity` as Parquet. Changes nothing in any account, and evaluates nothing: the detections do.
"""
