"""Once a day: exclude the findings whose Jira issues people have closed."""

from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from lambdas.function import Invocation, lambda_function, metrics


@lambda_function("sweep")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Record an exclusion with an end date for every issue that a person closed."""
    swept = invocation.run.jira_channel().sweep()
    metrics.add_metric(name="Excluded", unit=MetricUnit.Count, value=len(swept.excluded))
    return invocation.run.beat(ran=[*swept.excluded, *swept.duplicates], failed=swept.failed)
