"""An issue as Jira returns it: its labels, who closed it, and its transitions. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

COMMON_LABEL = "focuswatch"  # on all our issues: JQL cannot search for the prefix of a label
LABEL_PREFIX = "focuswatch-"
FIELDS = "summary,labels,status,resolution,created"  # the fields of an Issue, besides its changelog
DONE = "done"  # https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-workflow-status-categories/


@dataclass(frozen=True)
class Closing:
    """Who closed an issue (`by`; None: unknown to Jira), whether that was our account, and when."""

    id: str
    by: str | None
    by_us: bool
    on: date | None


@dataclass(frozen=True)
class Issue:
    """The current state of an issue; `closing` is None while it is not done.

    `edited` are the fields that others have changed since we created it; we do not overwrite them.
    """

    key: str
    created: str
    labels: tuple[str, ...]
    resolution: str | None
    closing: Closing | None
    edited: frozenset[str]

    @property
    def fingerprint(self) -> str | None:
        """Return the id of its incident, from its labels: the fingerprint of the finding that led it first."""
        our_labels = (label for label in self.labels if label.startswith(LABEL_PREFIX))
        return next((label.removeprefix(LABEL_PREFIX) for label in our_labels), None)


@dataclass(frozen=True)
class Transition:
    """An available transition of an issue; `needs` are required fields without a default."""

    id: str
    name: str
    to_done: bool
    needs: tuple[str, ...]
    resolutions: tuple[str, ...]


def label_of(fingerprint: str) -> str:
    """Return the label that identifies the issue of an incident; of a finding by itself, the id is its fingerprint."""
    return LABEL_PREFIX + fingerprint


def issue_of(raw: Mapping[str, Any], *, me: str) -> Issue:
    """Read an issue from Jira's JSON; `me` is our own account."""
    fields = raw["fields"]
    histories = sorted(raw.get("changelog", {}).get("histories", ()), key=_when)  # Cloud has the newest first
    by_others = [history for history in histories if account_of(history.get("author")) != me]
    done = fields["status"]["statusCategory"]["key"] == DONE
    return Issue(
        key=raw["key"],
        created=fields["created"],
        labels=tuple(fields.get("labels") or ()),
        resolution=(fields.get("resolution") or {}).get("name"),
        closing=_closing(fields["status"]["id"], histories, me=me) if done else None,
        edited=frozenset(item["field"] for history in by_others for item in history["items"]),
    )


def transition_of(raw: Mapping[str, Any]) -> Transition:
    """Read a transition from Jira's JSON, requested with its fields."""
    fields: Mapping[str, Any] = raw.get("fields") or {}
    resolution = fields.get("resolution", {})
    required = [
        name
        for name, details in fields.items()
        if details.get("required") and not details.get("hasDefaultValue")
    ]
    return Transition(
        id=raw["id"],
        name=raw["name"],
        to_done=raw["to"]["statusCategory"]["key"] == DONE,
        needs=tuple(name for name in required if name != "resolution"),
        resolutions=tuple(value["name"] for value in resolution.get("allowedValues", ())),
    )


def account_of(author: Mapping[str, Any] | None) -> str:
    """Return the id of a Jira user: an account id on Cloud, a user name on Data Center."""
    return str((author or {}).get("accountId") or (author or {}).get("name") or "")


def _when(history: Mapping[str, Any]) -> tuple[datetime, int]:
    return datetime.fromisoformat(history["created"]), int(history["id"])


def _closing(status: str, histories: list[Any], *, me: str) -> Closing:
    moves = [
        history
        for history in histories
        if any(item["field"] == "status" and str(item.get("to")) == status for item in history["items"])
    ]
    if not moves:
        return Closing(id="unknown", by=None, by_us=False, on=None)
    last, author = moves[-1], moves[-1].get("author")
    return Closing(
        id=str(last["id"]),
        by=(author or {}).get("displayName"),
        by_us=account_of(author) == me,
        on=datetime.fromisoformat(last["created"]).date(),
    )
