"""Exclude the findings of an issue that a person closed from notifications for 90 days, in the ledger."""

from datetime import date, timedelta

from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.ledger.open_and_suppressible_incident_findings import suppressible
from focuswatch.ledger.suppression import ISSUE_SOURCE, Suppression
from focuswatch.notify.jira.issue_state_model import IssueState
from focuswatch.notify.jira.parse_issue_changelog_and_available_transitions import Closing, Issue

EXCLUSION_DAYS = 90  # from the day on which the issue was closed


def is_closed_by_person(closing: Closing, state: IssueState) -> bool:
    """Return whether a person closed the issue.

    If Jira has no author for the change, a person closed it unless the stored state says that focuswatch did.
    """
    return not closing.by_us and (closing.by is not None or state.open)


def record_exclusion(
    state: IssueState, *, issue: Issue, incident: str, ledger: Ledger, today: date
) -> IssueState:
    """Add one exclusion for each open finding of the incident to the ledger. Return the new state of the issue.

    Does nothing if this closing of the issue was processed before.
    """
    closing = issue.closing
    if closing is None or state.processed_closing == closing.id:
        return state
    existing = [suppression.model_copy(update={"id": 0}) for suppression in ledger.suppressions()]
    for fingerprint in suppressible(incident, ledger.entries()):
        exclusion = _exclusion(issue, closing, fingerprint=fingerprint, today=today)
        if exclusion.is_active_on(today) and exclusion not in existing:
            ledger.add_suppression(exclusion)
    return mark_processed(state, closing)


def mark_processed(state: IssueState, closing: Closing) -> IssueState:
    """Return the state after a person closed the issue, whether or not an exclusion was recorded."""
    return state.model_copy(update={"open": False, "closed_by_person": True, "processed_closing": closing.id})


def is_suppressed(ledger: Ledger, finding: Finding) -> bool:
    """Return whether an active suppression covers the finding. People can remove an exclusion that was recorded."""
    return any(
        suppression.covers(finding) and suppression.is_active_on(finding.as_of)
        for suppression in ledger.suppressions()
    )


def _exclusion(issue: Issue, closing: Closing, *, fingerprint: str, today: date) -> Suppression:
    since = closing.on or today
    return Suppression(
        scope="fingerprint",
        value=fingerprint,
        author=closing.by or "Jira",
        reason=f"closed {issue.key}" + (f" as {issue.resolution}" if issue.resolution else ""),
        since=since,
        until=since + timedelta(days=EXCLUSION_DAYS),
        source=f"{ISSUE_SOURCE}{issue.key} {closing.id}",
    )
