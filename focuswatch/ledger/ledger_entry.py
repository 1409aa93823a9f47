"""The entries that a ledger stores about findings.

Pure values; `focuswatch.ledger.decide_ledger_changes` decides how they change, a ledger stores them.
"""

from datetime import date
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from focuswatch.findings.finding import Finding, Severity

EntryState = Literal["open", "resolved", "closed"]


class LedgerEntry(BaseModel):
    """The state of one fingerprint.

    `notified_*` is the content of the owner's last notification (None: never notified; `notified_step` where the
    detection notifies step by step). It is stored as `told_*`, as earlier versions wrote it.
    `saved_daily` is the daily EffectiveCost that is no longer charged since the finding was resolved (None: the bill
    was not read again yet); it changes for 30 days, and includes days before `resolved_on` until `saving_verified_on`,
    the day on which it was verified and notified. A `closed` entry is an event that is notified once and has grown old.
    `acknowledged_*`: a person has acknowledged the finding, which postpones its reminder and nothing else.
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
        """The finding's identity, and the entry's."""
        return self.finding.fingerprint
