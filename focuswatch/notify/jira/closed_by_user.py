"""An issue that a person closed: their word, kept in the ledger as an exclusion that runs out."""

from datetime import date, timedelta

from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_entry import Suppression
from focuswatch.ledger.ledger_protocol import Ledger
from focuswatch.notify.jira.issue_state import Closing, Issue, IssueState

EXCLUSION_DAYS = 90  # from the day on which it was closed


def is_closed_by_person(closing: Closing, state: IssueState) -> bool:
    """Whether it is somebody else's; where Jira does not say whose, what we closed ourselves is written down."""
    return not closing.ours and (closing.by is not None or state.open)


def record_exclusion(
    state: IssueState, *, issue: Issue, fingerprint: str, ledger: Ledger, today: date
) -> IssueState:
    """What is known after a closing was looked at; the exclusion is in the ledger then, once for each closing."""
    closing = issue.closing
    if closing is None or state.closing_seen == closing.id:
        return state
    entry = ledger.entries().get(fingerprint)
    if entry is not None and not entry.finding.suppressible_by_team:
        return mark_processed(state, closing)  # the project of a team that only a resource's own tag names
    silence = _exclusion(issue, closing, fingerprint=fingerprint, today=today)
    kept = (one.model_copy(update={"id": 0}) for one in ledger.suppressions())
    if silence.is_active_on(today) and silence not in kept:
        ledger.add_suppression(silence)
    return mark_processed(state, closing)


def mark_processed(state: IssueState, closing: Closing) -> IssueState:
    """What is known of a closing that excludes nothing."""
    return state.model_copy(update={"open": False, "closed_by_human": True, "closing_seen": closing.id})


def is_suppressed(ledger: Ledger, finding: Finding) -> bool:
    """Whether somebody's word still holds that this is not to be told; they may have taken it back."""
    return any(one.covers(finding) and one.is_active_on(finding.as_of) for one in ledger.suppressions())


def _exclusion(issue: Issue, closing: Closing, *, fingerprint: str, today: date) -> Suppression:
    since = closing.on or today
    return Suppression(
        scope="fingerprint",
        value=fingerprint,
        author=closing.by or "Jira",
        reason=f"closed in {issue.key}" + (f" as {issue.resolution}" if issue.resolution else ""),
        since=since,
        until=since + timedelta(days=EXCLUSION_DAYS),
        source=f"jira {issue.key} {closing.id}",
    )
