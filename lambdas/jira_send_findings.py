"""Bring the Jira issue of each finding in a batch up to date."""

from typing import Any

from lambdas.function_decorator import Invocation, lambda_function
from lambdas.process_queue_batch_and_report_failed_messages import deliver_findings


@lambda_function("jira")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Deliver a batch of notifications; failed ones are retried or moved to the dead-letter queue."""
    return deliver_findings(invocation, invocation.run.jira_channel())
