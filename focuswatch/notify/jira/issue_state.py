"""An issue as Jira tells it, and what focuswatch remembers of it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import BaseModel, ConfigDict

from focuswatch.findings.finding import Severity

COMMON_LABEL = "focuswatch"  # on every issue of ours, since JQL cannot ask for the beginning of a label
LABEL_PREFIX = "focuswatch-"
FIELDS = "summary,labels,status,resolution,created"  # what an Issue is read from, besides its changelog
DONE = "done"  # https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-workflow-status-categories/


class IssueState(BaseModel):
    """What was last written down of a finding's issue.

    `told` is the number of the last news that was told, `commented` of the last that was commented; `severity` and
    `monthly_cost` are what the issue says. `attempted_at` stands while an issue may have been made without our knowing
    its key, `closing_seen` names a closing by a person that was looked at already.
    """

    model_config = ConfigDict(frozen=True)
    key: str | None = None
    url: str | None = None
    told: int | None = None
    open: bool = True
    closed_by_human: bool = False
    closing_seen: str | None = None
    commented: int | None = None
    commented_at: float | None = None
    attempted_at: float | None = None
    severity: Severity | None = None
    monthly_cost: Decimal | None = None


@dataclass(frozen=True)
class Closing:
    """How an issue came to be done: `by` whom (None: Jira does not say), whether that was us, and when."""

    id: str
    by: str | None
    ours: bool
    on: date | None


@dataclass(frozen=True)
class Issue:
    """An issue as it is now; `closing` is None while it is not done.

    `edited` are the fields that somebody else has changed since we made it; they are theirs.
    """

    key: str
    created: str
    labels: tuple[str, ...]
    resolution: str | None
    closing: Closing | None
    edited: frozenset[str]

    @property
    def fingerprint(self) -> str | None:
        """Of the finding that it is about."""
        ours = (one for one in self.labels if one.startswith(LABEL_PREFIX))
        return next((one.removeprefix(LABEL_PREFIX) for one in ours), None)


@dataclass(frozen=True)
class Transition:
    """A step that an issue offers; `needs` are fields that it demands and has no value for."""

    id: str
    name: str
    to_done: bool
    needs: tuple[str, ...]
    resolutions: tuple[str, ...]


def label_of(fingerprint: str) -> str:
    """What an issue is found again by."""
    return LABEL_PREFIX + fingerprint


def issue_of(raw: Mapping[str, Any], *, me: str) -> Issue:
    """The issue that Jira's JSON tells; `me` is our own account."""
    fields = raw["fields"]
    histories = sorted(raw.get("changelog", {}).get("histories", ()), key=_when)  # Cloud has the newest first
    others = [one for one in histories if account_of(one.get("author")) != me]
    done = fields["status"]["statusCategory"]["key"] == DONE
    return Issue(
        key=raw["key"],
        created=fields["created"],
        labels=tuple(fields.get("labels") or ()),
        resolution=(fields.get("resolution") or {}).get("name"),
        closing=_closing(fields["status"]["id"], histories, me=me) if done else None,
        edited=frozenset(item["field"] for one in others for item in one["items"]),
    )


def transition_of(raw: Mapping[str, Any]) -> Transition:
    """The transition that Jira's JSON tells, asked for with its fields."""
    fields: Mapping[str, Any] = raw.get("fields") or {}
    resolution = fields.get("resolution", {})
    demanded = [
        name for name, one in fields.items() if one.get("required") and not one.get("hasDefaultValue")
    ]
    return Transition(
        id=raw["id"],
        name=raw["name"],
        to_done=raw["to"]["statusCategory"]["key"] == DONE,
        needs=tuple(name for name in demanded if name != "resolution"),
        resolutions=tuple(one["name"] for one in resolution.get("allowedValues", ())),
    )


def account_of(author: Mapping[str, Any] | None) -> str:
    """Who somebody is to Jira: an account id on Cloud, a user name on Data Center."""
    return str((author or {}).get("accountId") or (author or {}).get("name") or "")


def _when(history: Mapping[str, Any]) -> tuple[datetime, int]:
    return datetime.fromisoformat(history["created"]), int(history["id"])


def _closing(status: str, histories: list[Any], *, me: str) -> Closing:
    into = [
        one
        for one in histories
        if any(item["field"] == "status" and str(item.get("to")) == status for item in one["items"])
    ]
    if not into:
        return Closing(id="unknown", by=None, ours=False, on=None)
    last, author = into[-1], into[-1].get("author")
    return Closing(
        id=str(last["id"]),
        by=(author or {}).get("displayName"),
        ours=account_of(author) == me,
        on=datetime.fromisoformat(last["created"]).date(),
    )
