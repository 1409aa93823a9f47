"""Decide how a run changes the ledger: from previous entries and current findings to new entries and notifications.

Pure. The rules, in the order in which they apply:
- found, and not in the ledger or resolved → new
- found, and closed → unchanged and not notified
- found, and open → changed if the stake grew beyond a factor or the severity rose; a reminder after an interval;
  otherwise not notified. A finding with steps changes only when it reaches its next step, not by cost or time
- not found, although its detection ran on complete data of its bill → resolved; some detections of events close it for
  good, or resolve it without a notification (DetectionRun)
- suppressed → recorded but not notified; notified when the suppression expires
- dismissed three times in an account or team → the next notification there offers an exclusion
- resolved, and its saving is verified on the bill → notified once, unless it is suppressed or was never notified
Then findings are grouped by cause, and each incident is notified once: see
focuswatch.ledger.decide_incident_leads_and_notifications.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from focuswatch.findings.fast_model_copy import copy_with
from focuswatch.findings.finding import Finding
from focuswatch.findings.severity import SEVERITIES
from focuswatch.findings.verified_saving_record import VerifiedSaving
from focuswatch.ledger.decide_incident_leads_and_notifications import with_incidents
from focuswatch.ledger.findings_and_resolvable_scope_of_run import DetectionRun, step_of
from focuswatch.ledger.ledger_decision_model import (
    CHANGED_FACTOR,
    Decision,
    by_stake,
    with_notification,
)
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.notification_and_pending_notification_models import Notification, NotificationKind
from focuswatch.ledger.offer_exclusion_after_dismissals import Dismissals
from focuswatch.ledger.open_and_suppressible_incident_findings import open_in_incident
from focuswatch.ledger.suppression import Suppression
from focuswatch.ledger.suppression_index import SuppressionIndex

CHANGED_LEAST_USD = Decimal(
    10
)  # a finding has changed if its stake grew by CHANGED_FACTOR, and by this amount
REMINDER_DAYS = 14
MAX_NOTIFICATIONS_PER_TEAM = 20  # sent separately in a run; the others go into a digest


def decide(
    previous: Mapping[str, LedgerEntry],
    suppressions: Iterable[Suppression],
    run: DetectionRun,
    *,
    explain: Callable[[Decision], Decision] = lambda decision: decision,
) -> Decision:
    """Return the entries that `run` changes and its notifications, highest stake first.

    `explain` adds explanations to the findings of a decision, before findings are grouped by cause.
    """
    suppressions = list(suppressions)
    index = SuppressionIndex(suppressions)
    decision = explain(_decide_each(previous, index, run))
    if run.incident_rules:
        decision = with_incidents(decision, previous, index, run, rules=run.incident_rules)
    dismissals = Dismissals(previous, suppressions, as_of=run.as_of)
    offered = [_with_offer(notification, dismissals) for notification in decision.notifications]
    return replace(decision, notifications=tuple(_limit_per_team(offered)))


def _with_offer(notification: Notification, dismissals: Dismissals) -> Notification:
    if notification.kind == "resolved":
        return notification
    finding = dismissals.with_offer(notification.finding)
    return notification if finding is notification.finding else copy_with(notification, {"finding": finding})


def _decide_each(previous: Mapping[str, LedgerEntry], index: SuppressionIndex, run: DetectionRun) -> Decision:
    """Return the decision about each finding on its own."""
    entries, notifications = [], []
    for fingerprint in previous.keys() | run.findings.keys():
        entry, kind = _decide_one(previous.get(fingerprint), run.findings.get(fingerprint), index, run)
        if entry is None or entry == previous.get(fingerprint):
            continue
        entries.append(entry)
        if kind is not None:
            notifications.append(Notification(kind=kind, finding=entry.finding))
    return Decision(tuple(entries), tuple(sorted(notifications, key=by_stake)))


def _limit_per_team(notifications: Sequence[Notification]) -> Iterator[Notification]:
    """Move minor notifications, and those beyond a team's limit, into the digest of the team.

    Security findings use the limit first, then the findings with the highest stake.
    """
    by_team: Counter[str | None] = Counter()
    in_digest = set()
    for index, notification in sorted(
        enumerate(notifications), key=lambda item: (item[1].finding.category != "security", item[0])
    ):
        if notification.in_incident:
            continue
        if notification.finding.is_minor:
            in_digest.add(index)
            continue
        by_team[notification.finding.team] += 1
        if by_team[notification.finding.team] > MAX_NOTIFICATIONS_PER_TEAM:
            in_digest.add(index)
    for index, notification in enumerate(notifications):
        yield copy_with(notification, {"in_digest": True}) if index in in_digest else notification


def _decide_one(
    entry: LedgerEntry | None, finding: Finding | None, suppressions: SuppressionIndex, run: DetectionRun
) -> tuple[LedgerEntry | None, NotificationKind | None]:
    if finding is None:
        return _decide_not_found(entry, suppressions, run) if entry else (None, None)
    if entry is None or entry.state == "resolved":
        return _notify(LedgerEntry(finding=finding), "new", suppressions, run)
    if entry.state == "closed":
        return entry, None
    current = copy_with(
        finding,
        {
            "first_seen": entry.finding.first_seen,
            "last_seen": max(finding.last_seen, entry.finding.last_seen),
            "status": "open",
            "incident": entry.finding.incident,
            "incident_lead": entry.finding.incident_lead,
        },
    )
    kind = _change(entry, current, suppressions, run)
    return _notify(copy_with(entry, {"finding": current}), kind, suppressions, run)


def _change(
    entry: LedgerEntry, finding: Finding, suppressions: SuppressionIndex, run: DetectionRun
) -> NotificationKind | None:
    if entry.notified_on is None:
        return "new"
    in_steps = finding.detection in run.steps
    if step_of(finding, run) > entry.notified_step if in_steps else _is_worse(entry, finding, run):
        return "changed"
    expiries = (one.until for one in suppressions.covering(finding) if one.until)
    if any(entry.notified_on < until <= run.as_of for until in expiries):
        return "reminder"
    if in_steps:
        return None
    last_contact = max(entry.notified_on, entry.acknowledged_on or entry.notified_on)
    return "reminder" if run.as_of - last_contact >= timedelta(days=REMINDER_DAYS) else None


def _is_worse(entry: LedgerEntry, finding: Finding, run: DetectionRun) -> bool:
    """Return whether the stake is materially higher than notified, or the severity is higher."""
    previous_cost = entry.notified_cost or Decimal(0)
    previous_severity = entry.notified_severity or finding.severity
    growth = finding.stake - previous_cost
    return (
        growth >= CHANGED_LEAST_USD * run.per_usd and finding.stake >= previous_cost * CHANGED_FACTOR
    ) or SEVERITIES.index(finding.severity) > SEVERITIES.index(previous_severity)


def acknowledge(previous: Mapping[str, LedgerEntry], incident: str, *, author: str, on: date) -> Decision:
    """Return the decision that marks the open findings of an incident as acknowledged; empty if there are none."""
    acknowledged = {"acknowledged_by": author, "acknowledged_on": on}
    return Decision(
        tuple(copy_with(entry, acknowledged) for entry in open_in_incident(incident, previous)), ()
    )


def _notify(
    entry: LedgerEntry, kind: NotificationKind | None, suppressions: SuppressionIndex, run: DetectionRun
) -> tuple[LedgerEntry, NotificationKind | None]:
    finding = entry.finding
    if kind is None or suppressions.suppresses(finding, on=run.as_of):
        return entry, None
    return with_notification(entry, kind, run), kind


def _decide_not_found(
    entry: LedgerEntry, suppressions: SuppressionIndex, run: DetectionRun
) -> tuple[LedgerEntry, NotificationKind | None]:
    finding = entry.finding
    was_evaluated = (
        run.resolves
        and finding.detection in run.ran
        and finding.fingerprint not in run.not_evaluated
        and finding.sub_account_id not in run.missing_accounts
        and run.covers(finding)
        and run.as_of >= finding.as_of
    )
    if entry.state != "open" or not was_evaluated:
        return entry, None
    if finding.detection in run.closed_when_not_found:
        return copy_with(entry, {"state": "closed"}), None
    resolved = copy_with(
        entry,
        {
            "state": "resolved",
            "resolved_on": run.as_of,
            "finding": copy_with(finding, {"status": "resolved", "as_of": run.as_of}),
        },
    )
    is_unnotified = (
        suppressions.suppresses(finding, on=run.as_of)
        or entry.notified_on is None
        or finding.detection in run.resolved_without_notification
    )
    return resolved, None if is_unnotified else "resolved"


def decide_saving(
    entry: LedgerEntry, saving: VerifiedSaving, suppressions: SuppressionIndex, *, as_of: date
) -> tuple[LedgerEntry, Notification | None]:
    """Return a resolved entry with its saving, and a notification the first time that the saving is verified.

    A saving is verified once no day on which it was measured is before the day of the resolution.
    """
    measured = copy_with(entry, {"saved_daily": saving.daily_saving})
    if entry.saving_verified_on is not None or saving.measured_from < saving.since:
        return measured, None
    finding = copy_with(entry.finding, {"verified_saving": saving})
    verified = copy_with(measured, {"saving_verified_on": as_of, "finding": finding})
    is_suppressed = any(suppressions.suppresses(finding, on=day) for day in (saving.since, as_of))
    if is_suppressed or entry.notified_on is None:
        return verified, None
    is_part = finding.incident is not None and not finding.incident_lead
    return verified, Notification(kind="saving_verified", finding=finding, in_incident=is_part)
