"""Collect the token sums of an account's model invocation logs, and store one file per day and Region.

Each day is queried once, after it has ended, because CloudWatch charges for each GB that a query scans.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from focuswatch.collect.collection_refusals import AWS_ERRORS, reason_of
from focuswatch.collect.counts_and_refusals_of_collected_account import CollectedAccount
from focuswatch.collect.days_to_collect import Window
from focuswatch.collect.run_invocation_log_queries import (
    InvocationLog,
    LogQueryError,
    TooManyGroupsError,
    log_destination,
    rows_of,
)
from focuswatch.collect.services_not_offered import ServicesNotOffered
from focuswatch.collect.shared_clients_for_member_accounts import Session

# Missing days that a run reads in each Region, newest first. It takes three runs to read the whole window.
DAYS_A_RUN = 6
Row = dict[str, Any]


@dataclass(frozen=True)
class InvocationLogSettings:
    """The log groups that may be queried, and the request metadata keys to group the sums by."""

    log_groups: tuple[str, ...]
    metadata_keys: tuple[str, ...]


class InvocationStore(Protocol):
    """Stores the token sums of each account."""

    def has_invocations(self, account: str, *, region: str, day: date) -> bool:
        """Return whether the token sums of a day and Region are stored."""
        ...

    def write_invocations(self, account: str, *, region: str, day: date, rows: list[Row]) -> None:
        """Store the token sums of a day and Region."""
        ...


def collect_invocations(
    collected: CollectedAccount,
    *,
    session: Session,
    regions: Iterable[str],
    window: Window,
    settings: InvocationLogSettings,
    store: InvocationStore,
    not_offered: ServicesNotOffered,
) -> None:
    """Read the missing days of each Region that logs invocations to a log group in `settings`.

    Refusals are recorded in `collected`; the next run reads the days that could not be read. Errors of the store are
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
    not_offered: ServicesNotOffered,
) -> InvocationLog | None:
    """Return the log of a Region; None if logging is off, is delivered to S3 only, or cannot be read."""
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
        except TooManyGroupsError as error:  # of this day only, so the older days are read
            collected.refuse(region, "invocation logs", reason_of(error))
            continue
        except (*AWS_ERRORS, LogQueryError) as error:
            collected.refuse(region, "invocation logs", reason_of(error))
            return
        place = {"usage_date": day, "sub_account_id": account, "region_id": region}
        rows = [place | row for row in rows_of(sums)]
        store.write_invocations(account, region=region, day=day, rows=rows)
        collected.rows += len(rows)
