"""Is this deployment able to work? Looks at everything that a run needs, and changes nothing.

It reads as whoever calls it, in the pipeline's account. What only the collector's role may see, such as whether
another account lets it in, it takes from the collector's last heartbeat.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from focuswatch.collect.refusals import AWS_ERRORS, reason_of
from focuswatch.deployment import Deployment
from focuswatch.doctor import delivery, governed, runs, secrets, tables
from focuswatch.doctor.check import Check, Patient, Reach, failed, ok

__all__ = ["Check", "Patient", "examine"]

Part = Callable[[Patient], Iterator[Check]]
PARTS: tuple[tuple[str, Part], ...] = (
    ("bucket", delivery.bucket),
    ("delivery", delivery.delivered),
    ("export", delivery.export),
    ("tables", tables.tables),
    ("lake formation", governed.lake_formation),
    ("workgroup", tables.workgroup),
    ("runs", runs.heartbeats),
    ("dead letters", runs.dead_letters),
    ("secrets", secrets.usable),
)


def examine(deployment: Deployment, *, session: object, now: datetime, reach: Reach) -> Iterator[Check]:
    """Every check in turn; with credentials of another account the first one alone."""
    patient = Patient(deployment, session, now=now, reach=reach)
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


def _account(patient: Patient) -> Check:
    expected = patient.deployment.accounts.pipeline
    mend = f"Set AWS_PROFILE to a profile of account {expected}, in which the pipeline is."
    try:
        found = patient.client("sts").get_caller_identity()
    except AWS_ERRORS as error:
        return failed("credentials", reason_of(error), mend=mend)
    if found["Account"] != expected:
        return failed("credentials", f"they are of account {found['Account']}, not of {expected}", mend=mend)
    return ok("credentials", f"{found['Arn']}")
