"""Check the last runs of the Lambda functions, and their dead-letter queues."""

from collections.abc import Iterator

from focuswatch.operations.doctor.check_result_and_context import (
    Check,
    DoctorContext,
    failed,
    failures_text,
    noted,
    ok,
)
from focuswatch.operations.function_run_heartbeats import MAX_HOURS_BETWEEN_RUNS, Heartbeat
from focuswatch.operations.queue_depths import queue_depths


def check_heartbeats(context: DoctorContext) -> Iterator[Check]:
    """Check the last run of each function in `Deployment.daily`."""
    for kind in context.deployment.daily:
        yield _check_heartbeat(context, kind, context.heartbeats.get(kind))


def _check_heartbeat(context: DoctorContext, kind: str, beat: Heartbeat | None) -> Check:
    name = context.deployment.function(kind)
    if beat is None:
        fix = f"Run `aws lambda invoke --function-name {name} /dev/stdout` and check the response."
        return failed(kind, "has never completed a run", fix=fix)
    hours = context.hours_since(beat.ended_at)
    found = f"last run completed {hours:.0f} hour{'' if round(hours) == 1 else 's'} ago and took {beat.seconds:.0f} s"
    logs = f"Run `aws logs tail /aws/lambda/{name} --since 2d` and check the log of the function."
    if hours > MAX_HOURS_BETWEEN_RUNS[kind]:
        return failed(kind, f"{found} (limit: {MAX_HOURS_BETWEEN_RUNS[kind]} hours)", fix=logs)
    if beat.failed and kind != "collect":
        return failed(kind, f"{found}; failed: {failures_text(beat.failed)}", fix=logs)
    if beat.doubts:
        return noted(
            kind, f"{found}; findings are not resolved until this problem is fixed: {'; '.join(beat.doubts)}"
        )
    if beat.warnings:
        return noted(kind, f"{found}; {'; '.join(beat.warnings)}")
    return ok(kind, found)


def check_dead_letters(context: DoctorContext) -> Iterator[Check]:
    """Check that all dead-letter queues are empty."""
    deployment = context.deployment
    queues = {kind: deployment.dead_letters(kind) for kind in deployment.unattended}
    counts = {kind: count for kind, count in queue_depths(context.client("sqs"), queues).items() if count}
    if counts:
        found = ", ".join(f"{kind}: {count}" for kind, count in counts.items())
        fix = (
            "To see the cause, run `focuswatch redrive --dry-run`. Fix the cause, then redrive the messages: "
            "`focuswatch redrive`."
        )
        yield failed("dead letters", found, fix=fix)
    else:
        yield ok("dead letters", "none")
