"""`focuswatch doctor`: check everything that a deployment needs, without changing anything.

The checks run with the caller's credentials, in the pipeline's account. Results that need the collector's role, such as
which accounts deny access, come from the collector's last heartbeat.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from focuswatch.collect.collection_refusals import AWS_ERRORS, reason_of
from focuswatch.operations.doctor import (
    account_access_checks,
    bucket_and_export_checks,
    email_security_hub_checks,
    glue_and_athena_checks,
    heartbeat_and_dead_letter_checks,
    lake_formation_checks,
    secret_format_and_sign_in_checks,
)
from focuswatch.operations.doctor.check_result_and_context import Check, DoctorContext, HttpGet, failed, ok
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment

__all__ = ["Check", "DoctorContext", "run_doctor"]

CheckFunction = Callable[[DoctorContext], Iterator[Check]]
CHECKS: tuple[tuple[str, CheckFunction], ...] = (
    ("bucket", bucket_and_export_checks.check_bucket),
    ("delivery", bucket_and_export_checks.check_delivery),
    ("export", bucket_and_export_checks.check_export),
    ("tables", glue_and_athena_checks.check_tables),
    ("lake formation", lake_formation_checks.check_lake_formation),
    ("workgroup", glue_and_athena_checks.check_workgroup),
    ("runs", heartbeat_and_dead_letter_checks.check_heartbeats),
    ("accounts", account_access_checks.check_account_access),
    ("dead letters", heartbeat_and_dead_letter_checks.check_dead_letters),
    ("secrets", secret_format_and_sign_in_checks.check_secrets),
    ("email", email_security_hub_checks.check_email),
    ("security hub", email_security_hub_checks.check_security_hub),
)


def run_doctor(
    deployment: Deployment, *, session: object, now: datetime, http_get: HttpGet
) -> Iterator[Check]:
    """Run all checks in order. If the credentials are not for the pipeline account, run only the credentials check."""
    context = DoctorContext(deployment, session, now=now, http_get=http_get)
    credentials = _check_credentials(context)
    yield credentials
    if credentials.state == "failed":
        return
    for name, check in CHECKS:
        try:
            yield from check(context)
        except AWS_ERRORS as error:
            fix = "Deploy the missing resource, or use a role that is allowed to read the resource."
            yield failed(name, reason_of(error), fix=fix)


def _check_credentials(context: DoctorContext) -> Check:
    expected = context.deployment.accounts.pipeline
    fix = f"Set AWS_PROFILE to a profile for account {expected}, the pipeline's account."
    try:
        identity = context.client("sts").get_caller_identity()
    except AWS_ERRORS as error:
        return failed("credentials", reason_of(error), fix=fix)
    if identity["Account"] != expected:
        found = f"the credentials are for account {identity['Account']}, expected {expected}"
        return failed("credentials", found, fix=fix)
    return ok("credentials", f"{identity['Arn']}")
