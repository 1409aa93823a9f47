"""The stored state of a finding's issue. Pure."""

from datetime import date
from decimal import Decimal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from focuswatch.findings.finding import Finding, Severity


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
