"""Close a duplicate issue of a finding: a clone that a person made, or an issue created after a lease expired."""

from focuswatch.errors import Refused
from focuswatch.notify.jira import issue_text_and_comments
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.labels_that_identify_incident_of_issue import (
    COMMON_LABEL,
    DUPLICATE_LABEL,
    label_of,
)
from focuswatch.notify.jira.workflow_transitions import apply_transition
from focuswatch.owners.teams_and_routing_sections import Jira


def close_duplicate(client: JiraClient, key: str, *, kept: str, target: Jira) -> str | None:
    """Close `key` with a comment that names the kept issue, and remove its focuswatch labels.

    Return an error text, or None. The labels are removed last, so that the next run repeats all steps after a crash.
    """
    issue = client.get(key)
    if issue is None or issue.incident_id is None:
        return None  # deleted, already closed as a duplicate, or someone removed its labels
    try:
        if not client.has_comment_with(key, issue_text_and_comments.DUPLICATE_MARK):
            client.comment(key, issue_text_and_comments.render_duplicate(kept))
        refused = (
            apply_transition(client, key, names=target.done, done=True) if issue.closing is None else None
        )
        our_labels = (COMMON_LABEL, label_of(issue.incident_id))
        client.edit(
            key, {"labels": [*(label for label in issue.labels if label not in our_labels), DUPLICATE_LABEL]}
        )
    except Refused as error:  # no write permission, or a closed issue that cannot be edited
        return f"{key} is a duplicate of {kept}: {error}"
    return refused and f"{key} is a duplicate of {kept} and could not be closed: {refused}"
