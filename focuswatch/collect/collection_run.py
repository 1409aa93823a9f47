"""Run the collection: list the accounts, then collect activity, links, token sums and events of many at once."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal

from focuswatch.collect.access_refusals import AWS_ERRORS, Refusal, ServiceNotOffered, reason_of
from focuswatch.collect.collect_ai_links import collect_links
from focuswatch.collect.collect_daily_invocation_tokens import InvocationLogSettings, collect_invocations
from focuswatch.collect.collected_event import CollectedEvent
from focuswatch.collect.collected_files import Store
from focuswatch.collect.collection_window import Window
from focuswatch.collect.deployments_alarms_and_health import EventSource
from focuswatch.collect.member_sessions import AT_ONCE, SessionFor
from focuswatch.collect.operational_events_of_account import collect_events
from focuswatch.collect.organization_accounts_and_history import (
    OrganizationAccount,
    ended_periods,
    list_accounts,
)
from focuswatch.collect.resource_activity import CollectedAccount, collect_account
from focuswatch.collect.store_events import (
    first_day_of_events,
    posted_events,
    store_event_files,
    store_events,
)
from focuswatch.findings.first_and_more_text import first_and_more

RECENT_DAYS = 3  # CloudWatch completes a day late
FIRST_DAYS = 18  # the longest lookback (14), two days until charges are complete, and a bill two days late
MOST_REFUSALS = 300  # of a kind in a heartbeat, an item of at most 400 KB; the log has all of them
MOST_NAMED = 5  # accounts with the same refusal


@dataclass(frozen=True)
class Summary:
    """The result of a run. An account in `refused` without a region was not collected at all."""

    accounts: int
    collected: tuple[str, ...]
    refused: tuple[Refusal, ...]
    not_offered: tuple[tuple[str, str], ...]  # service, region
    resources: int
    rows: int
    seconds: float
    notes: tuple[str, ...] = ()
    events: int = 0  # that are new
    unreadable_files: Mapping[str, str] = field(default_factory=dict)  # files of events, with the reason

    @property
    def refusing_accounts(self) -> dict[str, str]:
        """Return the accounts that could not be collected, with the reason."""
        return {refusal.sub_account_id: refusal.reason for refusal in self.refused if not refusal.region}

    @property
    def refusals(self) -> dict[str, str]:
        """Return the reason by account, and by service and region for accounts that were collected in part."""
        alike: dict[tuple[str, str, str], list[str]] = {}
        for refusal in self.refused:
            if refusal.region:
                key = (refusal.region, refusal.service, refusal.reason)
                alike.setdefault(key, []).append(refusal.sub_account_id)
        parts = {
            f"{service} in {region}, accounts {first_and_more(accounts, most=MOST_NAMED)}": reason
            for (region, service, reason), accounts in sorted(alike.items())
        }
        accounts, services = _first(self.refusing_accounts, of="accounts"), _first(parts, of="services")
        return accounts | services | _first(dict(self.unreadable_files), of="files of events")


def _first(refusals: dict[str, str], *, of: str) -> dict[str, str]:
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

    With `invocation_logs`, also write the `invocation_tokens` of accounts that log the calls of Bedrock.

    A refusal of an account, region or service is in the summary and fails nothing; its stored data stay.
    `events` are the sources of the table `events`; "files" are those that a CI writes into the bucket,
    "webhook" those that it posts. Raises if Organizations or the bucket refuses, since nothing can be collected
    without them.
    """
    started = time.monotonic()
    before = store.accounts()
    accounts = list_accounts(organizations, before=before, today=today)
    history = ended_periods(accounts, before=before, history=store.account_history(), today=today)
    store.write_account_history(history)  # first: a run that ends here records the same changes again
    store.write_accounts([account.row for account in accounts])
    active = [account for account in accounts if account.is_active]
    progress(f"{len(accounts)} accounts, {len(active)} active")
    window = Window(today, recent_days=recent_days, first_days=first_days)
    store.list_days(window.days)
    if invocation_logs:
        store.list_invocations(window.days)
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
    """Collects accounts, many at once, for one run."""

    session_for: SessionFor
    store: Store
    regions: tuple[str, ...]
    window: Window
    today: date
    sources: tuple[EventSource, ...]
    first_events: date
    invocation_logs: InvocationLogSettings | None
    not_offered: ServiceNotOffered = field(default_factory=ServiceNotOffered)

    def collect(self, account: OrganizationAccount) -> CollectedAccount | Refusal:
        """Write the tables of one account. Raises only what the bucket refuses."""
        try:
            session = self.session_for(account.sub_account_id)
        except AWS_ERRORS as error:
            return Refusal(account.sub_account_id, "", "", reason_of(error))
        try:
            return self._with_session(account.sub_account_id, session)
        except AWS_ERRORS:  # the bucket's: those of the account are recorded as refusals
            raise
        except Exception as error:  # an unexpected response must not cost the other accounts their day
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
    """Write the table `events`; return how many were written by day, and the unreadable files with the reason."""
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
    not_offered: ServiceNotOffered,
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
