"""How focuswatch itself is, once a day: what was looked at, what was not, and how to mend what is wrong.

Pure: heartbeats and counts in, words out. The doctor looks deeper; this is what comes unasked.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from focuswatch.findings.visible_text import visible
from focuswatch.operations.heartbeat import SILENT_HOURS, Heartbeat

PENDING = "untold"  # in `waiting`: what `publish` has not sent; every other key is a queue's function
DAY_HOURS = 24
STALE_HOURS = 48  # of the newest delivery: AWS delivers daily at least
READ = "Read what happened; the last line of a run says what to do."
SHOWN = 5  # of what is alike
WELL, ILL = "\N{WHITE HEAVY CHECK MARK}", "\N{LARGE RED CIRCLE}"


@dataclass(frozen=True)
class HealthProblem:
    """Something that is wrong: what, the details one by one, what to do, and a command for it."""

    what: str
    details: tuple[str, ...]
    mend: str
    command: str


@dataclass(frozen=True)
class HealthReport:
    """`troubles` are wrong, `notes` worth knowing; None and 0 where nobody knows."""

    troubles: tuple[HealthProblem, ...]
    notes: tuple[str, ...]
    detections: int
    accounts: int
    as_of: date | None
    data_age_hours: float | None
    scanned_bytes: int

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.troubles

    @property
    def headline(self) -> str:
        """All of it in one line."""
        if self.is_well:
            return f"{WELL} All is well: {self.evaluated}"
        count = len(self.troubles)
        return f"{ILL} {'1 thing is' if count == 1 else f'{count} things are'} wrong with focuswatch"

    @property
    def evaluated(self) -> str:
        """What was looked at."""
        looked = f"{_count(self.detections, 'detection')} over {_count(self.accounts, 'account')}"
        return f"{looked}, the bill as of {self.as_of}" if self.as_of else f"{looked}, no bill yet"

    @property
    def facts(self) -> str:
        """How fresh the data is, and what reading it took."""
        age = "unknown" if self.data_age_hours is None else f"{self.data_age_hours:.0f} hours old"
        return f"newest delivery {age}, {_size(self.scanned_bytes)} scanned by the last runs"

    def as_text(self) -> str:
        """As a mail says it."""
        lines = [self.headline, ""]
        for trouble in self.troubles:
            lines += [trouble.what, *(f"  - {one}" for one in trouble.details)]
            lines += [f"  {trouble.mend}", f"    {trouble.command}", ""]
        if not self.is_well:
            lines.append(f"Looked at: {self.evaluated}")
        lines += [f"Data: {self.facts}", *(f"Note: {note}" for note in self.notes)]
        return visible("\n".join(lines)) + "\n"


def health_report(
    heartbeats: Mapping[str, Heartbeat],
    *,
    waiting: Mapping[str, int],
    dead_letters: Mapping[str, int],
    expected: Sequence[str],
    now: datetime,
    stale_hours: int = STALE_HOURS,
    name: str = "focuswatch",
) -> HealthReport:
    """How it is, worst first: what does not run, what is old, what failed, what was not delivered, who refuses.

    `expected` are the functions that run by the clock; `name` is the deployment's, for commands to copy.
    """
    logs = partial(_logs, name)
    detect, collect = heartbeats.get("detect"), heartbeats.get("collect")
    age = _data_age_hours(heartbeats, now=now)
    troubles = [
        *_silent(heartbeats, expected=expected, now=now, logs=logs),
        *_stale(detect, age=age, limit=stale_hours),
        *_failed(heartbeats, expected=expected, now=now, logs=logs),
        *_dead(dead_letters),
        *_refusing(collect, name=name),
    ]
    return HealthReport(
        troubles=tuple(troubles),
        notes=tuple(_notes(heartbeats, waiting=waiting)),
        detections=len(detect.ran) if detect else 0,
        accounts=len(collect.ran) if collect else 0,
        as_of=detect.as_of if detect else None,
        data_age_hours=age,
        scanned_bytes=sum(beat.scanned_bytes for beat in heartbeats.values()),
    )


def _silent(
    heartbeats: Mapping[str, Heartbeat], *, expected: Sequence[str], now: datetime, logs: Callable[[str], str]
) -> Iterator[HealthProblem]:
    for kind in expected:
        beat, limit = heartbeats.get(kind), SILENT_HOURS.get(kind, max(SILENT_HOURS.values()))
        if beat is None:
            yield HealthProblem(f"{kind} has never ended a run", (), READ, logs(kind))
        elif (hours := _hours(beat.ended_at, now)) > limit:
            what = f"{kind} ended its last run {hours:.0f} hours ago, more than {limit}"
            yield HealthProblem(what, (), READ, logs(kind))


def _stale(detect: Heartbeat | None, *, age: float | None, limit: int) -> Iterator[HealthProblem]:
    mend = "AWS delivers at least daily, a new export within a day; ask what keeps it."
    if detect and detect.as_of is None:
        yield HealthProblem("There is no bill to look at", detect.doubts, mend, "focuswatch doctor")
    elif age is not None and age > limit:
        yield HealthProblem(
            f"The newest delivery is {age:.0f} hours old, more than {limit}", (), mend, "focuswatch doctor"
        )


def _failed(
    heartbeats: Mapping[str, Heartbeat], *, expected: Sequence[str], now: datetime, logs: Callable[[str], str]
) -> Iterator[HealthProblem]:
    """Of the last run of each function; what a queue gave a function days ago came back since, or is a dead letter."""
    for kind, beat in sorted(heartbeats.items()):
        young = kind in expected or _hours(beat.ended_at, now) < DAY_HOURS
        if beat.failed and kind != "collect" and young:
            what = f"{len(beat.failed):,} failed in the last run of {kind}"
            yield HealthProblem(what, _listed(beat.failed), READ, logs(kind))


def _dead(dead_letters: Mapping[str, int]) -> Iterator[HealthProblem]:
    full = {kind: count for kind, count in sorted(dead_letters.items()) if count}
    if full:
        details = tuple(f"{count:,} of {kind}" for kind, count in full.items())
        mend = "See why with --dry-run, mend that, then hand them back."
        yield HealthProblem(
            f"{_count(sum(full.values()), 'dead letter')}: not done, and not delivered",
            details,
            mend,
            "focuswatch redrive",
        )


def _refusing(collect: Heartbeat | None, *, name: str) -> Iterator[HealthProblem]:
    """A whole account that is not looked at is a fault; a service in a region may be refused on purpose."""
    accounts = {what: why for what, why in (collect.failed if collect else {}).items() if what.isdigit()}
    if accounts:
        mend = f"See that the StackSet {name}-member has brought the member role to each."
        yield HealthProblem(
            f"{_count(len(accounts), 'account')} could not be looked at",
            _listed(accounts),
            mend,
            "focuswatch doctor",
        )


def _notes(heartbeats: Mapping[str, Heartbeat], *, waiting: Mapping[str, int]) -> Iterator[str]:
    for kind, count in sorted(waiting.items()):
        if count:
            whose = "by publish" if kind == PENDING else f"for {kind}"
            yield f"{count:,} wait to be told {whose}, and are tried again"
    failed = heartbeats["collect"].failed if "collect" in heartbeats else {}
    parts = {what: why for what, why in failed.items() if not what.isdigit()}
    if parts:
        yield f"not looked at: {'; '.join(_listed(parts))}"
    doubts = [
        doubt for kind in ("refresh", "detect") if kind in heartbeats for doubt in heartbeats[kind].doubts
    ]
    if doubts:
        yield f"nothing is called resolved, since {'; '.join(dict.fromkeys(doubts))}"
    yield from (heartbeats["refresh"].warnings if "refresh" in heartbeats else ())


def _listed(failures: Mapping[str, str]) -> tuple[str, ...]:
    """The commonest reasons, each with what it befell."""
    befallen: dict[str, list[str]] = {}
    for what, why in sorted(failures.items()):
        befallen.setdefault(why, []).append(what)
    told = []
    for why, names in sorted(befallen.items(), key=lambda item: -len(item[1])):
        more = len(names) - SHOWN
        told.append(f"{', '.join(names[:SHOWN])}{f' and {more} more' if more > 0 else ''}: {why}")
    return (*told[:SHOWN], *([f"and {len(told) - SHOWN} other reasons"] if len(told) > SHOWN else []))


def _data_age_hours(heartbeats: Mapping[str, Heartbeat], *, now: datetime) -> float | None:
    """As old as the newest delivery is by now that any run has seen."""
    ages = [
        beat.data_age_hours + _hours(beat.ended_at, now)
        for beat in heartbeats.values()
        if beat.data_age_hours is not None
    ]
    return min(ages, default=None)


def _logs(name: str, kind: str) -> str:
    return f"aws logs tail /aws/lambda/{name}-{kind} --since 2d"


def _hours(then: datetime, now: datetime) -> float:
    return (now - then).total_seconds() / 3600


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _size(size: int) -> str:
    mib = size / 1024**2
    return f"{mib / 1024:,.1f} GiB" if mib >= 1024 else f"{mib:,.1f} MiB"
