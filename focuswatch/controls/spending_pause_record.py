"""The record of a use case's pause: its state, author, reason and expiry, as stored in the ledger table. Pure."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

# requested: roles get the policy next. applied: they had it when this was written. removing: they lose it next.
PauseState = Literal["requested", "applied", "removing", "removed"]
Mode = Literal["live", "dry run", "off"]
MODES: dict[str, Mode] = {"live": "live", "dry run": "dry run", "off": "off"}
MOST_HISTORY = 50
DAY_SECONDS = 86_400


class PauseChange(BaseModel):
    """One change of a record: what was done, by whom, why and when (seconds since 1970)."""

    model_config = ConfigDict(frozen=True)
    state: PauseState
    author: str
    reason: str
    at: float


class PauseRecord(BaseModel):
    """The pause of one use case; a new one is written before its roles are touched.

    `decided_at` is when the last decision was made, by a press or a run; an older press no longer counts. `number`
    grows by one with each completed change, and `announced` is the last number that was announced. `cap_key` names the
    cap that paused it by itself, which happens once per cap and month. `failed` are roles that could not be changed.
    """

    model_config = ConfigDict(frozen=True)
    use_case: str
    state: PauseState
    roles: tuple[str, ...]
    author: str
    reason: str
    expires_at: float
    decided_at: float
    fingerprint: str | None = None
    dry_run: bool = False
    number: int = 0
    announced: int = 0
    cap_key: str | None = None
    failed: dict[str, str] = {}
    history: tuple[PauseChange, ...] = ()

    @property
    def is_paused(self) -> bool:
        """Whether the record permits the policy on its roles."""
        return self.state in ("requested", "applied")

    @property
    def permits_policy(self) -> bool:
        """Whether a policy on its roles has a valid record, also while it is being removed."""
        return self.state != "removed" and not self.dry_run

    @property
    def is_settled(self) -> bool:
        """Whether nothing is left to do in IAM."""
        return self.state in ("applied", "removed")

    @property
    def expires(self) -> datetime:
        """The expiry as a time in UTC."""
        return datetime.fromtimestamp(self.expires_at, UTC)

    def changed(self, state: PauseState, *, author: str, reason: str, at: float) -> "PauseRecord":
        """Return the record in a new state, with the change in its history."""
        change = PauseChange(state=state, author=author, reason=reason, at=at)
        return self.model_copy(
            update={
                "state": state,
                "author": author,
                "reason": reason,
                "history": (*self.history, change)[-MOST_HISTORY:],
            }
        )


def expiry(now: float, *, days: int) -> float:
    """Return when a pause that begins now ends: after `days`, or when the next month starts in UTC."""
    start = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
    return min(now + days * DAY_SECONDS, start.replace(year=year, month=month).timestamp())
