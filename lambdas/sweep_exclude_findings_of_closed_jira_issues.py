"""Once a day: exclude the findings whose Jira issues were closed by a person."""

from typing import Any

from lambdas.function_decorator import Invocation, lambda_function


@lambda_function("sweep")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Record an exclusion with an end date for every issue that a person closed."""
    swept = invocation.run.jira_channel().sweep()
    return invocation.run.beat(ran=[*swept.excluded, *swept.duplicates], failed=swept.failed)
