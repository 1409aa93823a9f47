"""Build the daily health report: the evaluated scope, problems of focuswatch itself, and a fix for each.

The report is computed only from heartbeats and message counts. `focuswatch doctor` checks more, but is not scheduled.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from focuswatch.detect.skip_detections_of_unbilled_ai_services import not_run_text
from focuswatch.findings.count_text import count_text
from focuswatch.findings.replace_control_characters import visible
from focuswatch.operations.function_run_heartbeats import MAX_HOURS_BETWEEN_RUNS, Heartbeat

# The key in `queued` for notifications that `publish` has not sent yet. All other keys are functions with a queue.
PENDING = "pending"
DAY_HOURS = 24
STALE_HOURS = 48  # maximum age of the newest delivery; AWS delivers at least once a day
READ_LOG = "Check the function's log; its last line says what to do next."
CHECK_EXPORT = (
    "AWS delivers an export at least once a day; the first delivery of a new export can take a day. "
    "Check the status of the export."
)
MAX_SHOWN = 5  # maximum number of names per reason, and of reasons per problem
HEALTHY, UNHEALTHY = "\N{WHITE HEAVY CHECK MARK}", "\N{LARGE RED CIRCLE}"


@dataclass(frozen=True)
class HealthProblem:
    """A problem of focuswatch itself: a one-line summary, details, how to fix it, and a command to copy."""

    summary: str
    details: tuple[str, ...]
    fix: str
    command: str


@dataclass(frozen=True)
class HealthReport:
    """The health report. `problems` need a fix, `notes` do not. A value without a heartbeat is None or 0."""

    problems: tuple[HealthProblem, ...]
    notes: tuple[str, ...]
    detections: int
    accounts: int
    as_of: date | None
    data_age_hours: float | None
    scanned_bytes: int

    @property
    def is_healthy(self) -> bool:
        """Return whether there are no problems."""
        return not self.problems

    @property
    def headline(self) -> str:
        """Return the report in one line."""
        if self.is_healthy:
            return f"{HEALTHY} focuswatch health: no problems. Evaluated {self.evaluated}"
        return f"{UNHEALTHY} focuswatch health: {count_text(len(self.problems), 'problem')}"

    @property
    def evaluated(self) -> str:
        """Return how many detections ran, in how many accounts, and up to which day of the bill."""
        coverage = f"{count_text(self.detections, 'detection')} in {count_text(self.accounts, 'account')}"
        return f"{coverage} for charges before {self.as_of}" if self.as_of else f"{coverage}, no bill yet"

    @property
    def facts(self) -> str:
        """Return the age of the data and the bytes that the latest runs of all functions scanned."""
        age = (
            "age unknown"
            if self.data_age_hours is None
            else f"{count_text(round(self.data_age_hours), 'hour')} old"
        )
        delivery = f"Newest delivery of the billing export: {age}."
        return f"{delivery} Data scanned in the latest run of each function: {_size(self.scanned_bytes)}."

    def as_text(self) -> str:
        """Return the report as plain text, for mail."""
        lines = [self.headline, ""]
        for problem in self.problems:
            lines += [problem.summary, *(f"  - {detail}" for detail in problem.details)]
            lines += [f"  {problem.fix}", f"    {problem.command}", ""]
        if not self.is_healthy:
            lines.append(f"Evaluated: {self.evaluated}")
        lines += [self.facts, *(f"Note: {note}" for note in self.notes)]
        return visible("\n".join(lines)) + "\n"


def health_report(
    heartbeats: Mapping[str, Heartbeat],
    *,
    queued: Mapping[str, int],
    dead_letters: Mapping[str, int],
    expected: Sequence[str],
    now: datetime,
    stale_hours: int = STALE_HOURS,
    name: str = "focuswatch",
) -> HealthReport:
    """Return the health report, its most severe problem first.

    The order is: missing runs, old data, failed runs, dead letters, accounts that deny access. `expected` are the
    functions that run on a schedule; `name` is the deployment's name, for the commands.
    """
    detect, collect = heartbeats.get("detect"), heartbeats.get("collect")
    age = _data_age_hours(heartbeats, now=now)
    problems = [
        *_missing_runs(heartbeats, expected=expected, now=now, name=name),
        *_stale_data(detect, age=age, limit=stale_hours),
        *_failed_runs(heartbeats, expected=expected, now=now, name=name),
        *_dead_letters(dead_letters, name=name),
        *_denied_accounts(collect, name=name),
    ]
    return HealthReport(
        problems=tuple(problems),
        notes=tuple(_notes(heartbeats, queued=queued, name=name)),
        detections=len(detect.ran) if detect else 0,
        accounts=len(collect.ran) if collect else 0,
        as_of=detect.as_of if detect else None,
        data_age_hours=age,
        scanned_bytes=sum(beat.scanned_bytes for beat in heartbeats.values()),
    )


def _missing_runs(
    heartbeats: Mapping[str, Heartbeat], *, expected: Sequence[str], now: datetime, name: str
) -> Iterator[HealthProblem]:
    for kind in expected:
        beat = heartbeats.get(kind)
        limit = MAX_HOURS_BETWEEN_RUNS.get(kind, max(MAX_HOURS_BETWEEN_RUNS.values()))
        if beat is None:
            summary = f"The function {name}-{kind} has never completed a run"
            yield HealthProblem(summary, (), READ_LOG, _logs_command(name, kind))
        elif (hours := _hours(beat.ended_at, now)) > limit:
            ago = count_text(round(hours), "hour")
            summary = f"The function {name}-{kind} last completed a run {ago} ago (limit: {limit} hours)"
            yield HealthProblem(summary, (), READ_LOG, _logs_command(name, kind))


def _stale_data(detect: Heartbeat | None, *, age: float | None, limit: int) -> Iterator[HealthProblem]:
    if detect and detect.as_of is None:
        yield HealthProblem("No billing data to analyze", detect.doubts, CHECK_EXPORT, "focuswatch doctor")
    elif age is not None and age > limit:
        summary = (
            f"The newest delivery of the billing export is {count_text(round(age), 'hour')} old (limit: {limit} "
            "hours)"
        )
        yield HealthProblem(summary, (), CHECK_EXPORT, "focuswatch doctor")


def _failed_runs(
    heartbeats: Mapping[str, Heartbeat], *, expected: Sequence[str], now: datetime, name: str
) -> Iterator[HealthProblem]:
    """Yield the failures of each function's last run.

    Functions that are not in `expected`, such as those fed by a queue, are omitted if their last run is older than a
    day: since then, the failed message was processed or became a dead letter.
    """
    for kind, beat in sorted(heartbeats.items()):
        is_recent = kind in expected or _hours(beat.ended_at, now) < DAY_HOURS
        if beat.failed and kind != "collect" and is_recent:
            summary = (
                f"{count_text(len(beat.failed), 'failure')} in the last run of the function {name}-{kind}"
            )
            yield HealthProblem(summary, _by_reason(beat.failed), READ_LOG, _logs_command(name, kind))


def _dead_letters(dead_letters: Mapping[str, int], *, name: str) -> Iterator[HealthProblem]:
    counts = {kind: count for kind, count in sorted(dead_letters.items()) if count}
    if counts:
        details = tuple(f"Queue of the function {name}-{kind}: {count:,}" for kind, count in counts.items())
        fix = "List the causes with focuswatch redrive --dry-run, fix the causes, then redrive the events:"
        total = sum(counts.values())
        summary = f"{count_text(total, 'event')} in dead-letter queues: all retries failed"
        yield HealthProblem(summary, details, fix, "focuswatch redrive")


def _denied_accounts(collect: Heartbeat | None, *, name: str) -> Iterator[HealthProblem]:
    """Yield the accounts that deny access entirely. A single service in a Region may be denied on purpose."""
    failed = collect.failed if collect else {}
    accounts = {account: reason for account, reason in failed.items() if account.isdigit()}
    if accounts:
        fix = f"Check that the StackSet {name}-member has created the member role in each account."
        summary = f"The function {name}-collect was denied access to {count_text(len(accounts), 'account')}"
        yield HealthProblem(summary, _by_reason(accounts), fix, "focuswatch doctor")


def _notes(heartbeats: Mapping[str, Heartbeat], *, queued: Mapping[str, int], name: str) -> Iterator[str]:
    for kind, count in sorted(queued.items()):
        if count:
            pending = count_text(count, "notification")
            verb, retried = ("is", "it") if count == 1 else ("are", "them")
            if kind == PENDING:
                yield f"{pending} {verb} not yet sent; the function {name}-publish retries {retried} automatically."
            else:
                messages = f"{count_text(count, 'message')} {verb} queued for the function {name}-{kind}"
                yield f"{messages}, which retries {retried} automatically."
    summaries = heartbeats["detect"].detections if "detect" in heartbeats else ()
    if not_run := not_run_text(summary.services_not_on_bill for summary in summaries):
        yield f"The function {name}-detect did not run {not_run}."
    failed = heartbeats["collect"].failed if "collect" in heartbeats else {}
    services = {service: reason for service, reason in failed.items() if not service.isdigit()}
    if services:
        yield f"Resources not evaluated, by service: {'; '.join(_by_reason(services))}."
    doubts = [
        doubt for kind in ("refresh", "detect") if kind in heartbeats for doubt in heartbeats[kind].doubts
    ]
    if doubts:
        yield (
            "focuswatch does not mark any finding as resolved until the following is fixed: "
            f"{'; '.join(dict.fromkeys(doubts))}."
        )
    yield from (heartbeats["refresh"].warnings if "refresh" in heartbeats else ())


def _by_reason(failures: Mapping[str, str]) -> tuple[str, ...]:
    """Return a line for each reason, the most frequent first, with the names that failed for this reason."""
    names_of: dict[str, list[str]] = {}
    for name, reason in sorted(failures.items()):
        names_of.setdefault(reason, []).append(name)
    lines = []
    for reason, names in sorted(names_of.items(), key=lambda item: -len(item[1])):
        more = len(names) - MAX_SHOWN
        lines.append(f"{', '.join(names[:MAX_SHOWN])}{f' and {more} more' if more > 0 else ''}: {reason}")
    more = len(lines) - MAX_SHOWN
    return (*lines[:MAX_SHOWN], *([f"and {count_text(more, 'other reason')}"] if more > 0 else []))


def _data_age_hours(heartbeats: Mapping[str, Heartbeat], *, now: datetime) -> float | None:
    """Return the current age of the newest delivery that any run has read."""
    ages = [
        beat.data_age_hours + _hours(beat.ended_at, now)
        for beat in heartbeats.values()
        if beat.data_age_hours is not None
    ]
    return min(ages, default=None)


def _logs_command(name: str, kind: str) -> str:
    return f"aws logs tail /aws/lambda/{name}-{kind} --since 2d"


def _hours(then: datetime, now: datetime) -> float:
    return (now - then).total_seconds() / 3600


def _size(size: int) -> str:
    mib = size / 1024**2
    return f"{mib / 1024:,.1f} GiB" if mib >= 1024 else f"{mib:,.1f} MiB"
