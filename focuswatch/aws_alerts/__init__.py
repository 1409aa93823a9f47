"""Convert alerts from AWS Budgets and AWS Cost Anomaly Detection to findings, and record them in the ledger.

A message that cannot be parsed becomes a finding too, so that no alert is lost.
"""
