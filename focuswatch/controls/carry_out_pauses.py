"""Carry out pauses: write the record, change the roles, confirm the record. One run at a time for each use case.

A run claims the use case for longer than it may run (focuswatch.notify.delivery_claims_and_state), so a run that was
killed can change nothing after the next one began. The next run first completes what the record says.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from focuswatch.controls.attach_or_detach_deny_policy import PolicySwitch
from focuswatch.controls.decide_pause_or_resume import PauseDecision, carried_out
from focuswatch.controls.spending_pause_record import Mode, PauseRecord
from focuswatch.errors import Refused
from focuswatch.ledger.dynamodb_pages import of_kind
from focuswatch.notify.delivery_claims_and_state import Claim, Claims

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

CLAIMS = "spending pauses"
Decide = Callable[[PauseRecord | None], PauseDecision]


@dataclass(frozen=True)
class PauseOutcome:
    """The record after a change (None: there is none), whether this run changed it, and a sentence about it."""

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
        """The records, each with its claim."""
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
        """Complete what an earlier run began, then what `decide` says. Raises TryLater; repeating it is safe."""
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
        """Record that change `number` was announced."""
        with self.claims.held(use_case) as claim:
            if claim.state and claim.state.announced < number:
                self.claims.settle(claim, claim.state.model_copy(update={"announced": number}))

    def attached(self, roles: Iterable[str]) -> set[str]:
        """Return the roles that have the policy now. Raises TryLater, Refused."""
        return {role for role in roles if self.policies.is_attached(role)}

    def _completed(self, claim: Claim[PauseRecord], record: PauseRecord | None) -> PauseRecord | None:
        """Return the record once its roles are as it says; a record that is not stored yet is stored first."""
        if record is None:
            return None
        if record.state == "requested" and self._is_over(record):
            record = record.changed(
                "removing",
                author=record.author,
                reason="the pause expired before it was applied",
                at=self.clock(),
            )
        if record == claim.state and record.is_settled:
            return record
        if record.is_settled and _differs(record, claim.state):  # nothing to do in IAM
            record = record.model_copy(update={"number": record.number + 1})
        if record != claim.state:
            self.claims.keep(claim, record)
        if record.is_settled:
            return record
        return carried_out(record, failed=self._switched(record), now=self.clock())

    def _is_over(self, record: PauseRecord) -> bool:
        mode_changed = record.dry_run != (self.mode == "dry run")
        return self.mode == "off" or mode_changed or self.clock() >= record.expires_at

    def _switched(self, record: PauseRecord) -> dict[str, str]:
        """PauseDecision every role. Return those that could not be changed, with the reason. Raises TryLater.

        Removing never gives up: a role that keeps the policy must not have a record that says otherwise.
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
    """Return whether more than the time of the last decision has changed."""
    return before is None or record.history != before.history
