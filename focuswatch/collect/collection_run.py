"""The whole run: the accounts there are, then the activity of each of them, many at once."""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Any

from focuswatch.collect.access_refusals import AWS_ERRORS, Refusal, ServiceNotOffered, reason_of
from focuswatch.collect.account_activity import CollectedAccount, look
from focuswatch.collect.collected_days import Window
from focuswatch.collect.collected_files import Store
from focuswatch.collect.member_sessions import AT_ONCE, SessionFor
from focuswatch.collect.organization_accounts import OrganizationAccount, organisation

RECENT_DAYS = 3  # CloudWatch completes a day late
FIRST_DAYS = (
    18  # the longest lookback of a detection (14), the two days that settle, and a bill two days late
)
TOLD = 300  # refusals of a kind in a heartbeat, which may have 400 KB; the log has all of them
NAMED = 5  # accounts that refuse in the same way


@dataclass(frozen=True)
class Summary:
    """What a run came to. An account in `refused` without a region was not looked at at all."""

    accounts: int
    looked_at: tuple[str, ...]
    refused: tuple[Refusal, ...]
    not_offered: tuple[tuple[str, str], ...]  # service, region
    resources: int
    rows: int
    seconds: float

    @property
    def refusing_accounts(self) -> dict[str, str]:
        """The accounts that were not looked at, and why."""
        return {one.sub_account_id: one.reason for one in self.refused if not one.region}

    @property
    def refusals(self) -> dict[str, str]:
        """Everything that was not looked at, and why: accounts by name, parts of others by what they have in common."""
        alike: dict[tuple[str, str, str], list[str]] = {}
        for one in self.refused:
            if one.region:
                alike.setdefault((one.region, one.service, one.reason), []).append(one.sub_account_id)
        parts = {
            f"{service} in {region} of {_named(accounts)}": reason
            for (region, service, reason), accounts in sorted(alike.items())
        }
        return _first(self.refusing_accounts, of="accounts") | _first(parts, of="places")


def _first(refusals: dict[str, str], *, of: str) -> dict[str, str]:
    more = len(refusals) - TOLD
    told = dict(list(refusals.items())[:TOLD])
    return told | ({f"more {of}": f"{more} of them refused too"} if more > 0 else {})


def _named(accounts: list[str]) -> str:
    more = len(accounts) - NAMED
    return ", ".join(accounts[:NAMED]) + (f" and {more} more" if more > 0 else "")


def collect(
    organizations: Any,
    *,
    session_for: SessionFor,
    store: Store,
    regions: Iterable[str],
    today: date,
    recent_days: int = RECENT_DAYS,
    first_days: int = FIRST_DAYS,
    progress: Callable[[str], None] = lambda _text: None,
) -> Summary:
    """Write `accounts`, then the `activity` of every active account until yesterday.

    An account, region or service that refuses is in the summary and fails nothing; what was known of it stays.
    Raises where Organizations or the bucket refuses: without them there is nothing to do.
    """
    started = time.monotonic()
    accounts = organisation(organizations, known=store.accounts(), today=today)
    store.write_accounts([account.row for account in accounts])
    active = [account for account in accounts if account.is_active]
    progress(f"{len(accounts)} accounts, {len(active)} of them active")
    window = Window(today, recent_days=recent_days, first_days=first_days)
    store.look(window.days)
    not_offered, places = ServiceNotOffered(), tuple(regions)

    def looked_at(account: OrganizationAccount) -> CollectedAccount | Refusal:
        try:
            session = session_for(account.sub_account_id)
        except AWS_ERRORS as error:
            return Refusal(account.sub_account_id, "", "", reason_of(error))
        try:
            return look(
                account.sub_account_id,
                session=session,
                regions=places,
                window=window,
                store=store,
                not_offered=not_offered,
            )
        except AWS_ERRORS:  # the bucket's: look() notes those of the account
            raise
        except Exception as error:  # an answer nobody thought of must not cost the other accounts their day
            return Refusal(account.sub_account_id, "", "", f"unexpected {reason_of(error)}")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(looked_at, active))
    return _summary(accounts, outcomes, not_offered=not_offered, seconds=time.monotonic() - started)


def _summary(
    accounts: list[OrganizationAccount],
    outcomes: list[CollectedAccount | Refusal],
    *,
    not_offered: ServiceNotOffered,
    seconds: float,
) -> Summary:
    looked = [outcome for outcome in outcomes if isinstance(outcome, CollectedAccount)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refusal)]
    refused += [refusal for one in looked for refusal in one.refusals]
    return Summary(
        accounts=len(accounts),
        looked_at=tuple(one.account for one in looked),
        refused=tuple(sorted(refused)),
        not_offered=tuple(sorted(not_offered.known)),
        resources=sum(one.resources for one in looked),
        rows=sum(one.rows for one in looked),
        seconds=round(seconds, 1),
    )
