"""What a run changes: from what was known and what was found to what is known now, and what is news.

Pure. The rules, in the order in which they are asked:
- found, unknown or resolved before → new; what is told once stays known and says nothing
- found, open → changed where the cost grew beyond a factor or the severity rose, a reminder after its cadence,
  else nothing; what is told step by step is changed at its next step alone, neither by its cost nor by time
- not found, though its detection ran on settled data that covers it → resolved
- silenced → recorded and not told; it speaks when the silence runs out
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from focuswatch.findings.finding import SEVERITIES, Finding, is_minor
from focuswatch.ledger.ledger_entry import LedgerEntry, Notification, NotificationKind, Suppression

CHANGED_FACTOR = Decimal("1.5")  # a stake is materially changed from this multiple of what was notified
CHANGED_LEAST_USD = Decimal(10)  # and by at least so much
REMINDER_DAYS = 14
MAX_NOTIFICATIONS_PER_TEAM = 20  # news of one run that a team hears one by one; the rest is told in sum


@dataclass(frozen=True)
class DetectionRun:
    """What a run found, and how far its word reaches.

    `notified_once` and `notified_each_time` are detections of events, which never resolve: they grow old.
    `steps` name the columns of evidence that say how far it is, for detections that tell each step once, in order.
    `ran` are the detections that succeeded; `not_evaluated` fingerprints they could not judge;
    `missing_accounts` those of which the data tells nothing; `resolves` False where the data is stale or partial.
    `per_usd` is units of the findings' currency for one US dollar.
    """

    as_of: date
    findings: Mapping[str, Finding]
    ran: Collection[str]
    notified_once: Collection[str] = ()
    notified_each_time: Collection[str] = ()
    steps: Mapping[str, Sequence[str]] = field(default_factory=dict)
    not_evaluated: Collection[str] = ()
    missing_accounts: Collection[str] = ()
    resolves: bool = True
    per_usd: Decimal = Decimal(1)


@dataclass(frozen=True)
class Decision:
    """What a ledger writes, and then is told."""

    entries: tuple[LedgerEntry, ...]
    notifications: tuple[Notification, ...]


def decide(known: Mapping[str, LedgerEntry], silences: Iterable[Suppression], run: DetectionRun) -> Decision:
    """The entries that changed and the news of `run`, costliest first."""
    silences = tuple(silences)
    entries, news = [], []
    for fingerprint in known.keys() | run.findings.keys():
        entry, kind = _decide_one(known.get(fingerprint), run.findings.get(fingerprint), silences, run)
        if entry is None or entry == known.get(fingerprint):
            continue
        entries.append(entry)
        if kind is not None:
            news.append(Notification(kind=kind, finding=entry.finding))
    news.sort(key=lambda one: (-one.finding.stake, one.finding.fingerprint))
    return Decision(tuple(entries), tuple(_in_measure(news)))


def _in_measure(news: Iterable[Notification]) -> Iterator[Notification]:
    """What is minor or beyond a team's measure goes into its digest; security goes first, then what costs most."""
    news = tuple(news)
    heard: Counter[str | None] = Counter()
    beyond = set()
    for place, one in sorted(
        enumerate(news), key=lambda item: (item[1].finding.category != "security", item[0])
    ):
        if is_minor(one.finding):
            beyond.add(place)
            continue
        heard[one.finding.team] += 1
        if heard[one.finding.team] > MAX_NOTIFICATIONS_PER_TEAM:
            beyond.add(place)
    for place, one in enumerate(news):
        yield one.model_copy(update={"in_digest": True}) if place in beyond else one


def _decide_one(
    entry: LedgerEntry | None, found: Finding | None, silences: tuple[Suppression, ...], run: DetectionRun
) -> tuple[LedgerEntry | None, NotificationKind | None]:
    if found is None:
        return _not_found(entry, silences, run) if entry else (None, None)
    if entry is None:
        return _tell(LedgerEntry(finding=found), "new", silences, run)
    if entry.state == "resolved":
        return _tell(LedgerEntry(finding=found), "new", silences, run)
    if entry.state == "closed":
        return entry, None
    seen = found.model_copy(
        update={
            "first_seen": entry.finding.first_seen,
            "last_seen": max(found.last_seen, entry.finding.last_seen),
            "status": "open",
        }
    )
    return _tell(
        entry.model_copy(update={"finding": seen}), _change(entry, seen, silences, run), silences, run
    )


