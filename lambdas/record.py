"""Somebody answered in Slack: write it down, and let the message say so."""

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from focuswatch.errors import Refused
from focuswatch.notify.queue_batch import Record, process_batch
from focuswatch.notify.slack.interactions import UserResponse
from focuswatch.notify.slack.record_response import ResponseRecorder
from lambdas.environment import LambdaRun
from lambdas.telling import end

logger, metrics, tracer = Logger(), Metrics(), Tracer()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Record a batch of answers, each with its author."""
    run = LambdaRun("record")
    logger.append_keys(run_id=run.id)
    recorder = ResponseRecorder(run.slack, run.slack_channel(run.slack), run.ledger, run.table, run.clock)

    def record(one: Record) -> str:
        try:
            press = UserResponse.from_json(one["body"])
        except (ValueError, TypeError) as error:
            raise Refused(f"not an answer that `answer` has taken: {error}") from error
        return recorder.record(press)

    worked = process_batch(
        event["Records"],
        do=record,
        queue=run.queue(),
        progress=logger.info,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    return end(run, worked, logger=logger, metrics=metrics)
