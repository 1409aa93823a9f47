"""Checks of the Lambda functions: their last runs, accounts that deny access, dead letters."""

from collections.abc import Iterator

from focuswatch.operations.doctor.check_result_and_context import Check, DoctorContext, failed, noted, ok
from focuswatch.operations.function_run_heartbeats import MAX_HOURS_BETWEEN_RUNS, Heartbeat, heartbeats
from focuswatch.operations.queue_depths import queue_depths

MAX_SHOWN = 5


def check_heartbeats(context: DoctorContext) -> Iterator[Check]:
    """Check the last run of each function in `Deployment.daily`, and the collector's access to accounts."""
    deployment = context.deployment
    resource = context.session.resource("dynamodb", region_name=deployment.accounts.region)
    beats = heartbeats(resource.Table(deployment.ledger))
    for kind in deployment.daily:
        yield _check_heartbeat(context, kind, beats.get(kind))
    if "collect" in beats:
        yield from _check_accounts(context, beats["collect"])


def _check_heartbeat(context: DoctorContext, kind: str, beat: Heartbeat | None) -> Check:
    name = context.deployment.function(kind)
    if beat is None:
        fix = f"Invoke the function and check the response: aws lambda invoke --function-name {name} /dev/stdout."
        return failed(kind, "has never completed a run", fix=fix)
    hours = context.hours_since(beat.ended_at)
    found = f"last run completed {hours:.0f} hour{'' if round(hours) == 1 else 's'} ago and took {beat.seconds:.0f} s"
    logs = f"Check the function's log: aws logs tail /aws/lambda/{name} --since 2d."
    if hours > MAX_HOURS_BETWEEN_RUNS[kind]:
        return failed(kind, f"{found} (limit: {MAX_HOURS_BETWEEN_RUNS[kind]} hours)", fix=logs)
    if beat.failed and kind != "collect":
        return failed(kind, f"{found}; failed: {_listed(beat.failed)}", fix=logs)
    if beat.doubts:
        return noted(
            kind, f"{found}; findings are not resolved until this problem is fixed: {'; '.join(beat.doubts)}"
        )
    if beat.warnings:
        return noted(kind, f"{found}; {'; '.join(beat.warnings)}")
    return ok(kind, found)


def _check_accounts(context: DoctorContext, beat: Heartbeat) -> Iterator[Check]:
    """Check access to accounts. A single service in a Region may be denied on purpose, so it is only noted."""
    accounts = {account: reason for account, reason in beat.failed.items() if account.isdigit()}
    services = {service: reason for service, reason in beat.failed.items() if service not in accounts}
    if accounts:
        stack_set = f"{context.deployment.name}-member"
        fix = (
            "Check that organization.ous in config/deployment.toml contains these accounts, and that the StackSet "
            f"{stack_set} has created the member role in each account."
        )
        yield failed("accounts", f"{_accounts(len(accounts))} denied access: {_listed(accounts)}", fix=fix)
    else:
        yield ok("accounts", f"the collector has access to {_accounts(len(beat.ran))}")
    if services:
        yield noted("not collected", _listed(services))


def _accounts(number: int) -> str:
    return "1 account" if number == 1 else f"{number} accounts"


def check_dead_letters(context: DoctorContext) -> Iterator[Check]:
    """Check that all dead-letter queues are empty."""
    deployment = context.deployment
    queues = {kind: deployment.dead_letters(kind) for kind in deployment.unattended}
    counts = {kind: count for kind, count in queue_depths(context.client("sqs"), queues).items() if count}
    if counts:
        found = ", ".join(f"{kind}: {count}" for kind, count in counts.items())
        fix = "Fix the cause that focuswatch redrive --dry-run lists, then replay the messages: focuswatch redrive."
        yield failed("dead letters", found, fix=fix)
    else:
        yield ok("dead letters", "none")


def _listed(failures: dict[str, str]) -> str:
    listed = [f"{name} ({reason})" for name, reason in sorted(failures.items())[:MAX_SHOWN]]
    more = len(failures) - MAX_SHOWN
    return "; ".join(listed) + (f"; and {more} more" if more > 0 else "")