def _change(
    entry: LedgerEntry, found: Finding, silences: tuple[Suppression, ...], run: DetectionRun
) -> NotificationKind | None:
    if entry.notified_on is None:
        return "new"
    in_steps = found.detection in run.steps
    if _step(found, run) > entry.notified_step if in_steps else _worse(entry, found, run):
        return "changed"
    ran_out = (one.until for one in silences if one.until and one.covers(found))
    if any(entry.notified_on < until <= run.as_of for until in ran_out):
        return "reminder"
    if in_steps:
        return None
    heard_on = max(entry.notified_on, entry.acknowledged_on or entry.notified_on)
    return "reminder" if run.as_of - heard_on >= timedelta(days=REMINDER_DAYS) else None


def _worse(entry: LedgerEntry, found: Finding, run: DetectionRun) -> bool:
    """Whether its stake is materially more than was told, or it is graver."""
    notified_cost, notified_severity = (
        entry.notified_cost or Decimal(0),
        entry.notified_severity or found.severity,
    )
    grown = found.stake - notified_cost
    return (grown >= CHANGED_LEAST_USD * run.per_usd and found.stake >= notified_cost * CHANGED_FACTOR) or (
        SEVERITIES.index(found.severity) > SEVERITIES.index(notified_severity)
    )


def _step(found: Finding, run: DetectionRun) -> tuple[str | float, ...]:
    """How far it is: a later step is greater. Empty where it has no steps."""
    return tuple(found.evidence[column] for column in run.steps.get(found.detection, ()))


def acknowledge(known: Mapping[str, LedgerEntry], fingerprint: str, *, author: str, on: date) -> Decision:
    """Somebody knows of a finding; nothing where it is not known, or no longer open."""
    entry = known.get(fingerprint)
    if entry is None or entry.state != "open":
        return Decision((), ())
    return Decision((entry.model_copy(update={"acknowledged_by": author, "acknowledged_on": on}),), ())


def _tell(
    entry: LedgerEntry, kind: NotificationKind | None, silences: tuple[Suppression, ...], run: DetectionRun
) -> tuple[LedgerEntry, NotificationKind | None]:
    finding = entry.finding
    if kind is None or any(one.covers(finding) and one.is_active_on(run.as_of) for one in silences):
        return entry, None
    status = "open" if kind == "reminder" else kind
    told = {
        "finding": finding.model_copy(update={"status": status}),
        "notified_on": run.as_of,
        "notified_cost": finding.stake,
        "notified_severity": finding.severity,
        "notified_step": _step(finding, run),
    }
    return entry.model_copy(update=told), kind


def _not_found(
    entry: LedgerEntry, silences: tuple[Suppression, ...], run: DetectionRun
) -> tuple[LedgerEntry, NotificationKind | None]:
    finding = entry.finding
    covered = (
        run.resolves
        and finding.detection in run.ran
        and finding.fingerprint not in run.not_evaluated
        and finding.sub_account_id not in run.missing_accounts
        and run.as_of >= finding.as_of
    )
    if entry.state != "open" or not covered:
        return entry, None
    if finding.detection in run.notified_once:
        return entry.model_copy(update={"state": "closed"}), None
    resolved = entry.model_copy(
        update={
            "state": "resolved",
            "resolved_on": run.as_of,
            "finding": finding.model_copy(update={"status": "resolved", "as_of": run.as_of}),
        }
    )
    silenced = any(one.covers(finding) and one.is_active_on(run.as_of) for one in silences)
    unheard = silenced or entry.notified_on is None or finding.detection in run.notified_each_time
    return resolved, None if unheard else "resolved"
