"""Run the collection: list the accounts, then collect their activity, links, token sums and events in parallel."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal

from focuswatch.collect.collect_ai_links import collect_links
from focuswatch.collect.collect_ci_events import posted_events, store_event_files
from focuswatch.collect.collect_daily_tokens_from_invocation_logs import (
    InvocationLogSettings,
    collect_invocations,
)
from focuswatch.collect.collect_resource_activity import collect_account
from focuswatch.collect.collected_event import CollectedEvent
from focuswatch.collect.collection_refusals import AWS_ERRORS, Refusal, reason_of
from focuswatch.collect.counts_and_refusals_of_collected_account import CollectedAccount
from focuswatch.collect.days_to_collect import Window
from focuswatch.collect.deployments_alarms_and_health import EventSource
from focuswatch.collect.list_organization_accounts import OrganizationAccount, list_accounts
from focuswatch.collect.operational_events_of_account import collect_events
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store
from focuswatch.collect.services_not_offered import ServicesNotOffered
from focuswatch.collect.shared_clients_for_member_accounts import AT_ONCE, SessionFor
from focuswatch.collect.store_events import first_day_of_events, store_events
from focuswatch.collect.track_ou_and_tag_changes_of_accounts import ended_periods
from focuswatch.findings.first_and_more_text import first_and_more

RECENT_DAYS = 3  # days read again in every run, because CloudWatch datapoints can arrive late
# The longest lookback (14 days), two days until charges are complete, and two days for a late bill.
FIRST_DAYS = 18
# Refusals of each kind in a heartbeat, a DynamoDB item of at most 400 KB. The log contains all refusals.
MOST_REFUSALS = 300
MOST_NAMED = 5  # accounts listed per refusal


@dataclass(frozen=True)
class Summary:
    """The result of a run. A refusal without a region means that the account was not collected at all."""

    accounts: int
    collected: tuple[str, ...]
    refused: tuple[Refusal, ...]
    not_offered: tuple[tuple[str, str], ...]  # service, region
    resources: int
    rows: int
    seconds: float
    notes: tuple[str, ...] = ()
    events: int = 0  # new events
    unreadable_files: Mapping[str, str] = field(default_factory=dict)  # reason by event file

    @property
    def refusing_accounts(self) -> dict[str, str]:
        """Return the accounts that could not be collected at all, with the reason."""
        return {refusal.sub_account_id: refusal.reason for refusal in self.refused if not refusal.region}

    @property
    def refusals(self) -> dict[str, str]:
        """Return the reason by account, by service and region if collected in part, and by unreadable event file."""
        alike: dict[tuple[str, str, str], list[str]] = {}
        for refusal in self.refused:
            if refusal.region:
                key = (refusal.region, refusal.service, refusal.reason)
                alike.setdefault(key, []).append(refusal.sub_account_id)
        parts = {
            f"{service} in {region}, accounts {first_and_more(accounts, most=MOST_NAMED)}": reason
            for (region, service, reason), accounts in sorted(alike.items())
        }
        accounts, services = _at_most(self.refusing_accounts, of="accounts"), _at_most(parts, of="services")
        return accounts | services | _at_most(dict(self.unreadable_files), of="files of events")


def _at_most(refusals: dict[str, str], *, of: str) -> dict[str, str]:
    more = len(refusals) - MOST_REFUSALS
    shown = dict(list(refusals.items())[:MOST_REFUSALS])
    return shown | (
        {f"more {of}": f"{more} more; see the log of the Lambda function `collect`"} if more > 0 else {}
    )


def collect(
    organizations: Any,
    *,
    session_for: SessionFor,
    store: Store,
    regions: Iterable[str],
    today: date,
    events: Collection[EventSource | Literal["files", "webhook"]] = (),
    recent_days: int = RECENT_DAYS,
    first_days: int = FIRST_DAYS,
    invocation_logs: InvocationLogSettings | None = None,
    progress: Callable[[str], None] = lambda _text: None,
) -> Summary:
    """Write `accounts` and `account_history`, then the tables of every active account; `activity` until yesterday.

    With `invocation_logs`, also write `invocation_tokens` for accounts that log Bedrock model invocations. `events` are
    the sources of the table `events`: "files" are event files that a CI system writes to the bucket, "webhook" are
    events that it posts.

    If an account, region or service cannot be read, the summary contains a refusal, the run continues, and the stored
    data stay. Raises if Organizations or the bucket denies access, because nothing can be collected without them.
    """
    started = time.monotonic()
    before = store.accounts()
    accounts = list_accounts(organizations, before=before, today=today)
    history = ended_periods(accounts, before=before, history=store.account_history(), today=today)
    store.write_account_history(history)  # before the accounts: a retry must still see the changes
    store.write_accounts([account.row for account in accounts])
    active = [account for account in accounts if account.is_active]
    progress(f"{len(accounts)} accounts, {len(active)} active")
    window = Window(today, recent_days=recent_days, first_days=first_days)
    store.load_activity_days(window.days)
    if invocation_logs:
        store.load_invocation_days(window.days)
    run = _AccountCollection(
        session_for,
        store,
        tuple(regions),
        window,
        today,
        sources=tuple(source for source in events if source != "files" and source != "webhook"),  # noqa: PLR1714  mypy narrows
        first_events=first_day_of_events(store, today=today) if set(events) - {"files"} else today,
        invocation_logs=invocation_logs,
    )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(run.collect, active))
    found = [event for one in outcomes if isinstance(one, CollectedAccount) for event in one.events]
    added, unreadable = _store_events(found, events=events, since=run.first_events, today=today, store=store)
    summary = _summary(accounts, outcomes, not_offered=run.not_offered, seconds=time.monotonic() - started)
    return replace(summary, events=added, unreadable_files=unreadable)


@dataclass(frozen=True)
class _AccountCollection:
    """Collects the accounts of one run; many threads call `collect` at the same time."""

    session_for: SessionFor
    store: Store
    regions: tuple[str, ...]
    window: Window
    today: date
    sources: tuple[EventSource, ...]
    first_events: date
    invocation_logs: InvocationLogSettings | None
    not_offered: ServicesNotOffered = field(default_factory=ServicesNotOffered)

    def collect(self, account: OrganizationAccount) -> CollectedAccount | Refusal:
        """Write the tables of one account. Raises only errors of the bucket."""
        try:
            session = self.session_for(account.sub_account_id)
        except AWS_ERRORS as error:
            return Refusal(account.sub_account_id, "", "", reason_of(error))
        try:
            return self._with_session(account.sub_account_id, session)
        except AWS_ERRORS:  # from the bucket, because errors of the account are recorded as refusals
            raise
        except Exception as error:  # an unexpected response must not stop the other accounts
            return Refusal(account.sub_account_id, "", "", f"unexpected {reason_of(error)}")

    def _with_session(self, account_id: str, session: Any) -> CollectedAccount:
        on: Any = {"session": session, "regions": self.regions, "not_offered": self.not_offered}
        result = collect_account(account_id, window=self.window, store=self.store, **on)
        collect_links(result, today=self.today, store=self.store, **on)
        if self.invocation_logs:
            settings = self.invocation_logs
            collect_invocations(result, window=self.window, settings=settings, store=self.store, **on)
        end_day = self.today + timedelta(days=1)
        result.events = collect_events(
            result, since=self.first_events, end_day=end_day, sources=self.sources, **on
        )
        return result


def _store_events(
    found: list[CollectedEvent],
    *,
    events: Collection[EventSource | Literal["files", "webhook"]],
    since: date,
    today: date,
    store: Store,
) -> tuple[int, dict[str, str]]:
    """Write the table `events`. Return the number of new events, without event files, and why files are unreadable."""
    unreadable = store_event_files(store) if "files" in events else {}
    if "webhook" in events:
        posted, unreadable_posts = posted_events(store, since=since, today=today)
        found, unreadable = [*found, *posted], unreadable | unreadable_posts
    by_day = bool(set(events) - {"files"})
    return store_events(found, since=since, today=today, store=store) if by_day else 0, unreadable


def _summary(
    accounts: list[OrganizationAccount],
    outcomes: list[CollectedAccount | Refusal],
    *,
    not_offered: ServicesNotOffered,
    seconds: float,
) -> Summary:
    collected = [outcome for outcome in outcomes if isinstance(outcome, CollectedAccount)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    refused += [refusal for result in collected for refusal in result.refusals]
    return Summary(
        accounts=len(accounts),
        collected=tuple(result.account for result in collected),
        refused=tuple(sorted(refused)),
        not_offered=tuple(sorted(not_offered.absent)),
        resources=sum(result.resources for result in collected),
        rows=sum(result.rows for result in collected),
        seconds=round(seconds, 1),
        notes=tuple(f"{result.account}, {note}" for result in collected for note in result.notes),
    )
