"""Find or create the issue of a finding, without a duplicate while a new issue is missing from Jira's search index."""

from typing import Any

from focuswatch.errors import Refused, TryLater
from focuswatch.findings.finding import Finding
from focuswatch.findings.severity import SEVERITIES
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.close_duplicate_issue import close_duplicate
from focuswatch.notify.jira.edit_comment_close_or_reopen_issue import IssueUpdate
from focuswatch.notify.jira.issue_fields import OPTIONAL, new_issue_fields
from focuswatch.notify.jira.jira_errors_by_outcome import FieldsRefused
from focuswatch.notify.jira.labels_that_identify_incident_of_issue import label_of
from focuswatch.notify.jira.parse_issue_changelog_and_available_transitions import Issue
from focuswatch.owners.teams_and_routing_sections import Jira

# On Jira Cloud, a search finds a new issue only after "a few seconds to minutes", without an upper bound:
# https://developer.atlassian.com/cloud/jira/platform/search-and-reconcile/
# Until this time after an attempt, an empty search result does not prove that no issue exists.
INDEX_LAG_SECONDS = 600.0


def find_issue(update: IssueUpdate) -> Issue | None:
    """Return the issue by its stored key or by its label; None if no issue exists.

    Raises TryLater while an earlier attempt may have created an issue that the search does not find yet.
    """
    state, client = update.state, update.client
    issue = client.get(state.key) if state.key else None
    if issue:
        if issue.key != state.key:  # moved to another project
            update.store(key=issue.key, url=url_of(client, issue.key))
        return issue
    keys = client.keys_with_label(label_of(update.delivery.finding.incident_id))
    oldest = client.get(keys[0]) if keys else None
    if oldest:
        for duplicate in keys[1:]:
            if failure := close_duplicate(client, duplicate, kept=oldest.key, target=update.target):
                update.failures.append(failure)
        update.store(key=oldest.key, url=url_of(client, oldest.key), attempted_at=None)
        return oldest
    left = (state.attempted_at or 0) + INDEX_LAG_SECONDS - update.clock()
    if left > 0:
        raise TryLater(
            "an earlier attempt may have created an issue that the search does not show yet", seconds=left
        )
    return None


def create_issue(update: IssueUpdate) -> str:
    """Create the issue. Return what was done, for the log."""
    fields = new_issue_fields(
        update.delivery.finding,
        target=update.target,
        description=update.description,
        cloud=update.client.cloud,
    )
    update.store(attempted_at=update.clock(), key=None, url=None)
    try:
        key, left_out = _created(update.client, fields)
    except (TryLater, Refused):
        update.store(attempted_at=None)  # nothing was created, so the next attempt can start at once
        raise
    update.store(key=key, url=url_of(update.client, key), attempted_at=None, open=True, **update.displayed)
    return f"{key} created" + "".join(f", without its {name} ({why})" for name, why in left_out.items())


def is_wanted(finding: Finding, target: Jira | None) -> bool:
    """Return whether to create an issue for the finding: it has a project and at least `least_severity`."""
    return target is not None and SEVERITIES.index(finding.incident_severity) >= SEVERITIES.index(
        target.least_severity
    )


def url_of(client: JiraClient, key: str) -> str:
    """Return the URL of the issue's page."""
    return f"{client.url.rstrip('/')}/browse/{key}"


def _created(client: JiraClient, fields: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Create the issue; if Jira refuses optional fields (such as an assignee who left), create it without them.

    Return the key, and the reason for each field that was left out.
    """
    try:
        return client.create(fields), {}
    except FieldsRefused as error:
        refused = {name: error.fields[name] for name in OPTIONAL if name in error.fields}
        if refused.keys() != error.fields.keys():
            raise
    return client.create({name: value for name, value in fields.items() if name not in refused}), refused
