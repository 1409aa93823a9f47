"""Detection ids of findings that come from alerts of AWS; the package aws_alerts creates these findings."""

BUDGET = "aws_budget"
ANOMALY = "aws_cost_anomaly"
AWS_ALERTS = frozenset((BUDGET, ANOMALY))
