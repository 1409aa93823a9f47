"""Carry out pauses: write the record, change the roles, confirm the record. One run at a time for each use case.

The claim of a run on a use case lasts longer than the run can (focuswatch.notify.delivery_claims_and_state). So when
the next run starts, an interrupted run can no longer change anything. The next run first completes the stored record.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from focuswatch.controls.attach_or_detach_deny_policy import PolicySwitch
from focuswatch.controls.decide_pause_or_resume import BY_ITSELF, KILL_SWITCH, PauseDecision, carried_out
from focuswatch.controls.use_case_pause_model import Mode, PauseRecord
from focuswatch.errors import Refused
from focuswatch.ledger.dynamodb_pages import of_kind
from focuswatch.notify.delivery_claims_and_state import Claim, Claims

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

CLAIMS = "spending pauses"
Decide = Callable[[PauseRecord | None], PauseDecision]


@dataclass(frozen=True)
class PauseOutcome:
    """The record after a change (None: no record), whether this run changed the record, and a note for the user."""

    record: PauseRecord | None
    changed: bool
    note: str


@dataclass(frozen=True)
class SpendingPauses:
    """The pauses of all use cases; `clock` returns seconds since 1970."""

    table: "Table"
    policies: PolicySwitch
    clock: Callable[[], float]
    mode: Mode

    @property
    def claims(self) -> Claims[PauseRecord]:
        """Return the claims on the records."""
        return Claims(self.table, channel=CLAIMS, model=PauseRecord, clock=self.clock)

    def record_of(self, use_case: str) -> PauseRecord | None:
        """Return the record of a use case; None if its spending was never paused."""
        return self.claims.state_of(use_case)

    def records(self) -> Iterator[PauseRecord]:
        """Yield all records."""
        for item in of_kind(self.table, f"told in {CLAIMS}", ConsistentRead=True):
            if "document" in item:
                yield PauseRecord.model_validate_json(str(item["document"]))

    def change(self, use_case: str, decide: Decide) -> PauseOutcome:
        """Complete an interrupted change, then carry out the result of `decide`. Raises TryLater; safe to repeat."""
        with self.claims.held(use_case) as claim:
            before = self._completed(claim, claim.state)
            change = decide(before)
            if change.record is None:
                if before is not None and (before != claim.state or claim.unsure):
                    self.claims.settle(claim, before)
                return PauseOutcome(before, changed=False, note=change.note)
            after = self._completed(claim, change.record)
            assert after is not None
            self.claims.settle(claim, after)
            return PauseOutcome(after, changed=_differs(after, before), note=change.note)

    def mark_announced(self, use_case: str, number: int) -> None:
        """Store that change `number` was announced."""
        with self.claims.held(use_case) as claim:
            if claim.state and claim.state.announced < number:
                self.claims.settle(claim, claim.state.model_copy(update={"announced": number}))

    def attached(self, roles: Iterable[str]) -> set[str]:
        """Return the roles that have the policy now. Raises TryLater or Refused."""
        return {role for role in roles if self.policies.is_attached(role)}

    def _completed(self, claim: Claim[PauseRecord], record: PauseRecord | None) -> PauseRecord | None:
        """Store the record if it is new, change its roles accordingly, and return the resulting record."""
        if record is None:
            return None
        if record.state == "requested" and (reason := self._reason_not_to_apply(record)):
            record = record.changed("removing", author=BY_ITSELF, reason=reason, at=self.clock())
        if record == claim.state and record.is_settled:
            return record
        if record.is_settled and _differs(record, claim.state):  # no change in IAM, so the change is complete
            record = record.model_copy(update={"number": record.number + 1})
        if record != claim.state:
            self.claims.keep(claim, record)
        if record.is_settled:
            return record
        return carried_out(record, failed=self._switched(record), now=self.clock())

    def _reason_not_to_apply(self, record: PauseRecord) -> str | None:
        """Return why a requested pause must not be applied; None if it may be applied."""
        if self.mode == "off":
            return KILL_SWITCH
        if record.dry_run != (self.mode == "dry run"):
            return "dry_run was changed in deployment.toml before the pause was applied"
        return "the pause expired before it was applied" if self.clock() >= record.expires_at else None

    def _switched(self, record: PauseRecord) -> dict[str, str]:
        """Attach or detach the policy of every role. Return the reason by role if attaching failed. Raises TryLater.

        Raises Refused if detaching fails, because the record must not say that a role has no policy while it has one.
        """
        if record.dry_run:
            return {}
        failed = {}
        for role in record.roles:
            try:
                if record.state == "removing":
                    self.policies.detach(role)
                else:
                    self.policies.attach(role)
            except Refused as error:
                if record.state == "removing":
                    raise
                failed[role] = str(error)
        return failed


def _differs(record: PauseRecord, before: PauseRecord | None) -> bool:
    """Return whether the history changed; a new time of the last decision alone does not count."""
    return before is None or record.history != before.history
