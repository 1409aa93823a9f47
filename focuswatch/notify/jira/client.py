"""Send the requests that delivery needs to Jira, through REST API v2, which Cloud and Data Center both support.

The `jira` package uses `/rest/api/2/search/jql` on Cloud, where `/search` was removed
(https://developer.atlassian.com/changelog/#CHANGE-2046), and `/rest/api/2/search` on Data Center. This module never
retries a request, because a repeated POST creates a duplicate.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from focuswatch.notify.jira.jira_errors_by_outcome import translate_errors
from focuswatch.notify.jira.labels_that_identify_incident_of_issue import COMMON_LABEL
from focuswatch.notify.jira.parse_issue_changelog_and_available_transitions import (
    FIELDS,
    Issue,
    Transition,
    account_of,
    issue_of,
    transition_of,
)
from focuswatch.notify.jira.parse_jira_secret import JiraSecret

if TYPE_CHECKING:
    from jira import JIRA

# Several requests per notification must fit in the timeout of the Lambda function.
CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
# More than a week, so that a sweep that did not run for a week still finds every closed issue.
RECENT_DAYS = 8
NOT_FOUND = 404
POSITIVE_RESOLUTIONS = ("Done", "Fixed", "Resolved")


@dataclass
class JiraClient:
    """A client for one Jira site. Connects on the first request. Every method raises TryLater, Unsure or Refused."""

    url: str
    token: str = field(repr=False)
    email: str | None = None
    read_seconds: float = READ_SECONDS

    @classmethod
    def from_secret(cls, value: str) -> Self:
        """Return the client for the secret. Raises Refused if its format is wrong, without showing its value."""
        secret = JiraSecret.read(value)
        return cls(url=secret.url, token=secret.token, email=secret.email)

    @cached_property
    def cloud(self) -> bool:
        """Return whether this is Jira Cloud, which identifies people by account ids."""
        return bool(self._jira.deploymentType == "Cloud")

    def get(self, key: str) -> Issue | None:
        """Return the issue, also under the new key of a moved issue; None if it was deleted or is not visible."""
        with translate_errors(f"reading {key}", writing=False):
            raw = self._or_none(lambda: self._jira.issue(key, fields=FIELDS, expand="changelog").raw)
        return issue_of(raw, me=self._me) if raw else None

    def keys_with_label(self, label: str) -> list[str]:
        """Return the keys of all issues with the label, oldest first. Issues created minutes ago may be missing."""
        return [issue.key for issue in self._search(f'labels = "{label}" ORDER BY created ASC, key ASC')]

    def open_issues(self) -> list[Issue]:
        """Return the open focuswatch issues, oldest first, without their changelogs."""
        return self._search(
            f'labels = "{COMMON_LABEL}" AND statusCategory != Done ORDER BY created ASC, key ASC'
        )

    def recently_done(self) -> list[Issue]:
        """Return the done focuswatch issues that changed in the last RECENT_DAYS, without their changelogs."""
        return self._search(
            f'labels = "{COMMON_LABEL}" AND statusCategory = Done AND updated >= -{RECENT_DAYS}d ORDER BY key ASC'
        )

    def create(self, fields: Mapping[str, Any]) -> str:
        """Create an issue and return its key."""
        with translate_errors("creating an issue", writing=True):
            return str(self._jira.create_issue(fields=dict(fields), prefetch=False).key)

    def edit(self, key: str, fields: Mapping[str, Any]) -> None:
        """Set fields of an issue."""
        with translate_errors(f"changing {key}", writing=True):
            self._jira.issue(key, fields="summary").update(fields=dict(fields))

    def comment(self, key: str, body: str) -> None:
        """Add a comment to an issue."""
        with translate_errors(f"adding a comment to {key}", writing=True):
            self._jira.add_comment(key, body)

    def has_comment_with(self, key: str, mark: str) -> bool:
        """Return whether one of the newest 100 comments contains `mark`."""
        with translate_errors(f"reading comments of {key}", writing=False):
            comments = self._jira.comments(key, order_by="-created", max_results=100)
            return any(mark in str(comment.raw.get("body")) for comment in comments)

    def transitions(self, key: str) -> list[Transition]:
        """Return the transitions that are available to the token's account in the current status of the issue."""
        with translate_errors(f"reading transitions of {key}", writing=False):
            offered = self._jira.transitions(key, expand="transitions.fields")
            return [transition_of(raw) for raw in offered]

    def transition_issue(self, key: str, transition: Transition) -> None:
        """Apply a transition. If it closes the issue and offers resolutions, set a positive one, or else the first."""
        names = transition.resolutions
        chosen = next((name for name in POSITIVE_RESOLUTIONS if name in names), next(iter(names), None))
        fields = {"resolution": {"name": chosen}} if chosen and transition.to_done else {}
        with translate_errors(f"moving {key} by '{transition.name}'", writing=True):
            self._jira.transition_issue(key, transition.id, fields=fields)

    def _search(self, jql: str) -> list[Issue]:
        with translate_errors("searching", writing=False):
            issues: Any = self._jira.search_issues(jql, maxResults=False, fields=FIELDS)
            return [issue_of(issue.raw, me=self._me) for issue in issues]

    def _or_none(self, request: Any) -> Any:
        from jira.exceptions import JIRAError

        try:
            return request()
        except JIRAError as error:
            if error.status_code == NOT_FOUND:
                return None
            raise

    @cached_property
    def _me(self) -> str:
        with translate_errors("reading the Jira account that owns the token", writing=False):
            return account_of(self._jira.myself())

    @cached_property
    def _jira(self) -> "JIRA":
        from jira import JIRA

        with translate_errors(f"connecting to {self.url}", writing=False):
            return JIRA(
                server=self.url,
                basic_auth=(self.email, self.token) if self.email else None,
                token_auth=None if self.email else self.token,
                max_retries=0,
                timeout=(CONNECT_SECONDS, self.read_seconds),
                logging=False,
            )
