"""Decide how a run changes the ledger: from previous entries and current findings to new entries and notifications.

Pure. The rules, in the order in which they apply:
- found, not in the ledger or resolved before → new; a finding that is notified once stays open without notifications
- found, open → changed where the cost grew beyond a factor or the severity rose; a reminder after its interval;
  else nothing. A finding that is notified step by step changes at its next step only, not by cost or time
- not found, although its detection ran on settled data that covers it → resolved
- suppressed → recorded and not notified; it is notified when the suppression expires
- dismissed three times in an account or team → the next notification there offers an exclusion
- resolved and its saving verified on the bill → notified once, unless it is suppressed or its owner never heard of it
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from focuswatch.findings.finding import SEVERITIES, Finding, is_minor
from focuswatch.findings.verified_saving import VerifiedSaving
from focuswatch.ledger.dismissals import Dismissals
from focuswatch.ledger.ledger_entry import LedgerEntry, Notification, NotificationKind, Suppression
from focuswatch.ledger.suppression_index import SuppressionIndex

CHANGED_FACTOR = Decimal("1.5")  # a stake is materially changed from this multiple of what was notified
CHANGED_LEAST_USD = Decimal(10)  # and by at least so much
REMINDER_DAYS = 14
MAX_NOTIFICATIONS_PER_TEAM = 20  # that a team gets one by one in a run; the others go into a digest


@dataclass(frozen=True)
class DetectionRun:
    """The findings of a run, and which previous findings it can resolve.

    `notified_once` and `notified_each_time` are detections of events, which never resolve: they grow old.
    `steps` are the columns of evidence that order a finding's steps, for detections that notify each step once.
    `ran` are the detections that succeeded; `not_evaluated` fingerprints they could not evaluate;
    `missing_accounts` accounts without recent data; `resolves` is False where the data is stale or incomplete.
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
    """The entries that a ledger writes, and the notifications to send."""

    entries: tuple[LedgerEntry, ...]
    notifications: tuple[Notification, ...]


def decide(
    previous: Mapping[str, LedgerEntry], suppressions: Iterable[Suppression], run: DetectionRun
) -> Decision:
    """Return the entries that `run` changes and its notifications, highest cost first."""
    suppressions = list(suppressions)
    index = SuppressionIndex(suppressions)
    dismissals = Dismissals(previous, suppressions, as_of=run.as_of)
    entries, notifications = [], []
    for fingerprint in previous.keys() | run.findings.keys():
        entry, kind = _decide_one(previous.get(fingerprint), run.findings.get(fingerprint), index, run)
        if entry is None or entry == previous.get(fingerprint):
            continue
        entries.append(entry)
        if kind is not None:
            finding = entry.finding if kind == "resolved" else dismissals.with_offer(entry.finding)
            notifications.append(Notification(kind=kind, finding=finding))
    notifications.sort(key=by_stake)
    return Decision(tuple(entries), tuple(_limit_per_team(notifications)))


def by_stake(notification: Notification) -> tuple[Decimal, str]:
    """Return the key that sorts notifications by stake, highest first."""
    return -notification.finding.stake, notification.finding.fingerprint


def _limit_per_team(notifications: Sequence[Notification]) -> Iterator[Notification]:
    """Move minor notifications and those beyond a team's limit into its digest.

    Security findings count first, then the highest cost.
    """
    by_team: Counter[str | None] = Counter()
    in_digest = set()
    for index, notification in sorted(
        enumerate(notifications), key=lambda item: (item[1].finding.category != "security", item[0])
    ):
        if is_minor(notification.finding):
            in_digest.add(index)
            continue
        by_team[notification.finding.team] += 1
        if by_team[notification.finding.team] > MAX_NOTIFICATIONS_PER_TEAM:
            in_digest.add(index)
    for index, notification in enumerate(notifications):
        yield notification.model_copy(update={"in_digest": True}) if index in in_digest else notification


def _decide_one(
    entry: LedgerEntry | None, finding: Finding | None, suppressions: SuppressionIndex, run: DetectionRun
) -> tuple[LedgerEntry | None, NotificationKind | None]:
    if finding is None:
        return _decide_not_found(entry, suppressions, run) if entry else (None, None)
    if entry is None or entry.state == "resolved":
        return _notify(LedgerEntry(finding=finding), "new", suppressions, run)
    if entry.state == "closed":
        return entry, None
    current = finding.model_copy(
        update={
            "first_seen": entry.finding.first_seen,
            "last_seen": max(finding.last_seen, entry.finding.last_seen),
            "status": "open",
        }
    )
    kind = _change(entry, current, suppressions, run)
    return _notify(entry.model_copy(update={"finding": current}), kind, suppressions, run)


