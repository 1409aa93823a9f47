"""One piece of news and its issue: each step may be the last before a crash, and done again it does nothing twice.

The issue itself tells most of what was done: it is there, it is done and by whom, it has the comment. What it cannot
tell is written down before or right after: that an issue is about to be made, and which news was commented.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from focuswatch.findings.finding import SEVERITIES
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.notify.claims import Claim, Claims
from focuswatch.notify.jira import issue_text
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.closed_by_user import (
    is_closed_by_person,
    is_suppressed,
    mark_processed,
    record_exclusion,
)
from focuswatch.notify.jira.issue_fields import updated_fields
from focuswatch.notify.jira.issue_state import Issue, IssueState
from focuswatch.notify.jira.jira_failures import FieldsRefused
from focuswatch.notify.jira.workflow_transitions import apply_transition
from focuswatch.notify.queue_message import QueuedNotification
from focuswatch.owners.owners_file import Jira

COMMENT_DAYS = 7  # a change is commented at most so often; in between only the description follows
DAY_SECONDS = 86_400


@dataclass
class IssueUpdate:
    """The telling of `delivery` under our claim; `state` is what is known, and written down by `keep`."""

    delivery: QueuedNotification
    claim: Claim[IssueState]
    state: IssueState
    claims: Claims[IssueState]
    client: JiraClient
    ledger: Ledger
    target: Jira
    description: str
    clock: Callable[[], float]

    def keep(self, **changes: Any) -> None:
        """Write down, and go on. Raises Overtaken."""
        self.note(**changes)
        self.claims.keep(self.claim, self.state)

    def note(self, **changes: Any) -> None:
        """Change what is known; it is written down with what comes next."""
        self.state = self.state.model_copy(update=changes)

    def follow(self, issue: Issue) -> str | None:
        """Bring an issue that is there to where the news wants it; what was done, in words."""
        if issue.closing and is_closed_by_person(issue.closing, self.state):
            return self._closed_by_a_person(issue)
        if self.delivery.kind == "resolved":
            return self._close(issue)
        return self._update(issue) if self.state.open and not issue.closing else self._reopen(issue)

    def _closed_by_a_person(self, issue: Issue) -> str | None:
        """Their closing is respected for as long as its exclusion holds; then the finding speaks again."""
        finding, seen = self.delivery.finding, self.state.closing_seen
        if (
            self.delivery.kind == "resolved" and issue.closing
        ):  # it is gone, as they may have meant: nothing to exclude
            self.state = mark_processed(self.state, issue.closing)
            return None
        self.state = record_exclusion(
            self.state, issue=issue, fingerprint=finding.fingerprint, ledger=self.ledger, today=self.today
        )
        if is_suppressed(self.ledger, finding):
            return f"{issue.key} was closed by a person" if self.state.closing_seen != seen else None
        return self._reopen(issue)

    def _update(self, issue: Issue) -> str:
        self._edit(issue)
        text = self._worth_a_comment()
        if text:
            self._comment(text)
        self.note(**self.shown)
        return f"{issue.key} brought up to date" + (" and commented" if text else "")

    def _reopen(self, issue: Issue) -> str:
        """The comment goes first: where the step fails or is the last before a crash, it has been said."""
        excluded = self.state.closed_by_human
        self._comment(
            issue_text.render_reopened(self.delivery.finding, number=self.delivery.number, excluded=excluded)
        )
        refused = (
            apply_transition(self.client, issue.key, names=self.target.reopen, done=False)
            if issue.closing
            else None
        )
        if refused:
            return f"{issue.key} commented; it could not be reopened: {refused}"
        self._edit(issue)
        self.note(open=True, closed_by_human=False, **self.shown)
        return f"{issue.key} reopened"

    def _close(self, issue: Issue) -> str | None:
        if issue.closing and not self.state.open:
            return None
        self._comment(issue_text.render_resolved(self.delivery.finding, number=self.delivery.number))
        refused = (
            None
            if issue.closing
            else apply_transition(self.client, issue.key, names=self.target.done, done=True)
        )
        if refused:
            return f"{issue.key} commented; it could not be closed: {refused}"
        self.note(open=False, closed_by_human=False)
        return f"{issue.key} closed"

    def _edit(self, issue: Issue) -> None:
        """What people wrote stays theirs, and a field that the project does not let us change stays as it is."""
        fields = updated_fields(self.delivery.finding, target=self.target, description=self.description)
        if self.state.severity in (None, self.delivery.finding.severity):
            fields.pop("priority", None)
        ours = {name: value for name, value in fields.items() if name not in issue.edited}
        while ours:
            try:
                self.client.edit(issue.key, ours)
                return
            except FieldsRefused as error:
                if not error.fields.keys() & ours.keys():
                    raise
                ours = {name: value for name, value in ours.items() if name not in error.fields}

    def _worth_a_comment(self) -> str | None:
        finding, state, number = self.delivery.finding, self.state, self.delivery.number
        rose = state.severity and SEVERITIES.index(finding.severity) > SEVERITIES.index(state.severity)
        rested = self.clock() - (state.commented_at or 0) >= COMMENT_DAYS * DAY_SECONDS
        if rose or (self.delivery.kind == "changed" and rested):
            return issue_text.render_change(
                finding, number=number, cost=state.monthly_cost, severity=state.severity
            )
        if self.delivery.kind == "reminder" and self.target.remind and rested:
            return issue_text.render_reminder(finding, number=number)
        return None

    def _comment(self, body: str) -> None:
        """Once for each news: where it is not known whether it was said, the issue is asked first."""
        number, key = self.delivery.number, self.state.key or ""
        if self.state.commented == number:
            return
        doubtful = self.claim.unsure or self.claim.state is None
        if not (
            doubtful
            and self.client.has_comment_with(
                key, issue_text.comment_mark(self.delivery.finding.fingerprint, number)
            )
        ):
            self.client.comment(key, body)
        self.keep(commented=number, commented_at=self.clock())

    @property
    def shown(self) -> dict[str, Any]:
        """What the issue says of the finding once it is up to date."""
        return {
            "severity": self.delivery.finding.severity,
            "monthly_cost": self.delivery.finding.monthly_cost,
        }

    @property
    def today(self) -> date:
        """In UTC, as bills and ledgers count."""
        return datetime.fromtimestamp(self.clock(), UTC).date()
