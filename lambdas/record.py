"""After someone pressed a button in Slack: record the response and update the message."""

from typing import Any

from focuswatch.errors import Refused
from focuswatch.notify.queue_batch import Record, process_batch
from focuswatch.notify.slack.interactions import UserResponse
from focuswatch.notify.slack.record_response import ResponseRecorder
from lambdas.function import Invocation, lambda_function, logger
from lambdas.queue_result import report_batch


@lambda_function("record")
def handler(invocation: Invocation) -> dict[str, Any]:
    """Record a batch of responses, each with its author."""
    run = invocation.run
    recorder = ResponseRecorder(run.slack, run.slack_channel(run.slack), run.ledger, run.table, run.clock)

    def record(message: Record) -> str:
        try:
            response = UserResponse.from_json(message["body"])
        except (ValueError, TypeError) as error:
            raise Refused(f"the message is not a response from the function `answer`: {error}") from error
        return recorder.record(response)

    result = process_batch(
        invocation.event["Records"],
        do=record,
        queue=run.queue(),
        progress=logger.info,
        seconds_left=invocation.seconds_left,
    )
    return report_batch(run, result)