def _change(
    entry: LedgerEntry, finding: Finding, suppressions: SuppressionIndex, run: DetectionRun
) -> NotificationKind | None:
    if entry.notified_on is None:
        return "new"
    in_steps = finding.detection in run.steps
    if _step(finding, run) > entry.notified_step if in_steps else _is_worse(entry, finding, run):
        return "changed"
    expiries = (one.until for one in suppressions.covering(finding) if one.until)
    if any(entry.notified_on < until <= run.as_of for until in expiries):
        return "reminder"
    if in_steps:
        return None
    last_contact = max(entry.notified_on, entry.acknowledged_on or entry.notified_on)
    return "reminder" if run.as_of - last_contact >= timedelta(days=REMINDER_DAYS) else None


def _is_worse(entry: LedgerEntry, finding: Finding, run: DetectionRun) -> bool:
    """Return whether stake is materially higher than notified, or severity is higher."""
    previous_cost = entry.notified_cost or Decimal(0)
    previous_severity = entry.notified_severity or finding.severity
    growth = finding.stake - previous_cost
    return (
        growth >= CHANGED_LEAST_USD * run.per_usd and finding.stake >= previous_cost * CHANGED_FACTOR
    ) or SEVERITIES.index(finding.severity) > SEVERITIES.index(previous_severity)


def _step(finding: Finding, run: DetectionRun) -> tuple[str | float, ...]:
    """Return a finding's step, which compares greater than earlier ones; empty where it has no steps."""
    return tuple(finding.evidence[column] for column in run.steps.get(finding.detection, ()))


def acknowledge(previous: Mapping[str, LedgerEntry], fingerprint: str, *, author: str, on: date) -> Decision:
    """Return the decision that marks an open finding as acknowledged; empty where it is unknown or not open."""
    entry = previous.get(fingerprint)
    if entry is None or entry.state != "open":
        return Decision((), ())
    return Decision((entry.model_copy(update={"acknowledged_by": author, "acknowledged_on": on}),), ())


def _notify(
    entry: LedgerEntry, kind: NotificationKind | None, suppressions: SuppressionIndex, run: DetectionRun
) -> tuple[LedgerEntry, NotificationKind | None]:
    finding = entry.finding
    if kind is None or suppressions.suppresses(finding, on=run.as_of):
        return entry, None
    status = "open" if kind == "reminder" else kind
    update = {
        "finding": finding.model_copy(update={"status": status}),
        "notified_on": run.as_of,
        "notified_cost": finding.stake,
        "notified_severity": finding.severity,
        "notified_step": _step(finding, run),
    }
    return entry.model_copy(update=update), kind


def _decide_not_found(
    entry: LedgerEntry, suppressions: SuppressionIndex, run: DetectionRun
) -> tuple[LedgerEntry, NotificationKind | None]:
    finding = entry.finding
    was_evaluated = (
        run.resolves
        and finding.detection in run.ran
        and finding.fingerprint not in run.not_evaluated
        and finding.sub_account_id not in run.missing_accounts
        and run.as_of >= finding.as_of
    )
    if entry.state != "open" or not was_evaluated:
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
    is_unnotified = (
        suppressions.suppresses(finding, on=run.as_of)
        or entry.notified_on is None
        or finding.detection in run.notified_each_time
    )
    return resolved, None if is_unnotified else "resolved"


def decide_saving(
    entry: LedgerEntry, saving: VerifiedSaving, suppressions: SuppressionIndex, *, as_of: date
) -> tuple[LedgerEntry, Notification | None]:
    """Return a resolved entry with its saving, and the notification the first time that the saving is verified.

    A saving is verified once all days that it was measured on are after the resolution.
    """
    measured = entry.model_copy(update={"saved_daily": saving.daily_saving})
    if entry.saving_verified_on is not None or saving.measured_from < saving.since:
        return measured, None
    finding = entry.finding.model_copy(update={"verified_saving": saving})
    verified = measured.model_copy(update={"saving_verified_on": as_of, "finding": finding})
    is_suppressed = any(suppressions.suppresses(finding, on=day) for day in (saving.since, as_of))
    if is_suppressed or entry.notified_on is None:
        return verified, None
    return verified, Notification(kind="saving_verified", finding=finding)
