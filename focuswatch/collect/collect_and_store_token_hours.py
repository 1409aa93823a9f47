"""Run the hourly collection of token counts: read many accounts in parallel, and write one file per day.

If a Region of an account cannot be read, its hour in `read_until` does not change, so that a later run fills the gap.
Otherwise the missing rows would mean that there were no calls.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from threading import Lock

from focuswatch.collect.account_and_region_with_arns import Place
from focuswatch.collect.collection_refusals import AWS_ERRORS, Refusal, reason_of
from focuswatch.collect.read_and_write_collected_tables_in_s3 import Store, TokenHours
from focuswatch.collect.shared_clients_for_member_accounts import AT_ONCE, SessionFor
from focuswatch.collect.token_hours import HourSpan, region_hours

FIRST_DAYS = 29  # 28 days of history for the detection live_burn, and the day that it compares
# Accounts per run whose whole history is read, so that the data fits into memory. The next runs read the others.
MOST_FIRST_READS = 40


@dataclass(frozen=True)
class HourlySummary:
    """The result of a run: accounts read, number of new or changed values, refusals, and postponed accounts."""

    accounts: tuple[str, ...]
    changed: int
    refused: tuple[Refusal, ...]
    postponed: tuple[str, ...]

    @property
    def refusals(self) -> dict[str, str]:
        """Return the reasons for refusals, by account and Region."""
        return {" ".join((one.sub_account_id, one.region)).strip(): one.reason for one in self.refused}


@dataclass(frozen=True)
class _AccountHours:
    account: str
    hours: TokenHours
    refused: tuple[Refusal, ...] = ()
    read: tuple[Place, ...] = ()


@dataclass
class _FirstReads:
    """Limits the accounts whose whole history a run reads; thread-safe."""

    left: int
    lock: Lock

    def take(self) -> bool:
        with self.lock:
            self.left -= 1
            return self.left >= 0


def collect_token_hours(
    accounts: Iterable[str],
    *,
    session_for: SessionFor,
    store: Store,
    regions: Sequence[str],
    now: datetime,
    most_first_reads: int = MOST_FIRST_READS,
) -> HourlySummary:
    """Write the tokens of the complete hours before `now` that are new or may have changed.

    Accounts and Regions that cannot be read are refusals in the summary. Raises errors of the bucket.
    """
    end = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    first = end - timedelta(days=FIRST_DAYS)
    read_until = store.token_hours_read_until()
    first_reads = _FirstReads(most_first_reads, Lock())

    def collected(account: str) -> _AccountHours | None:
        spans = {
            Place(account, region): HourSpan(first, end, read_until.get(_key(account, region)))
            for region in regions
        }
        if any(span.read_until is None for span in spans.values()) and not first_reads.take():
            return None
        return _account_hours(account, spans, session_for=session_for)

    listed = sorted(accounts)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(collected, listed))
    found = [one for one in results if one]
    changed = _write(store, found)
    read = {_key(place.account, place.region): end for one in found for place in one.read}
    store.write_token_hours_read_until({**read_until, **read})
    return HourlySummary(
        accounts=tuple(one.account for one in found if one.read),
        changed=changed,
        refused=tuple(sorted(refusal for one in found for refusal in one.refused)),
        postponed=tuple(account for account, one in zip(listed, results, strict=True) if one is None),
    )


def _key(account: str, region: str) -> str:
    return f"{account} {region}"


def _account_hours(
    account: str,
    spans: Mapping[Place, HourSpan],
    *,
    session_for: SessionFor,
) -> _AccountHours:
    try:
        session = session_for(account)
    except AWS_ERRORS as error:
        return _AccountHours(account, {}, (Refusal(account, "", "", reason_of(error)),))
    hours: TokenHours = {}
    refused: list[Refusal] = []
    read = []
    for place, span in spans.items():
        found, refusals = region_hours(session, place, span=span)
        hours |= found
        refused += refusals
        if not refusals:
            read.append(place)
    return _AccountHours(account, hours, tuple(refused), tuple(read))


def _write(store: Store, found: Iterable[_AccountHours]) -> int:
    """Write the days that changed; return the number of new or changed values."""
    hours = sorted((key, tokens) for one in found for key, tokens in one.hours.items())
    return sum(_write_day(store, day, dict(some)) for day, some in _by_day(hours))


def _by_day(
    hours: Sequence[tuple[tuple[date, int, str, str, str, str], float]],
) -> Iterator[tuple[date, Iterable[tuple[tuple[date, int, str, str, str, str], float]]]]:
    return groupby(hours, key=lambda item: item[0][0])


def _write_day(store: Store, day: date, hours: TokenHours) -> int:
    before = store.token_hours(day)
    changed = sum(before.get(key) != tokens for key, tokens in hours.items())
    if changed:
        store.write_token_hours(day, before | hours)
    return changed
