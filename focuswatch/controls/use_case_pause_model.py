"""Define the record of a use case's pause, as stored in the ledger table: state, author, reason, expiry. No I/O."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

# requested: the policy is to be attached. applied: it was attached when the record was written. removing: it is to be
# detached. removed: the pause has ended.
PauseState = Literal["requested", "applied", "removing", "removed"]
Mode = Literal["live", "dry run", "off"]
MODES: dict[str, Mode] = {"live": "live", "dry run": "dry run", "off": "off"}
MOST_HISTORY = 50
DAY_SECONDS = 86_400


class PauseChange(BaseModel):
    """One change of a record; `at` is in seconds since 1970."""

    model_config = ConfigDict(frozen=True)
    state: PauseState
    author: str
    reason: str
    at: float


class PauseRecord(BaseModel):
    """The pause of one use case; a new record is stored before its roles change.

    `decided_at` is the time of the last decision, by a press or a run; older presses are ignored. `number` increases by
    one with each completed change, and `announced` is the last number that was announced. `cap_key` identifies the cap
    and month of the last automatic pause, because each cap pauses at most once per month. `failed` has the reason for
    each role that could not be changed.
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
        """Whether the spending is paused or about to be paused, also in a dry run."""
        return self.state in ("requested", "applied")

    @property
    def permits_policy(self) -> bool:
        """Whether the roles may have the policy: not in a dry run, and until the policy is removed."""
        return self.state != "removed" and not self.dry_run

    @property
    def was_never_applied(self) -> bool:
        """Whether the last pause was requested, but its policy was never attached to all roles that can have it."""
        last = next(
            (one.state for one in reversed(self.history) if one.state in ("requested", "applied")), None
        )
        return last == "requested"

    @property
    def is_settled(self) -> bool:
        """Whether no change in IAM is pending."""
        return self.state in ("applied", "removed")

    @property
    def expires(self) -> datetime:
        """The expiry in UTC."""
        return datetime.fromtimestamp(self.expires_at, UTC)

    def changed(self, state: PauseState, *, author: str, reason: str, at: float) -> "PauseRecord":
        """Return the record in a new state, with the change added to its history."""
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
    """Return when a pause that starts now ends: after `days`, or when the next month starts in UTC if earlier."""
    start = datetime.fromtimestamp(now, UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    year, month = (start.year + 1, 1) if start.month == 12 else (start.year, start.month + 1)
    return min(now + days * DAY_SECONDS, start.replace(year=year, month=month).timestamp())
