"""A second issue about the same finding, made by hand or by a race that a lease could not stop."""

from focuswatch.errors import Refused
from focuswatch.notify.jira import issue_text
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.issue_state import COMMON_LABEL, label_of
from focuswatch.notify.jira.workflow_transitions import apply_transition
from focuswatch.owners.owners_file import Jira

LABEL = "focuswatch-double"


def close_duplicate(client: JiraClient, key: str, *, kept: str, target: Jira) -> str | None:
    """Close `key` with a comment that names the issue that is kept, and take it out of our search; else say why not.

    The labels go last: until then a crash leaves it to be retired again.
    """
    issue = client.get(key)
    if issue is None or issue.fingerprint is None:
        return None  # gone, or retired already and the search lags behind
    try:
        if not client.has_comment_with(key, issue_text.DUPLICATE_MARK):
            client.comment(key, issue_text.render_duplicate(kept))
        refused = (
            apply_transition(client, key, names=target.done, done=True) if issue.closing is None else None
        )
        ours = (COMMON_LABEL, label_of(issue.fingerprint))
        client.edit(key, {"labels": [*(one for one in issue.labels if one not in ours), LABEL]})
    except Refused as error:  # a project where we may not write, a closed issue that nobody may edit
        return f"{key} is a double of {kept}: {error}"
    return refused and f"{key} is a double of {kept} and could not be closed: {refused}"
