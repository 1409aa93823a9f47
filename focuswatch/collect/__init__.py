"""What the bill does not say: which accounts there are, and what the resources that cost by the hour really did.

Reads Organizations and, in every account, CloudWatch; writes the tables `accounts` and `activity` as Parquet.
Changes nothing in any account, and decides nothing: that is for the detections.
"""
