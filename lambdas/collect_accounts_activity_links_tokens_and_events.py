"""Once a day: collect the accounts, and in each account resource activity, links, token sums of logs, and events."""

import os
from datetime import UTC, datetime
from typing import Any, Literal

from focuswatch.collect.collect_daily_tokens_from_invocation_logs import InvocationLogSettings
from focuswatch.collect.collection_run import Summary, collect
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store
from focuswatch.collect.shared_clients_for_member_accounts import (
    ADAPTIVE_RETRIES,
    assume_session,
    member_sessions,
)
from lambdas.function_decorator import Invocation, lambda_function, logger
from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun

SOURCES: tuple[Literal["deployments", "alarms", "health", "files", "webhook"], ...] = (
    "deployments",
    "alarms",
    "health",
    "files",
    "webhook",
)
ORGANIZATIONS_REGION = "us-east-1"  # https://docs.aws.amazon.com/general/latest/gr/ao.html


@lambda_function("collect", traces_aws_calls=False)  # ten thousand calls would make a trace unreadable
def handler(invocation: Invocation) -> dict[str, Any]:
    """Write the collected tables. Accounts that deny access are reported, but do not fail the run."""
    run = invocation.run
    # The session uses the regional STS endpoint, whose tokens are also valid in opt-in Regions.
    sts = run.session.client("sts", config=ADAPTIVE_RETRIES)
    management, external_id = (
        os.environ.get("FOCUSWATCH_MANAGEMENT_ROLE"),
        os.environ["FOCUSWATCH_EXTERNAL_ID"],
    )
    payer = assume_session(sts, management, external_id=external_id) if management else run.session
    summary = collect(
        payer.client("organizations", region_name=ORGANIZATIONS_REGION, config=ADAPTIVE_RETRIES),
        session_for=member_sessions(sts, role=os.environ["FOCUSWATCH_MEMBER_ROLE"], external_id=external_id),
        store=Store(run.session.client("s3", config=ADAPTIVE_RETRIES), run.bucket),
        regions=os.environ["FOCUSWATCH_REGIONS"].split(","),
        events=[source for source in SOURCES if source in os.environ.get("FOCUSWATCH_EVENTS", "").split(",")],
        today=datetime.now(UTC).date(),
        invocation_logs=_invocation_logs(invocation.run),
        progress=logger.info,
    )
    _report(summary)
    return run.beat(ran=summary.collected, failed=summary.refusals)


def _invocation_logs(run: LambdaRun) -> InvocationLogSettings | None:
    """Return the log groups and metadata keys to sum tokens by; None if the deployment reads no invocation logs."""
    groups = os.environ.get("FOCUSWATCH_INVOCATION_LOGS")
    if not groups:
        return None
    keys = run.owners.invocation_logs.metadata_keys
    return InvocationLogSettings(log_groups=tuple(groups.split(",")), metadata_keys=tuple(keys))


def _report(summary: Summary) -> None:
    for account, reason in summary.refusals.items():
        logger.warning("not collected", extra={"account": account, "reason": reason})
    logger.info(
        "collected",
        extra={
            "accounts": summary.accounts,
            "looked_at": len(summary.collected),
            "refused": sorted(summary.refusing_accounts),
            "not_offered": [f"{service} in {region}" for service, region in summary.not_offered],
            "resources": summary.resources,
            "rows": summary.rows,
            "events": summary.events,
            "seconds": summary.seconds,
            "not_read": list(summary.notes),
        },
    )
