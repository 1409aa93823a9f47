"""Detection ids of findings that AWS itself reports; the package aws_alerts creates these findings."""

BUDGET = "aws_budget"
ANOMALY = "aws_cost_anomaly"
AWS_ALERTS = frozenset((BUDGET, ANOMALY))
