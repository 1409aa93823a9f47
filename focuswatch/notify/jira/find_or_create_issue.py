"""The one issue of a finding: found again, or made, and never made while an earlier one may only be out of sight."""

from typing import Any

from focuswatch.errors import Refused, TryLater
from focuswatch.findings.finding import SEVERITIES, Finding
from focuswatch.notify.jira.client import JiraClient
from focuswatch.notify.jira.duplicate_issues import close_duplicate
from focuswatch.notify.jira.issue_fields import OPTIONAL, new_issue_fields
from focuswatch.notify.jira.issue_state import Issue, label_of
from focuswatch.notify.jira.jira_failures import FieldsRefused
from focuswatch.notify.jira.update_issue import IssueUpdate
from focuswatch.owners.owners_file import Jira

# Cloud's search shows a new issue after "a few seconds to minutes", with no bound given:
# https://developer.atlassian.com/cloud/jira/platform/search-and-reconcile/
# Until so long after an attempt that may have made one, not to find it proves nothing.
INDEX_LAG_SECONDS = 600.0


def find_issue(telling: IssueUpdate) -> Issue | None:
    """By the key that is written down, else by the label. Raises TryLater while Jira may not show it yet."""
    state, client = telling.state, telling.client
    known = client.get(state.key) if state.key else None
    if known:
        if known.key != state.key:  # it was moved into another project
            telling.keep(key=known.key, url=url_of(client, known.key))
        return known
    keys = client.with_label(label_of(telling.delivery.finding.fingerprint))
    oldest = client.get(keys[0]) if keys else None
    if oldest:
        for double in keys[1:]:
            close_duplicate(client, double, kept=oldest.key, target=telling.target)
        telling.keep(key=oldest.key, url=url_of(client, oldest.key), attempted_at=None)
        return oldest
    left = (state.attempted_at or 0) + INDEX_LAG_SECONDS - telling.clock()
    if left > 0:
        raise TryLater("an issue may have been made that Jira's search does not show yet", seconds=left)
    return None


def create_issue(telling: IssueUpdate) -> str:
    """Make it; what was done, in words."""
    fields = new_issue_fields(
        telling.delivery.finding,
        target=telling.target,
        description=telling.description,
        cloud=telling.client.cloud,
    )
    telling.keep(attempted_at=telling.clock(), key=None, url=None)
    try:
        key, left_out = _created(telling.client, fields)
    except (TryLater, Refused):
        telling.keep(attempted_at=None)  # nothing was made: the next one need not wait for the search
        raise
    telling.keep(key=key, url=url_of(telling.client, key), attempted_at=None, open=True, **telling.shown)
    return f"{key} created" + "".join(f", without its {name} ({why})" for name, why in left_out.items())


def is_wanted(finding: Finding, target: Jira | None) -> bool:
    """Whether a finding that has no issue is to have one."""
    return target is not None and SEVERITIES.index(finding.severity) >= SEVERITIES.index(
        target.least_severity
    )


def url_of(client: JiraClient, key: str) -> str:
    """Where a person reads it."""
    return f"{client.url.rstrip('/')}/browse/{key}"


def _created(client: JiraClient, fields: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The key, and what Jira did not take: that somebody left must not cost a team its issues."""
    try:
        return client.create(fields), {}
    except FieldsRefused as error:
        refused = {name: error.fields[name] for name in OPTIONAL if name in error.fields}
        if refused.keys() != error.fields.keys():
            raise
    return client.create({name: value for name, value in fields.items() if name not in refused}), refused
