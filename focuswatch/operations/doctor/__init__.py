"""Is this deployment able to work? Looks at everything that a run needs, and changes nothing.

It reads as whoever calls it, in the pipeline's account. What only the collector's role may see, such as whether
another account lets it in, it takes from the collector's last heartbeat.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from focuswatch.collect.access_refusals import AWS_ERRORS, reason_of
from focuswatch.operations.deployment_config import Deployment
from focuswatch.operations.doctor import (
    athena_checks,
    export_checks,
    lake_formation_checks,
    run_checks,
    secret_checks,
)
from focuswatch.operations.doctor.doctor_check import Check, DoctorContext, Reach, failed, ok

__all__ = ["Check", "DoctorContext", "examine"]

Part = Callable[[DoctorContext], Iterator[Check]]
PARTS: tuple[tuple[str, Part], ...] = (
    ("bucket", export_checks.bucket),
    ("delivery", export_checks.delivered),
    ("export", export_checks.export),
    ("tables", athena_checks.tables),
    ("lake formation", lake_formation_checks.lake_formation),
    ("workgroup", athena_checks.workgroup),
    ("runs", run_checks.heartbeats),
    ("dead letters", run_checks.dead_letters),
    ("secrets", secret_checks.usable),
)


def examine(deployment: Deployment, *, session: object, now: datetime, reach: Reach) -> Iterator[Check]:
    """Every check in turn; with credentials of another account the first one alone."""
    patient = DoctorContext(deployment, session, now=now, reach=reach)
    account = _account(patient)
    yield account
    if account.state == "failed":
        return
    for name, part in PARTS:
        try:
            yield from part(patient)
        except AWS_ERRORS as error:
            yield failed(
                name, reason_of(error), mend="Deploy what is missing, or call as a role that may read it."
            )


def _account(patient: DoctorContext) -> Check:
    expected = patient.deployment.accounts.pipeline
    mend = f"Set AWS_PROFILE to a profile of account {expected}, in which the pipeline is."
    try:
        found = patient.client("sts").get_caller_identity()
    except AWS_ERRORS as error:
        return failed("credentials", reason_of(error), mend=mend)
    if found["Account"] != expected:
        return failed("credentials", f"they are of account {found['Account']}, not of {expected}", mend=mend)
    return ok("credentials", f"{found['Arn']}")
