"""Jira in the few words that focuswatch needs of it, over REST v2, which Cloud and Data Center both speak.

The `jira` package asks `/rest/api/2/search/jql` on Cloud, where `/search` is gone
(https://developer.atlassian.com/changelog/#CHANGE-2046), and `/rest/api/2/search` elsewhere. Nothing is tried again in
here: a POST that is sent twice makes doubles.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from focuswatch.errors import Refused
from focuswatch.notify.jira.issue_state import (
    COMMON_LABEL,
    FIELDS,
    Issue,
    Transition,
    account_of,
    issue_of,
    transition_of,
)
from focuswatch.notify.jira.jira_failures import translate_errors

if TYPE_CHECKING:
    from jira import JIRA

CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0  # several requests a news must end within a Lambda's time
LATELY_DAYS = 8  # a week and a day: a sweep that fell out for a week still sees every closing
NOT_FOUND = 404
GOOD_RESOLUTIONS = ("Done", "Fixed", "Resolved")


class JiraSecret(BaseModel):
    """What the secret holds; with `email` an API token of Cloud, without it a personal access token of Data Center.

    https://confluence.atlassian.com/enterprise/using-personal-access-tokens-1026032365.html
    """

    model_config = ConfigDict(frozen=True)
    url: str = Field(pattern=r"^https://|^http://127\.0\.0\.1[:/]")  # or the token would travel in the open
    token: str = Field(min_length=1, repr=False)
    email: str | None = None


@dataclass
class JiraClient:
    """One Jira; it is connected to when it is first asked. Every method raises TryLater, Unsure or Refused."""

    url: str
    token: str = field(repr=False)
    email: str | None = None
    read_seconds: float = READ_SECONDS

    @classmethod
    def from_secret(cls, value: str) -> Self:
        """Raises Refused where the secret is not shaped as it should be; its value is not shown."""
        try:
            secret = JiraSecret.model_validate_json(value)
        except ValidationError:
            raise Refused(
                'the secret of Jira is not {"url": "https://…", "email": "…", "token": "…"}'
            ) from None
        return cls(url=secret.url, token=secret.token, email=secret.email)

    @cached_property
    def cloud(self) -> bool:
        """Whether people are named by account ids."""
        return bool(self._jira.deploymentType == "Cloud")

    def get(self, key: str) -> Issue | None:
        """The issue, also where it was moved and has another key now; None where it is gone or hidden from us."""
        with translate_errors(f"reading {key}", writing=False):
            raw = self._or_none(lambda: self._jira.issue(key, fields=FIELDS, expand="changelog").raw)
        return issue_of(raw, me=self._me) if raw else None

    def with_label(self, label: str) -> list[str]:
        """Keys of all issues that have it, done or not, oldest first; issues just made may be missing."""
        return [one.key for one in self._search(f'labels = "{label}" ORDER BY created ASC, key ASC')]

    def open_issues(self) -> list[Issue]:
        """All issues of ours that are not done, oldest first; without what their changelogs tell."""
        return self._search(
            f'labels = "{COMMON_LABEL}" AND statusCategory != Done ORDER BY created ASC, key ASC'
        )

    def recently_done(self) -> list[Issue]:
        """Issues of ours that are done and were changed lately; without what their changelogs tell."""
        return self._search(
            f'labels = "{COMMON_LABEL}" AND statusCategory = Done AND updated >= -{LATELY_DAYS}d ORDER BY key ASC'
        )

    def create(self, fields: Mapping[str, Any]) -> str:
        """The key of a new issue."""
        with translate_errors("creating an issue", writing=True):
            return str(self._jira.create_issue(fields=dict(fields), prefetch=False).key)

    def edit(self, key: str, fields: Mapping[str, Any]) -> None:
        """Set fields."""
        with translate_errors(f"changing {key}", writing=True):
            self._jira.issue(key, fields="summary").update(fields=dict(fields))

    def comment(self, key: str, body: str) -> None:
        """Add a comment."""
        with translate_errors(f"commenting {key}", writing=True):
            self._jira.add_comment(key, body)

    def has_comment_with(self, key: str, mark: str) -> bool:
        """Whether a comment has `mark` in it, among the newest that Jira gives."""
        with translate_errors(f"reading comments of {key}", writing=False):
            found = self._jira.comments(key, order_by="-created", max_results=100)
            return any(mark in str(one.raw.get("body")) for one in found)

    def transitions(self, key: str) -> list[Transition]:
        """What the issue offers us now."""
        with translate_errors(f"reading transitions of {key}", writing=False):
            offered = self._jira.transitions(key, expand="transitions.fields")
            return [transition_of(one) for one in offered]

    def move(self, key: str, transition: Transition) -> None:
        """Do a transition; where its screen has a resolution, with the first good one."""
        names = transition.resolutions
        chosen = next((one for one in GOOD_RESOLUTIONS if one in names), next(iter(names), None))
        fields = {"resolution": {"name": chosen}} if chosen and transition.to_done else {}
        with translate_errors(f"moving {key} by '{transition.name}'", writing=True):
            self._jira.transition_issue(key, transition.id, fields=fields)

    def _search(self, jql: str) -> list[Issue]:
        with translate_errors("searching", writing=False):
            found: Any = self._jira.search_issues(jql, maxResults=False, fields=FIELDS)
            return [issue_of(one.raw, me=self._me) for one in found]

    def _or_none(self, ask: Any) -> Any:
        from jira.exceptions import JIRAError

        try:
            return ask()
        except JIRAError as error:
            if error.status_code == NOT_FOUND:
                return None
            raise

    @cached_property
    def _me(self) -> str:
        with translate_errors("asking who we are", writing=False):
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
