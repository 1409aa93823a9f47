"""Parse issues and transitions from Jira's JSON.

The changelog of an issue contains who closed the issue and which fields people edited. Sends no request.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from focuswatch.notify.jira.labels_that_identify_incident_of_issue import incident_of

FIELDS = "summary,labels,status,resolution,created"  # the fields that `issue_of` reads, besides the changelog
DONE = "done"  # https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-workflow-status-categories/


@dataclass(frozen=True)
class Closing:
    """The change that closed an issue: its author `by` (None: Jira has none), the day `on` (None: unknown).

    `by_us`: the author is the account that focuswatch uses.
    """

    id: str
    by: str | None
    by_us: bool
    on: date | None


@dataclass(frozen=True)
class Issue:
    """The current state of an issue; `closing` is None while it is not done.

    `edited` are the fields that people have changed since focuswatch created the issue; focuswatch does not
    overwrite them.
    """

    key: str
    created: str
    labels: tuple[str, ...]
    resolution: str | None
    closing: Closing | None
    edited: frozenset[str]

    @property
    def incident_id(self) -> str | None:
        """Return the id of the incident that the issue is about; None without the label of an incident."""
        return incident_of(self.labels)


@dataclass(frozen=True)
class Transition:
    """An available transition of an issue; `needs` are the required fields without a default, except `resolution`."""

    id: str
    name: str
    to_done: bool
    needs: tuple[str, ...]
    resolutions: tuple[str, ...]


def issue_of(raw: Mapping[str, Any], *, me: str) -> Issue:
    """Parse an issue from Jira's JSON; `me` is the account that focuswatch uses."""
    fields = raw["fields"]
    histories = sorted(raw.get("changelog", {}).get("histories", ()), key=_when)  # Cloud: newest first
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
    """Parse a transition from Jira's JSON, which must include its fields."""
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
