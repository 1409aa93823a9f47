"""The requests to Jira that delivery needs, over REST v2, which Cloud and Data Center both support.

The `jira` package uses `/rest/api/2/search/jql` on Cloud, where `/search` was removed
(https://developer.atlassian.com/changelog/#CHANGE-2046), and `/rest/api/2/search` elsewhere. This module retries
nothing: a POST sent twice creates duplicates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from focuswatch.errors import Refused
from focuswatch.notify.jira.jira_errors_by_outcome import translate_errors
from focuswatch.notify.jira.parse_jira_issue import (
    COMMON_LABEL,
    FIELDS,
    Issue,
    Transition,
    account_of,
    issue_of,
    transition_of,
)

if TYPE_CHECKING:
    from jira import JIRA

CONNECT_SECONDS, READ_SECONDS = (
    5.0,
    30.0,
)  # several requests per notification must fit in a function's timeout
RECENT_DAYS = 8  # a sweep that did not run for a week still sees every closing
NOT_FOUND = 404
GOOD_RESOLUTIONS = ("Done", "Fixed", "Resolved")


class JiraSecret(BaseModel):
    """The Jira secret: with `email` an API token of Cloud, without it a personal access token of Data Center.

    https://confluence.atlassian.com/enterprise/using-personal-access-tokens-1026032365.html
    """

    model_config = ConfigDict(frozen=True)
    url: str = Field(pattern=r"^https://|^http://127\.0\.0\.1[:/]")  # the token must not be sent unencrypted
    token: str = Field(min_length=1, repr=False)
    email: str | None = None


@dataclass
class JiraClient:
    """A client for one Jira; it connects with the first request. Every method raises TryLater, Unsure or Refused."""

    url: str
    token: str = field(repr=False)
    email: str | None = None
    read_seconds: float = READ_SECONDS

    @classmethod
    def from_secret(cls, value: str) -> Self:
        """Read the secret. Raises Refused if its format is wrong, without showing its value."""
        try:
            secret = JiraSecret.model_validate_json(value)
        except ValidationError:
            raise Refused(
                'The Jira secret does not have the format {"url": "https://…", "email": "…", "token": "…"}. '
                "Correct the secret, then run focuswatch doctor."
            ) from None
        return cls(url=secret.url, token=secret.token, email=secret.email)

    @cached_property
    def cloud(self) -> bool:
        """Return whether this is Jira Cloud, which identifies people by account ids."""
        return bool(self._jira.deploymentType == "Cloud")

    def get(self, key: str) -> Issue | None:
        """Return the issue, also if it was moved and has another key now; None if deleted or not visible to us."""
        with translate_errors(f"reading {key}", writing=False):
            raw = self._or_none(lambda: self._jira.issue(key, fields=FIELDS, expand="changelog").raw)
        return issue_of(raw, me=self._me) if raw else None

    def with_label(self, label: str) -> list[str]:
        """Return the keys of all issues with the label, oldest first; new issues may be missing."""
        return [issue.key for issue in self._search(f'labels = "{label}" ORDER BY created ASC, key ASC')]

    def open_issues(self) -> list[Issue]:
        """Return our issues that are not done, oldest first; without changelogs."""
        return self._search(
            f'labels = "{COMMON_LABEL}" AND statusCategory != Done ORDER BY created ASC, key ASC'
        )

    def recently_done(self) -> list[Issue]:
        """Return our issues that are done and changed recently; without changelogs."""
        return self._search(
            f'labels = "{COMMON_LABEL}" AND statusCategory = Done AND updated >= -{RECENT_DAYS}d ORDER BY key ASC'
        )

    def create(self, fields: Mapping[str, Any]) -> str:
        """Create an issue. Return its key."""
        with translate_errors("creating an issue", writing=True):
            return str(self._jira.create_issue(fields=dict(fields), prefetch=False).key)

    def edit(self, key: str, fields: Mapping[str, Any]) -> None:
        """Set fields."""
        with translate_errors(f"changing {key}", writing=True):
            self._jira.issue(key, fields="summary").update(fields=dict(fields))

    def comment(self, key: str, body: str) -> None:
        """Add a comment."""
        with translate_errors(f"adding a comment to {key}", writing=True):
            self._jira.add_comment(key, body)

    def has_comment_with(self, key: str, mark: str) -> bool:
        """Return whether one of the newest 100 comments contains `mark`."""
        with translate_errors(f"reading comments of {key}", writing=False):
            comments = self._jira.comments(key, order_by="-created", max_results=100)
            return any(mark in str(comment.raw.get("body")) for comment in comments)

    def transitions(self, key: str) -> list[Transition]:
        """Return the transitions that are available to us now."""
        with translate_errors(f"reading transitions of {key}", writing=False):
            offered = self._jira.transitions(key, expand="transitions.fields")
            return [transition_of(raw) for raw in offered]

    def move(self, key: str, transition: Transition) -> None:
        """Apply a transition; if its screen has a resolution, set the first positive one."""
        names = transition.resolutions
        chosen = next((name for name in GOOD_RESOLUTIONS if name in names), next(iter(names), None))
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
