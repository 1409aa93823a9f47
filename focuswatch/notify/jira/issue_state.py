"""An issue as Jira returns it, and the stored state of a finding's issue. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from focuswatch.findings.finding import Finding, Severity

COMMON_LABEL = "focuswatch"  # on all our issues: JQL cannot search for the prefix of a label
LABEL_PREFIX = "focuswatch-"
FIELDS = "summary,labels,status,resolution,created"  # the fields of an Issue, besides its changelog
DONE = "done"  # https://developer.atlassian.com/cloud/jira/platform/rest/v2/api-group-workflow-status-categories/


class IssueState(BaseModel):
    """The stored state of an incident's issue.

    `last_number` is the number of the last notification that was delivered, `commented` of the last with a comment;
    both are of the finding `lead` (None: the one whose fingerprint the issue has), `earlier` has the numbers of
    findings that led the incident before. `as_of` is the day of the bill that the issue shows.
    `severity` and `monthly_cost` are those that the issue shows. `attempted_at` is set while an issue may have been
    created whose key is unknown. `processed_closing` is the id of the last closing by a person that was processed.
    """

    model_config = ConfigDict(frozen=True)
    key: str | None = None
    url: str | None = None
    last_number: int | None = Field(
        default=None, validation_alias=AliasChoices("told", "last_number"), serialization_alias="told"
    )
    open: bool = True
    closed_by_person: bool = Field(
        default=False,
        validation_alias=AliasChoices("closed_by_human", "closed_by_person"),
        serialization_alias="closed_by_human",
    )
    processed_closing: str | None = Field(
        default=None,
        validation_alias=AliasChoices("closing_seen", "processed_closing"),
        serialization_alias="closing_seen",
    )
    commented: int | None = None
    commented_at: float | None = None
    attempted_at: float | None = None
    severity: Severity | None = None
    monthly_cost: Decimal | None = None
    lead: str | None = None
    as_of: date | None = None
    earlier: dict[str, int] = {}

    def number_of(self, finding: Finding) -> int | None:
        """Return the number of the last notification of a finding that was delivered."""
        if self.is_about(finding):
            return self.last_number
        return self.earlier.get(finding.fingerprint)

    def is_about(self, finding: Finding) -> bool:
        """Return whether the issue shows this finding and not another one of its incident."""
        return (self.lead or finding.incident_id) == finding.fingerprint

    def led_by(self, finding: Finding) -> "IssueState":
        """Return the state with another finding in the lead; its comments are counted anew."""
        if self.is_about(finding) or self.last_number is None:
            return self.model_copy(update={"lead": finding.fingerprint})
        earlier = {**self.earlier, self.lead or finding.incident_id: self.last_number}
        changes = {"lead": finding.fingerprint, "commented": None, "earlier": earlier}
        return self.model_copy(update={**changes, "last_number": earlier.pop(finding.fingerprint, None)})


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
