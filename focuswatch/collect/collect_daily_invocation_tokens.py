"""Collect the token sums of an account's model invocation logs, and store each day of a Region as a file of its own.

Each day is read once, after it has ended: CloudWatch charges for each GB that a query scans.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from focuswatch.collect.access_refusals import AWS_ERRORS, ServiceNotOffered, reason_of
from focuswatch.collect.collection_window import Window
from focuswatch.collect.invocation_log_sums import InvocationLog, LogQueryError, log_destination, rows_of
from focuswatch.collect.member_sessions import Session
from focuswatch.collect.resource_activity import CollectedAccount

DAYS_A_RUN = 6  # of a Region, the newest first: a first run reads the days of a window in three runs
Row = dict[str, Any]


@dataclass(frozen=True)
class InvocationLogSettings:
    """The log groups that may be queried, and the keys of request metadata to sum by."""

    log_groups: tuple[str, ...]
    metadata_keys: tuple[str, ...]


class InvocationStore(Protocol):
    """Where the token sums of an account are kept."""

    def has_invocations(self, account: str, *, region: str, day: date) -> bool:
        """Return whether the day of a Region is stored."""
        ...

    def write_invocations(self, account: str, *, region: str, day: date, rows: list[Row]) -> None:
        """Store the day of a Region."""
        ...


def collect_invocations(
    collected: CollectedAccount,
    *,
    session: Session,
    regions: Iterable[str],
    window: Window,
    settings: InvocationLogSettings,
    store: InvocationStore,
    not_offered: ServiceNotOffered,
) -> None:
    """Read the missing days of each Region that logs invocations to a log group in `settings`.

    Refusals are recorded in `collected`; a day that could not be read is read by the next run. Errors of the store are
    raised.
    """
    for region in regions:
        if ("bedrock", region) in not_offered:
            continue
        log = _invocation_log(
            session, region, settings=settings, collected=collected, not_offered=not_offered
        )
        if log is not None:
            _collect_region(log, region, window=window, collected=collected, store=store)


def _invocation_log(
    session: Session,
    region: str,
    *,
    settings: InvocationLogSettings,
    collected: CollectedAccount,
    not_offered: ServiceNotOffered,
) -> InvocationLog | None:
    """Return the log of a Region; None if logging is off, delivers to S3 only, or could not be read."""
    try:
        destination = log_destination(session.client("bedrock", region_name=region))
        logs = session.client("logs", region_name=region)
    except AWS_ERRORS as error:
        if not not_offered.remember(error, service="bedrock", region=region):
            collected.refuse(region, "invocation logs", reason_of(error))
        return None
    if destination.is_s3_only:
        collected.notes.append(
            f"{region}: invocation logs are delivered to S3 only, but focuswatch reads only CloudWatch Logs"
        )
    if destination.log_group is None:
        return None
    if destination.log_group not in settings.log_groups:
        listed = ", ".join(settings.log_groups)
        collected.refuse(
            region,
            "invocation logs",
            f"found log group {destination.log_group}, expected one of invocation_logs.log_groups: {listed}",
        )
        return None
    return InvocationLog(logs, destination.log_group, settings.metadata_keys)


def _collect_region(
    log: InvocationLog, region: str, *, window: Window, collected: CollectedAccount, store: InvocationStore
) -> None:
    account = collected.account
    missing = [
        day for day in reversed(window.days) if not store.has_invocations(account, region=region, day=day)
    ]
    for day in missing[:DAYS_A_RUN]:
        try:
            sums = log.sums(day)
        except (*AWS_ERRORS, LogQueryError) as error:
            collected.refuse(region, "invocation logs", reason_of(error))
            return
        place = {"usage_date": day, "sub_account_id": account, "region_id": region}
        rows = [place | row for row in rows_of(sums)]
        store.write_invocations(account, region=region, day=day, rows=rows)
        collected.rows += len(rows)
