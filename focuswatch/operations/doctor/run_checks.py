"""Do the Lambdas run, and what could they not do?"""

from collections.abc import Iterator

from focuswatch.operations.doctor.doctor_check import Check, DoctorContext, failed, noted, ok
from focuswatch.operations.heartbeat import SILENT_HOURS, Heartbeat
from focuswatch.operations.heartbeat import heartbeats as known_heartbeats
from focuswatch.operations.queue_depths import waiting as counted

SHOWN = 5


def heartbeats(patient: DoctorContext) -> Iterator[Check]:
    """Each function ended a run not long ago; accounts that refuse the collector are a check of their own."""
    deployment = patient.deployment
    resource = patient.session.resource("dynamodb", region_name=deployment.accounts.region)
    beats = known_heartbeats(resource.Table(deployment.ledger))
    for kind in deployment.daily:
        yield _heartbeat(patient, kind, beats.get(kind))
    if "collect" in beats:
        yield from _refusals(patient, beats["collect"])


def _heartbeat(patient: DoctorContext, kind: str, beat: Heartbeat | None) -> Check:
    name = patient.deployment.function(kind)
    if beat is None:
        mend = f"Call it, and read what it says: aws lambda invoke --function-name {name} /dev/stdout."
        return failed(kind, "has never ended a run", mend=mend)
    hours = patient.hours_since(beat.ended_at)
    what = f"ended {hours:.0f} hours ago, after {beat.seconds:.0f} s"
    logs = f"Read what happened: aws logs tail /aws/lambda/{name} --since 2d."
    if hours > SILENT_HOURS[kind]:
        return failed(kind, f"{what}, more than {SILENT_HOURS[kind]} hours", mend=logs)
    if beat.failed and kind != "collect":
        return failed(kind, f"{what}; failed: {_listed(beat.failed)}", mend=logs)
    if beat.doubts:
        return noted(kind, f"{what}; nothing is called resolved, since {'; '.join(beat.doubts)}")
    if beat.warnings:
        return noted(kind, f"{what}; {'; '.join(beat.warnings)}")
    return ok(kind, what)


def _refusals(patient: DoctorContext, beat: Heartbeat) -> Iterator[Check]:
    """Whole accounts are a fault; a service in a region may be refused on purpose."""
    accounts = {what: why for what, why in beat.failed.items() if what.isdigit()}
    parts = {what: why for what, why in beat.failed.items() if what not in accounts}
    if accounts:
        stack_set = f"{patient.deployment.name}-member"
        mend = (
            f"See that organisation.ous in config/deployment.toml covers them, and that the StackSet {stack_set} "
            "has brought the role to each."
        )
        yield failed("accounts", f"{len(accounts)} refuse: {_listed(accounts)}", mend=mend)
    else:
        yield ok("accounts", f"{len(beat.ran)} let the collector in")
    if parts:
        yield noted("not looked at", _listed(parts))


def dead_letters(patient: DoctorContext) -> Iterator[Check]:
    """Nothing waits that a function gave up on."""
    deployment = patient.deployment
    letters = {kind: deployment.dead_letters(kind) for kind in deployment.unattended}
    waiting = counted(patient.client("sqs"), letters)
    full = {kind: count for kind, count in waiting.items() if count}
    if full:
        told = ", ".join(f"{count} of {kind}" for kind, count in full.items())
        mend = "Mend what the logs say, then hand them back: focuswatch redrive."
        yield failed("dead letters", told, mend=mend)
    else:
        yield ok("dead letters", "none")


def _listed(failures: dict[str, str]) -> str:
    listed = [f"{what} ({why})" for what, why in sorted(failures.items())[:SHOWN]]
    more = len(failures) - SHOWN
    return "; ".join(listed) + (f"; and {more} more" if more > 0 else "")
