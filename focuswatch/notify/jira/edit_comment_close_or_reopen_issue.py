"""Update the issue of a finding for one notification. Safe to repeat after a crash between any two steps.

Jira itself shows most completed steps: that the issue exists, who closed it, which comments it has. The stored state
has the other two: that a run is about to create an issue, and the last notification that has a comment.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from focuswatch.findings.finding_amount_and_age_text import main_cost
from focuswatch.findings.severity import SEVERITIES
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.notify.delivery_claims_and_state import Claim, Claims
from focuswatch.notify.jira import issue_text_and_comments
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.exclude_when_person_closes_issue import (
    is_closed_by_person,
    is_suppressed,
    mark_processed,
    record_exclusion,
)
from focuswatch.notify.jira.issue_fields import updated_fields
from focuswatch.notify.jira.issue_state_model import IssueState
from focuswatch.notify.jira.jira_errors_by_outcome import FieldsRefused
from focuswatch.notify.jira.parse_issue_changelog_and_available_transitions import Issue
from focuswatch.notify.jira.workflow_transitions import apply_transition
from focuswatch.notify.parse_queued_notification_and_decide_when_to_deliver import QueuedNotification
from focuswatch.owners.teams_and_routing_sections import Jira

COMMENT_DAYS = 7  # minimum time between comments on changes; in between, only the description is updated
DAY_SECONDS = 86_400


@dataclass
class IssueUpdate:
    """The update of an issue for the notification `delivery`, while the run holds `claim` on the incident."""

    delivery: QueuedNotification
    claim: Claim[IssueState]
    state: IssueState
    claims: Claims[IssueState]
    client: JiraClient
    ledger: Ledger
    target: Jira
    description: str
    clock: Callable[[], float]
    failures: list[str] = field(default_factory=list)  # duplicates that could not be closed, for the log

    def store(self, **changes: Any) -> None:
        """Change the state and store it at once. Raises ClaimLost."""
        self.change(**changes)
        self.claims.keep(self.claim, self.state)

    def change(self, **changes: Any) -> None:
        """Change the state without storing it; the next `store`, or the end of the delivery, stores it."""
        self.state = self.state.model_copy(update=changes)

    def update_existing(self, issue: Issue) -> str | None:
        """Update an existing issue. Return what was done, for the log."""
        if self.delivery.kind == "saving_verified":
            return self._comment_saving(issue)
        if issue.closing and is_closed_by_person(issue.closing, self.state):
            return self._respect_closing(issue)
        if self.delivery.kind == "resolved":
            return self._close(issue)
        return self._update(issue) if self.state.open and not issue.closing else self._reopen(issue)

    def _respect_closing(self, issue: Issue) -> str | None:
        """Keep the issue closed while its exclusion is active; after that, reopen it."""
        finding, processed = self.delivery.finding, self.state.processed_closing
        # A resolved finding needs no exclusion, and the person may have closed the issue because it is resolved.
        if self.delivery.kind == "resolved" and issue.closing:
            self.state = mark_processed(self.state, issue.closing)
            return None
        self.state = record_exclusion(
            self.state, issue=issue, incident=finding.incident_id, ledger=self.ledger, today=self.today
        )
        if is_suppressed(self.ledger, finding):
            return f"{issue.key} was closed by a user" if self.state.processed_closing != processed else None
        return self._reopen(issue)

    def _update(self, issue: Issue) -> str:
        self._edit(issue)
        text = self._comment_text()
        if text:
            self._comment(text)
        self.change(**self.displayed)
        return f"{issue.key} updated" + (" and commented" if text else "")

    def _reopen(self, issue: Issue) -> str:
        """Reopen the issue after a comment, which comes first in case the transition fails or the run crashes."""
        excluded = self.state.closed_by_person
        self._comment(
            issue_text_and_comments.render_reopened(
                self.delivery.finding, number=self.delivery.number, excluded=excluded
            )
        )
        refused = (
            apply_transition(self.client, issue.key, names=self.target.reopen, done=False)
            if issue.closing
            else None
        )
        if refused:
            return f"commented on {issue.key}; reopening failed: {refused}"
        self._edit(issue)
        self.change(open=True, closed_by_person=False, **self.displayed)
        return f"{issue.key} reopened"

    def _close(self, issue: Issue) -> str | None:
        if issue.closing and not self.state.open:
            return None
        self._comment(
            issue_text_and_comments.render_resolved(self.delivery.finding, number=self.delivery.number)
        )
        refused = (
            None
            if issue.closing
            else apply_transition(self.client, issue.key, names=self.target.done, done=True)
        )
        if refused:
            return f"commented on {issue.key}; closing failed: {refused}"
        self.change(open=False, closed_by_person=False)
        return f"{issue.key} closed"

    def _comment_saving(self, issue: Issue) -> str:
        """Add a comment on the savings, no matter who closed the issue, and leave its status unchanged."""
        self._comment(
            issue_text_and_comments.render_saving(self.delivery.finding, number=self.delivery.number)
        )
        return f"{issue.key} commented"

    def _edit(self, issue: Issue) -> None:
        """Edit the issue, except fields that people have changed or that Jira refuses to change."""
        fields = updated_fields(self.delivery.finding, target=self.target, description=self.description)
        if self.state.severity in (None, self.delivery.finding.incident_severity):
            fields.pop("priority", None)
        editable = {name: value for name, value in fields.items() if name not in issue.edited}
        while editable:
            try:
                self.client.edit(issue.key, editable)
                return
            except FieldsRefused as error:
                if not error.fields.keys() & editable.keys():
                    raise
                editable = {name: value for name, value in editable.items() if name not in error.fields}

    def _comment_text(self) -> str | None:
        finding, state, number = self.delivery.finding, self.state, self.delivery.number
        is_more_severe = state.severity and SEVERITIES.index(finding.incident_severity) > SEVERITIES.index(
            state.severity
        )
        is_due = self.clock() - (state.commented_at or 0) >= COMMENT_DAYS * DAY_SECONDS
        if is_more_severe or (self.delivery.kind == "changed" and is_due):
            return issue_text_and_comments.render_change(
                finding, number=number, cost=state.main_cost, severity=state.severity
            )
        if self.delivery.kind == "reminder" and self.target.remind and is_due:
            return issue_text_and_comments.render_reminder(finding, number=number)
        return None

    def _comment(self, body: str) -> None:
        """Add one comment per notification. If an earlier attempt may have added it, search the comments first."""
        number, key = self.delivery.number, self.state.key or ""
        if self.state.commented == number:
            return
        is_unsure = self.claim.unsure or self.claim.state is None
        if not (
            is_unsure
            and self.client.has_comment_with(
                key, issue_text_and_comments.comment_mark(self.delivery.finding.fingerprint, number)
            )
        ):
            self.client.comment(key, body)
        self.store(commented=number, commented_at=self.clock())

    @property
    def displayed(self) -> dict[str, Any]:
        """Return the state fields with the severity and cost that the issue shows after the update."""
        return {
            "severity": self.delivery.finding.incident_severity,
            "main_cost": main_cost(self.delivery.finding),
        }

    @property
    def today(self) -> date:
        """Return the current day in UTC, which bills and the ledger use."""
        return datetime.fromtimestamp(self.clock(), UTC).date()
