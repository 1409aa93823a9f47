"""AWS Budgets or Cost Anomaly Detection has spoken: make a finding of it, told as any other."""

import os
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer

from focuswatch.aws_alerts import parse, record
from focuswatch.aws_alerts.confirm_subscription import confirm_subscription, subscription_request
from focuswatch.notify.queue_batch import Record, process_batch
from lambdas.environment import LambdaRun
from lambdas.telling import end

logger, metrics, tracer = Logger(), Metrics(), Tracer()


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Into the ledger, which decides what is news; then `Detected` goes on the bus, and `publish` tells it."""
    run = LambdaRun("spending")
    logger.append_keys(run_id=run.id)
    today = datetime.now(UTC).date()

    def hear(one: Record) -> str:
        if question := subscription_request(one["body"]):
            return confirm_subscription(question, topic_arn=os.environ["FOCUSWATCH_SPENDING_TOPIC"])
        found = parse(one["body"], owners=run.owners, today=today, deployment=os.environ["FOCUSWATCH_NAME"])
        decision = record(run.ledger, found, today=today, rates=run.owners.exchange_rates)
        return f"{found.detection} {found.fingerprint}: {len(decision.notifications)} to tell"

    worked = process_batch(
        event["Records"],
        do=hear,
        queue=run.queue(),
        progress=logger.info,
        seconds_left=lambda: context.get_remaining_time_in_millis() / 1000,
    )
    if worked.done:
        run.announce("Detected", "{}")
    return end(run, worked, logger=logger, metrics=metrics)
