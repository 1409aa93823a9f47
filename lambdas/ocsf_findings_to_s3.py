"""Write a batch of security findings to S3 as OCSF records."""

from typing import Any

from lambdas.function_decorator import Invocation, lambda_function
from lambdas.process_queue_batch_and_report_failed_messages import deliver_findings


@lambda_function("ocsf")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Deliver a batch of notifications; failed ones are retried or moved to the dead-letter queue."""
    return deliver_findings(invocation, invocation.run.ocsf_files())
