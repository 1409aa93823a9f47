"""The entry that a ledger stores for a finding.

Pure values: decide_ledger_changes_and_notifications decides how entries change, and a ledger stores them.
"""

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from focuswatch.findings.finding import Finding
from focuswatch.findings.severity import Severity

EntryState = Literal["open", "resolved", "closed"]


class LedgerEntry(BaseModel):
    """The state of one fingerprint.

    `notified_*` is the content of the last notification to the owner (None: never notified); `notified_step` is set if
    the detection notifies step by step. These fields are stored as `told_*`, the names in earlier versions.
    `saved_daily` is the daily EffectiveCost that is no longer charged since the finding was resolved (None: the bill
    was not read again yet). It changes for 30 days, and includes days before `resolved_on` until `saving_verified_on`,
    the day on which it was verified and notified. An entry is `closed` if its detection notifies once and no longer
    finds it. `acknowledged_*`: a person has acknowledged the finding, which only postpones its reminder.
    """

    model_config = ConfigDict(frozen=True, populate_by_name=True)
    finding: Finding
    state: EntryState = "open"
    notified_on: date | None = Field(default=None, alias="told_on")
    notified_cost: Decimal | None = Field(default=None, alias="told_cost")
    notified_severity: Severity | None = Field(default=None, alias="told_severity")
    notified_step: tuple[str | float, ...] = Field(default=(), alias="told_step")
    resolved_on: date | None = None
    saved_daily: Decimal | None = None
    saving_verified_on: date | None = None
    acknowledged_by: str | None = None
    acknowledged_on: date | None = None

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the finding, which also identifies the entry."""
        return self.finding.fingerprint
