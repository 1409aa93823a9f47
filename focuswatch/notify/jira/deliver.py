"""Deliver notifications to Jira: exactly one issue per incident, even after errors and retries.

The issue describes the lead finding of the incident and lists the other findings. Its label contains the incident id.

Jira accepts no idempotency key. So a run claims the incident and stores that it is about to create an issue. If the
outcome of an earlier attempt is unknown, the next run searches for the issue by its label before it creates one.

Jira has no digests: `least_severity` in owners.toml keeps the number of issues low.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import TryLater
from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.notify.delivery_claims_and_state import RETRY_SECONDS, Claim, Claims
from focuswatch.notify.jira import issue_text_and_comments
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.edit_comment_close_or_reopen_issue import IssueUpdate
from focuswatch.notify.jira.exclude_when_person_closes_issue import EXCLUSION_DAYS
from focuswatch.notify.jira.find_or_create_issue import create_issue, find_issue, is_wanted
from focuswatch.notify.jira.issue_state_model import IssueState
from focuswatch.notify.jira.sweep_closed_and_duplicate_issues import Sweep, SweepSummary
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.teams_and_routing_sections import Jira


def no_query(_: Finding) -> str | None:
    """Return None: the issue has no link to a query."""
    return None


@dataclass
class JiraChannel:
    """Delivers notifications as issues.

    `query_url` returns the URL of the detection's query; `clock` returns seconds since 1970.
    """

    claims: Claims[IssueState]
    ledger: Ledger
    owners: Owners
    catalog: Catalog
    client: JiraClient
    clock: Callable[[], float]
    query_url: Callable[[Finding], str | None] = no_query

    def deliver(self, delivery: QueuedNotification) -> str | None:
        """Create or update the issue. Return what was done, for the log; None if there is nothing to do.

        Raises TryLater (nothing was created), Unsure (an issue may have been created) or Refused. Safe to repeat.
        """
        if delivery.in_incident:
            return f"{delivery.notification_id}: {delivery.kind}, part of the incident {delivery.finding.incident_id}"
        incident, target = delivery.finding.incident_id, self._target(delivery.finding)
        if target is None and not self._has_issue(incident):
            return None
        with self.claims.held(incident) as claim:
            return self._deliver(claim, delivery, target=target)

    def flush(self) -> Mapping[str, Exception]:
        """Return no errors: issues are not collected into digests."""
        return {}

    def sweep(self) -> SweepSummary:
        """Run the daily sweep: exclude the findings of issues that people closed, and close duplicate issues."""
        return Sweep(self.client, self.claims, self.ledger, self.owners, self.clock)()

    def _deliver(
        self, claim: Claim[IssueState], delivery: QueuedNotification, *, target: Jira | None
    ) -> str | None:
        state = claim.state or IssueState()
        finding = delivery.finding
        turn = delivery.when_to_deliver(
            state.number_of(finding), other_as_of=None if state.is_about(finding) else state.as_of
        )
        if turn == "wait":
            raise TryLater(
                f"{delivery.notification_id} arrived before the previous notification of the same finding",
                seconds=RETRY_SECONDS,
            )
        if turn == "done":
            return None
        update = IssueUpdate(
            delivery=delivery,
            claim=claim,
            state=state.led_by(finding),
            claims=self.claims,
            client=self.client,
            ledger=self.ledger,
            target=target or Jira(project=str(state.key).rpartition("-")[0]),
            description=self._description(delivery.finding),
            clock=self.clock,
        )
        issue = find_issue(update)
        if issue:
            done = update.update_existing(issue)
        else:
            is_over = delivery.kind in ("resolved", "saving_verified")
            creates = not is_over and is_wanted(delivery.finding, target)
            done = create_issue(update) if creates else None
        update.change(last_number=delivery.number, as_of=finding.as_of)
        self.claims.settle(claim, update.state)
        log = "; ".join(filter(None, (done, *update.failures)))
        return f"{delivery.notification_id}: {delivery.kind}, {log}" if log else None

    def _target(self, finding: Finding) -> Jira | None:
        """Return the Jira project for the finding's issue; None if there is none.

        Findings of a detection on trial, and rollouts across teams, go to the project for findings without an owner.
        """
        detection = self.catalog.detections.get(finding.detection)
        on_trial = detection is not None and detection.header.status == "trial"
        return self.owners.jira(None if on_trial or finding.spans_teams else finding.team)

    def _has_issue(self, incident: str) -> bool:
        state = self.claims.state_of(incident)
        return state is not None and state.key is not None

    def _description(self, finding: Finding) -> str:
        detection = self.catalog.detections.get(finding.detection)
        return issue_text_and_comments.render_description(
            finding,
            header=detection.header if detection else None,
            query_url=self.query_url(finding),
            days=EXCLUSION_DAYS,
        )
