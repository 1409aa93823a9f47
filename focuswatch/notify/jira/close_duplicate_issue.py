"""Close a second issue about the same finding: a clone, or the result of a race after an expired lease."""

from focuswatch.errors import Refused
from focuswatch.notify.jira import issue_text_and_comments
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.parse_jira_issue import COMMON_LABEL, label_of
from focuswatch.notify.jira.workflow_transitions import apply_transition
from focuswatch.owners.owners_file_and_assignment import Jira

LABEL = "focuswatch-double"  # on issues that exist already


def close_duplicate(client: JiraClient, key: str, *, kept: str, target: Jira) -> str | None:
    """Close `key` with a comment that names the kept issue, and remove our labels. Return an error text, or None.

    The labels are removed last, so that after a crash the next run repeats it.
    """
    issue = client.get(key)
    if issue is None or issue.fingerprint is None:
        return None  # deleted, or closed already and the search index is behind
    try:
        if not client.has_comment_with(key, issue_text_and_comments.DUPLICATE_MARK):
            client.comment(key, issue_text_and_comments.render_duplicate(kept))
        refused = (
            apply_transition(client, key, names=target.done, done=True) if issue.closing is None else None
        )
        our_labels = (COMMON_LABEL, label_of(issue.fingerprint))
        client.edit(key, {"labels": [*(label for label in issue.labels if label not in our_labels), LABEL]})
    except Refused as error:  # no write permission, or a closed issue that cannot be edited
        return f"{key} is a duplicate of {kept}: {error}"
    return refused and f"{key} is a duplicate of {kept} and could not be closed: {refused}"
