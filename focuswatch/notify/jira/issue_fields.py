"""Build the fields of an issue from a finding and the Jira section of its team in owners.toml. Sends no request."""

from typing import Any

from focuswatch.findings.finding import Finding
from focuswatch.notify.jira import issue_text_and_comments
from focuswatch.notify.jira.labels_that_identify_incident_of_issue import COMMON_LABEL, label_of
from focuswatch.owners.teams_and_routing_sections import Jira

OPTIONAL = ("priority", "components", "assignee")  # left out if Jira refuses them


def new_issue_fields(finding: Finding, *, target: Jira, description: str, cloud: bool) -> dict[str, Any]:
    """Return all fields of a new issue, by their names in Jira.

    https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-issues/#api-rest-api-2-issue-post
    """
    labels = [COMMON_LABEL, label_of(finding.incident_id), *target.labels]
    fields: dict[str, Any] = {
        "project": {"key": target.project},
        "issuetype": {"name": target.issue_type},
        "labels": list(dict.fromkeys(labels)),
        **updated_fields(finding, target=target, description=description),
    }
    if target.component:
        fields["components"] = [{"name": target.component}]
    # Cloud has no user names:
    # https://developer.atlassian.com/cloud/jira/platform/deprecation-notice-user-privacy-api-migration-guide/
    if target.assignee:
        fields["assignee"] = {"accountId" if cloud else "name": target.assignee}
    return fields


def updated_fields(finding: Finding, *, target: Jira, description: str) -> dict[str, Any]:
    """Return the fields that change with the finding."""
    priority = target.priority.get(finding.incident_severity)
    return {
        "summary": issue_text_and_comments.render_summary(finding),
        "description": description,
        **({"priority": {"name": priority}} if priority else {}),
    }
