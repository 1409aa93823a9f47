"""`collect`: once a day, read what every account's resources did."""

import os
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from focuswatch.collect.run import Summary, collect
from focuswatch.collect.sessions import PATIENT, assumed, assuming
from focuswatch.collect.store import Store
from focuswatch.heartbeat import Heartbeat, record

logger, metrics, tracer = (
    Logger(),
    Metrics(),
    Tracer(auto_patch=False),
)  # a trace of 10,000 calls helps nobody


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(_event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Collect, and say how it went; an account that refuses is told and fails nothing."""
    now = datetime.now(UTC)
    sts = boto3.client("sts", config=PATIENT)  # the region's own: its tokens are valid in opt-in regions too
    management, proof = os.environ.get("FOCUSWATCH_MANAGEMENT_ROLE"), os.environ["FOCUSWATCH_EXTERNAL_ID"]
    payer = assumed(sts, management, external_id=proof) if management else boto3
    summary = collect(
        payer.client("organizations", region_name="us-east-1", config=PATIENT),  # its only endpoint
        session_for=assuming(sts, role=os.environ["FOCUSWATCH_MEMBER_ROLE"], external_id=proof),
        store=Store(boto3.client("s3", config=PATIENT), os.environ["FOCUSWATCH_BUCKET"]),
        regions=os.environ["FOCUSWATCH_REGIONS"].split(","),
        today=now.date(),
        say=logger.info,
    )
    _tell(summary, run_id=context.aws_request_id)
    return {
        "looked_at": len(summary.looked_at),
        "refused": len(summary.refusing_accounts),
        "rows": summary.rows,
    }


def _tell(summary: Summary, *, run_id: str) -> None:
    for what, reason in summary.refusals.items():
        logger.warning("not looked at", extra={"what": what, "reason": reason})
    logger.info(
        "collected",
        extra={
            "accounts": summary.accounts,
            "looked_at": len(summary.looked_at),
            "refused": sorted(summary.refusing_accounts),
            "not_offered": [" in ".join(place) for place in summary.not_offered],
            "resources": summary.resources,
            "rows": summary.rows,
            "seconds": summary.seconds,
        },
    )
    metrics.add_metric("AccountsLookedAt", MetricUnit.Count, len(summary.looked_at))
    metrics.add_metric("AccountsRefused", MetricUnit.Count, len(summary.refusing_accounts))
    metrics.add_metric("Resources", MetricUnit.Count, summary.resources)
    metrics.add_metric("Seconds", MetricUnit.Seconds, summary.seconds)
    ledger = boto3.resource("dynamodb").Table(os.environ["FOCUSWATCH_LEDGER"])
    record(
        ledger,
        Heartbeat(
            function="collect",
            run_id=run_id,
            ended_at=datetime.now(UTC),
            seconds=summary.seconds,
            ran=summary.looked_at,
            failed=summary.refusals,
        ),
    )
