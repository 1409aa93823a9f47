"""Deliver security findings to security tools: to AWS Security Hub in ASFF, and as OCSF files in S3."""
