"""Decide how a run changes incidents, from the decisions about single findings: each incident is notified once. Pure.

If an incident has several findings, these rules apply:
- The lead is notified. Channels send nothing about the other findings; only SNS gets them, marked `in_incident`.
- If a finding joins, or grows beyond everything that was notified, the lead is notified as changed.
- If the lead is resolved or suppressed while others are open, the next finding leads and is notified as changed. If the
  lead is an event that is no longer found (see DetectionRun), the next finding leads without a notification.
- Reminders are those of the lead.
- The incident is resolved when its last finding is resolved; findings resolved earlier are not notified.
The id of an incident never changes, so that its message and its issue stay the same whichever finding leads.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import groupby

from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.count_each_cost_once import including_findings
from focuswatch.findings.fast_model_copy import copy_with
from focuswatch.findings.finding import Finding
from focuswatch.findings.lead_order_and_incident_properties_of_detections import IncidentRules
from focuswatch.findings.related_finding_and_region_rollout_models import (
    MOST_ACCOUNTS,
    MOST_REGIONS,
    MOST_RELATED,
    RelatedFinding,
    Rollout,
    RolloutAccounts,
)
from focuswatch.findings.same_cause import SameCause
from focuswatch.findings.severity import SEVERITIES
from focuswatch.ledger.assign_findings_to_incidents import OpenIncident, open_incidents
from focuswatch.ledger.findings_and_resolvable_scope_of_run import DetectionRun
from focuswatch.ledger.ledger_decision_model import (
    CHANGED_FACTOR,
    Decision,
    by_stake,
    with_notification,
)
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.ledger.notification_and_pending_notification_models import Notification, NotificationKind
from focuswatch.ledger.suppression_index import SuppressionIndex

MOST_ANNOUNCED = 50  # other new findings that a message on a topic lists


def with_incidents(
    decision: Decision,
    previous: Mapping[str, LedgerEntry],
    suppressions: SuppressionIndex,
    run: DetectionRun,
    *,
    rules: IncidentRules,
) -> Decision:
    """Return the decision about incidents that follows from the decisions about single findings."""
    entries = {**previous, **{entry.fingerprint: entry for entry in decision.entries}}
    assigned = {one: id for one, entry in previous.items() if (id := _incident_of(entry))}
    cause = SameCause(
        (
            entry.finding
            for entry in entries.values()
            if entry.state == "open" and not suppressions.suppresses(entry.finding, on=run.as_of)
        ),
        rules,
    )
    incidents = list(open_incidents(cause, assigned=assigned, rules=rules))
    state = _State(
        previous=previous,
        entries=entries,
        kinds={one.finding.fingerprint: one.kind for one in decision.notifications},
        run=run,
        suppressions=suppressions,
        leads_before=_leads(
            previous.values(), is_muted=lambda finding: suppressions.suppresses(finding, on=run.as_of)
        ),
        counted_in=including_findings(cause, leads={incident.lead.fingerprint for incident in incidents}),
    )
    for incident in incidents:
        state.decide_open(incident)
    state.decide_ended({incident.id for incident in incidents})
    written = tuple(entry for one, entry in state.entries.items() if entry != previous.get(one))
    return Decision(written, tuple(sorted(state.notifications, key=by_stake)))


def _incident_of(entry: LedgerEntry) -> str | None:
    """Return the incident of an open finding. A finding that was notified without one is an incident by itself."""
    if entry.state != "open":
        return None
    return entry.finding.incident or (entry.fingerprint if entry.notified_on else None)


def _leads(entries: Iterable[LedgerEntry], *, is_muted: Callable[[Finding], bool]) -> dict[str, LedgerEntry]:
    """Return the current or last lead of each incident; open findings precede, then those that are not suppressed."""

    def last(entry: LedgerEntry) -> tuple[bool, bool, date, str]:
        return entry.state == "open", not is_muted(entry.finding), entry.finding.as_of, entry.fingerprint

    leading = [entry for entry in entries if entry.finding.incident and entry.finding.incident_lead]
    return {str(entry.finding.incident): entry for entry in sorted(leading, key=last)}


@dataclass
class _State:
    """The entries and notifications of a decision, while its incidents are decided."""

    previous: Mapping[str, LedgerEntry]
    entries: dict[str, LedgerEntry]
    kinds: Mapping[str, NotificationKind]
    run: DetectionRun
    suppressions: SuppressionIndex
    leads_before: Mapping[str, LedgerEntry]
    counted_in: Mapping[str, str]
    notifications: list[Notification] = field(default_factory=list)

    def decide_open(self, incident: OpenIncident) -> None:
        """Add the incident to its findings, and notify it at most once."""
        kind = self._kind_of_lead(incident)
        if kind and kind != self.kinds.get(incident.lead.fingerprint):
            self.entries[incident.lead.fingerprint] = with_notification(
                self.entries[incident.lead.fingerprint], kind, self.run
            )
        for finding in incident.findings:
            entry = self.entries[finding.fingerprint]
            stated = _stated(entry.finding, incident, counted_in=self.counted_in.get(finding.fingerprint))
            self.entries[finding.fingerprint] = copy_with(entry, {"finding": stated})
        self.notifications += self._notifications(incident, kind)

    def decide_ended(self, still_open: set[str]) -> None:
        """Notify resolved findings: once for an incident without open findings, otherwise not in channels."""
        resolved = [one for one, kind in self.kinds.items() if kind == "resolved"]
        ended: dict[str, list[Finding]] = defaultdict(list)
        for one in resolved:
            finding = self.entries[one].finding
            ended[finding.incident_id].append(finding)
        for id, findings in ended.items():
            findings.sort(key=lambda one: (not one.incident_lead, -one.stake, one.fingerprint))
            for place, finding in enumerate(findings):
                is_lead = id not in still_open and place == 0
                ended_finding = copy_with(finding, {"incident_lead": is_lead})
                entry = self.entries[finding.fingerprint]
                self.entries[finding.fingerprint] = copy_with(entry, {"finding": ended_finding})
                self.notifications.append(
                    Notification(kind="resolved", finding=ended_finding, in_incident=not is_lead)
                )

    def _kind_of_lead(self, incident: OpenIncident) -> NotificationKind | None:
        lead, before = incident.lead, self.leads_before.get(incident.id)
        kind = self.kinds.get(lead.fingerprint)
        if kind in ("new", "changed") or (kind is None and not self._is_change(incident, before)):
            return kind
        return "changed" if self._is_change(incident, before) else kind

    def _is_change(self, incident: OpenIncident, before: LedgerEntry | None) -> bool:
        """Return whether a finding joined or has grown, or the lead was resolved or suppressed."""
        others = incident.findings[1:]
        if any(self.kinds.get(one.fingerprint) == "new" or self._is_grown(one, incident) for one in others):
            return True
        if before is None or before.fingerprint == incident.lead.fingerprint or incident.rollout:
            return False  # a rollout was notified as a whole, whichever account leads
        lead = self.entries[before.fingerprint]
        is_suppressed = lead.state == "open" and self.suppressions.suppresses(lead.finding, on=self.run.as_of)
        return is_suppressed or self.kinds.get(before.fingerprint) == "resolved"

    def _is_grown(self, finding: Finding, incident: OpenIncident) -> bool:
        """Return whether a finding has grown beyond everything that was notified about its incident."""
        if self.kinds.get(finding.fingerprint) != "changed":
            return False
        before = [
            self.previous[one.fingerprint] for one in incident.findings if one.fingerprint in self.previous
        ]
        cost = max((entry.notified_cost or Decimal(0) for entry in before), default=Decimal(0))
        severity = max((SEVERITIES.index(entry.notified_severity or "low") for entry in before), default=0)
        return finding.stake >= cost * CHANGED_FACTOR or SEVERITIES.index(finding.severity) > severity

    def _notifications(self, incident: OpenIncident, kind: NotificationKind | None) -> Iterator[Notification]:
        """Yield the notification of the lead, and those of the other findings, which channels do not send."""
        kinds = {} if kind is None else {incident.lead.fingerprint: kind}
        for finding in incident.findings[1:]:
            own = self.kinds.get(finding.fingerprint)
            if own in ("new", "changed"):
                kinds[finding.fingerprint] = own
        findings = {one: self.entries[one].finding for one in kinds}
        by_detection = sorted(
            (one for one in findings.values() if kinds[one.fingerprint] == "new"),
            key=lambda one: one.detection,
        )
        announced = {
            group[0].fingerprint: group[1:]
            for _, found in groupby(by_detection, key=lambda one: one.detection)
            if (group := list(found))
        }
        for one, finding in findings.items():
            others = announced.get(one, [])
            yield Notification(
                kind=kinds[one],
                finding=finding,
                in_incident=one != incident.lead.fingerprint,
                on_topic=kinds[one] != "new" or one in announced,
                others=tuple(_related(other) for other in others[:MOST_ANNOUNCED]),
                others_count=len(others),
            )


def _stated(finding: Finding, incident: OpenIncident, *, counted_in: str | None) -> Finding:
    """Return the finding with the fields that describe its incident."""
    is_lead = finding.fingerprint == incident.lead.fingerprint
    others = [one for one in incident.findings if one.fingerprint != finding.fingerprint]
    listed = others[:MOST_RELATED] if is_lead else [incident.lead]
    return copy_with(
        finding,
        {
            "incident": incident.id,
            "incident_lead": is_lead,
            "also_detected": tuple(_related(one) for one in listed),
            "related_findings": len(others),
            "rollout": _rollout(incident.rollout) if is_lead and incident.rollout else None,
            "counted_in": counted_in,
        },
    )


def _related(finding: Finding) -> RelatedFinding:
    return RelatedFinding(
        cost=finding.monthly_cost,
        **{name: getattr(finding, name) for name in RelatedFinding.model_fields if name != "cost"},
    )


def _rollout(findings: Sequence[Finding]) -> Rollout:
    """Return the extent of a rollout: its accounts, grouped by Regions."""
    regions: dict[str, set[str]] = defaultdict(set)
    services, teams = set(), set()
    for finding in findings:
        account = account_label(finding.sub_account_name, finding.sub_account_id) or "no account"
        regions[account].add(finding.region_id or "")
        services |= set(finding.evidence.get("services") or ())
        teams.add(finding.team)
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for account in sorted(regions)[:MOST_ACCOUNTS]:
        groups[tuple(sorted(regions[account]))].append(account)
    return Rollout(
        services=tuple(sorted(services)),
        account_count=len(regions),
        region_count=len(set().union(*regions.values())),
        groups=tuple(
            RolloutAccounts(regions=names[:MOST_REGIONS], accounts=tuple(accounts))
            for names, accounts in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
        ),
        teams=tuple(sorted(teams, key=str)),
        cost_so_far=sum((one.cost_so_far or Decimal(0) for one in findings), Decimal(0)),
        monthly_cost_if_continues=sum(
            (one.monthly_cost_if_continues or Decimal(0) for one in findings), Decimal(0)
        ),
    )
