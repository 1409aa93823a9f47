"""Review all spend caps: end expired pauses, pause use cases that reached their cap, find unrecorded pauses.

An unrecorded pause is a role with the deny policy but without a record. It is reported and not changed.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from focuswatch.controls.announce_pause import PauseAnnouncer
from focuswatch.controls.carry_out_use_case_pauses import SpendingPauses
from focuswatch.controls.decide_pause_or_resume import (
    CAP_DETECTION,
    CapSettings,
    PauseDecision,
    decide_cap,
    decide_clock,
    decide_observed,
    unrecorded,
)
from focuswatch.controls.use_case_and_cap_of_finding import cap_settings, use_case_of_finding
from focuswatch.controls.use_case_pause_model import PauseRecord
from focuswatch.errors import FocuswatchError
from focuswatch.findings.finding import Finding
from focuswatch.ledger import Ledger
from focuswatch.owners.owners_file import Owners


@dataclass
class Review:
    """The result of a review: changed use cases, failed use cases or roles with the reason, and unrecorded roles."""

    changed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    unrecorded: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class SpendCaps:
    """The spend caps of all use cases in owners.toml."""

    pauses: SpendingPauses
    announcer: PauseAnnouncer
    owners: Owners
    ledger: Ledger
    pause_days: int

    def review(self) -> Review:
        """Review every use case; a failure does not stop the others."""
        found, findings = Review(), self._cap_findings()
        records = {record.use_case: record for record in self.pauses.records()}
        capped = {name for name, use_case in self.owners.use_cases.items() if use_case.roles}
        for name in sorted(capped | records.keys()):
            try:
                if self._reviewed(name, findings.get(name)):
                    found.changed.append(name)
            except FocuswatchError as error:
                found.failed[name] = str(error)
        self._look_for_unrecorded(found, capped)
        return found

    def _reviewed(self, use_case: str, finding: Finding | None) -> bool:
        """Apply the first change of: manual change, expiry or kill switch, cap. Return whether the record changed."""
        cap, now = self.settings(use_case), self.pauses.clock()
        record = self.pauses.record_of(use_case)
        attached = self.pauses.attached(record.roles) if record and record.permits_policy else set[str]()

        def decide(current: PauseRecord | None) -> PauseDecision:
            observed = current if current == record else None
            changes = (
                decide_observed(observed, attached=attached, now=now),
                decide_clock(current, cap=cap, now=now),
                decide_cap(current, finding, cap=cap, now=now),
            )
            return next((one for one in changes if one.record), changes[-1])

        outcome = self.pauses.change(use_case, decide)
        self.announce(outcome.record)
        return outcome.changed

    def _look_for_unrecorded(self, found: Review, capped: Iterable[str]) -> None:
        roles = sorted({role for name in capped for role in self.owners.use_cases[name].roles})
        attached = self._attached(roles, found)
        # Read the records after the roles: a pause that starts in between is recorded before its roles change.
        suspected = unrecorded(attached, list(self.pauses.records()), capped=roles)
        # Read the roles again: a pause that ended in between has detached the policy.
        found.unrecorded = sorted(self._attached(suspected, found))

    def _attached(self, roles: Iterable[str], found: Review) -> set[str]:
        """Return the roles that have the policy; a role that cannot be read is recorded as failed."""
        attached = set()
        for role in roles:
            try:
                attached |= self.pauses.attached([role])
            except FocuswatchError as error:
                found.failed[role] = str(error)
        return attached

    def announce(self, record: PauseRecord | None) -> None:
        """Announce the last change of a record, unless it was announced before. Raises TryLater, Unsure or Refused."""
        if record is None or record.announced >= record.number:
            return
        self.announcer.announce(record)
        self.pauses.mark_announced(record.use_case, record.number)

    def settings(self, use_case: str) -> CapSettings:
        """Return the settings for the cap of a use case."""
        return cap_settings(use_case, owners=self.owners, mode=self.pauses.mode, pause_days=self.pause_days)

    def _cap_findings(self) -> Mapping[str, Finding]:
        """Return the open spend_cap findings by use case."""
        return dict(self._open_caps())

    def _open_caps(self) -> Iterator[tuple[str, Finding]]:
        for entry in self.ledger.entries().values():
            is_cap = entry.state == "open" and entry.finding.detection == CAP_DETECTION
            if is_cap and (name := use_case_of_finding(entry.finding, owners=self.owners)):
                yield name, entry.finding
