"""Define the state of an incident's issue that Claims stores in the ledger table. Reads and writes nothing itself."""

from datetime import date
from decimal import Decimal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from focuswatch.findings.finding import Finding
from focuswatch.findings.severity import Severity


class IssueState(BaseModel):
    """The stored state of an incident's issue.

    `lead` is the fingerprint of the finding that the issue describes; None means the finding whose fingerprint is the
    incident id. `last_number` is the number of the lead's last delivered notification, and `commented` that of its
    last notification with a comment. `earlier` maps the previous leads to their last delivered numbers.

    `severity`, `main_cost` and `as_of` are the values that the issue shows. `attempted_at` is set while an issue
    with an unknown key may exist. `processed_closing` is the id of the last change by which a person closed the issue
    and that was processed.
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
    main_cost: Decimal | None = None
    lead: str | None = None
    as_of: date | None = None
    earlier: dict[str, int] = {}

    def number_of(self, finding: Finding) -> int | None:
        """Return the number of the finding's last delivered notification; None if none was delivered."""
        if self.is_about(finding):
            return self.last_number
        return self.earlier.get(finding.fingerprint)

    def is_about(self, finding: Finding) -> bool:
        """Return whether the issue describes this finding and not another finding of the incident."""
        return (self.lead or finding.incident_id) == finding.fingerprint

    def led_by(self, finding: Finding) -> "IssueState":
        """Return the state with this finding as the lead. A new lead has no comments yet."""
        if self.is_about(finding) or self.last_number is None:
            return self.model_copy(update={"lead": finding.fingerprint})
        earlier = {**self.earlier, self.lead or finding.incident_id: self.last_number}
        last_number = earlier.pop(finding.fingerprint, None)
        return self.model_copy(
            update={
                "lead": finding.fingerprint,
                "last_number": last_number,
                "commented": None,
                "earlier": earlier,
            }
        )
