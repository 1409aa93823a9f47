"""Check which accounts deny access to the function `collect`."""

from collections.abc import Iterator

from focuswatch.collect.collection_refusals import AWS_ERRORS
from focuswatch.findings.count_text import count_text
from focuswatch.operations.doctor.check_result_and_context import (
    Check,
    DoctorContext,
    failed,
    failures_text,
    noted,
    ok,
)


def check_account_access(context: DoctorContext) -> Iterator[Check]:
    """Check access to accounts. A single service in a Region may be denied on purpose, so it is only noted."""
    try:
        beat = context.heartbeats.get("collect")
    except AWS_ERRORS:  # check_heartbeats reports it
        return
    if beat is None:
        return
    accounts = {account: reason for account, reason in beat.failed.items() if account.isdigit()}
    services = {service: reason for service, reason in beat.failed.items() if service not in accounts}
    if accounts:
        stack_set = f"{context.deployment.name}-member"
        fix = (
            "Check that organization.ous in config/deployment.toml contains these accounts, and that the StackSet "
            f"{stack_set} has created the member role in each account."
        )
        yield failed(
            "accounts",
            f"{count_text(len(accounts), 'account')} denied access: {failures_text(accounts)}",
            fix=fix,
        )
    else:
        yield ok("accounts", f"the collector has access to {count_text(len(beat.ran), 'account')}")
    if services:
        yield noted("not collected", failures_text(services))
