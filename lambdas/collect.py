"""The day's clock rang: read which accounts there are, and what the resources of each did."""

import os
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.collect.collected_files import Store
from focuswatch.collect.collection_run import Summary, collect
from focuswatch.collect.member_sessions import PATIENT, assume_session, member_sessions
from lambdas.environment import LambdaRun

ORGANIZATIONS_REGION = "us-east-1"  # https://docs.aws.amazon.com/general/latest/gr/ao.html
logger, metrics = Logger(), Metrics()
tracer = Tracer(auto_patch=False)  # a trace of ten thousand calls helps nobody


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Write `accounts` and `activity`; an account that refuses is named and fails nothing."""
    run = LambdaRun("collect")
    logger.append_keys(run_id=run.id)
    sts = run.session.client(
        "sts", config=PATIENT
    )  # the region's own: its tokens are valid in opt-in regions too
    management, proof = os.environ.get("FOCUSWATCH_MANAGEMENT_ROLE"), os.environ["FOCUSWATCH_EXTERNAL_ID"]
    payer = assume_session(sts, management, external_id=proof) if management else run.session
    summary = collect(
        payer.client("organizations", region_name=ORGANIZATIONS_REGION, config=PATIENT),
        session_for=member_sessions(sts, role=os.environ["FOCUSWATCH_MEMBER_ROLE"], external_id=proof),
        store=Store(run.session.client("s3", config=PATIENT), run.bucket),
        regions=os.environ["FOCUSWATCH_REGIONS"].split(","),
        today=datetime.now(UTC).date(),
        progress=logger.info,
    )
    _tell(summary)
    heartbeat = run.beat(ran=summary.collected, failed=summary.refusals)
    return heartbeat.model_dump(mode="json")


def _tell(summary: Summary) -> None:
    for what, reason in summary.refusals.items():
        logger.warning("not collected", extra={"what": what, "reason": reason})
    logger.info(
        "collected",
        extra={
            "accounts": summary.accounts,
            "looked_at": len(summary.collected),
            "refused": sorted(summary.refusing_accounts),
            "not_offered": [f"{service} in {region}" for service, region in summary.not_offered],
            "resources": summary.resources,
            "rows": summary.rows,
            "seconds": summary.seconds,
        },
    )
    metrics.add_dimension(name="function", value="collect")
    metrics.add_metric(name="AccountsLookedAt", unit=MetricUnit.Count, value=len(summary.collected))
    metrics.add_metric(name="AccountsRefused", unit=MetricUnit.Count, value=len(summary.refusing_accounts))
    metrics.add_metric(name="Resources", unit=MetricUnit.Count, value=summary.resources)
    metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=1)
