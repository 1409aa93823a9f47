"""The run of the spend caps: end what has expired, pause what has reached its cap, report what has no record."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from focuswatch.controls.announce_pause import PauseAnnouncer
from focuswatch.controls.carry_out_pauses import PauseOutcome, SpendingPauses
from focuswatch.controls.decide_pause_or_resume import (
    CAP_DETECTION,
    CapSettings,
    PauseDecision,
    Press,
    decide_cap,
    decide_clock,
    decide_observed,
    decide_press,
    unrecorded,
)
from focuswatch.controls.spending_button import cap_settings, use_case_of_finding
from focuswatch.controls.spending_pause_record import PauseRecord
from focuswatch.errors import FocuswatchError, Refused
from focuswatch.findings.finding import Finding
from focuswatch.ledger import Ledger
from focuswatch.notify.slack.interactions import UserResponse
from focuswatch.owners.owners_file_and_assignment import Owners

SLACK_REASON = "the Pause spending button was pressed in Slack"


@dataclass
class Review:
    """The result of a run: use cases that changed, those that failed with the reason, and roles without a record."""

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

    def press(self, response: UserResponse) -> PauseOutcome:
        """Carry out a press of a button. Raises TryLater, Unsure, or Refused where it cannot be carried out."""
        finding = self._finding(response.fingerprint)
        use_case = use_case_of_finding(finding, owners=self.owners) if finding else None
        if finding is None or use_case is None:
            return PauseOutcome(
                None, changed=False, note="focuswatch cannot find this finding or its use case."
            )
        name = f"{response.user_name} ({response.user_id})" if response.user_name else response.user_id
        press = Press(
            wants="pause" if response.action == "pause_spending" else "resume",
            author=name,
            user_id=response.user_id,
            fingerprint=response.fingerprint,
            at=pressed_at(response),
        )
        cap = self._settings(use_case)
        outcome = self.pauses.change(
            use_case,
            lambda record: decide_press(
                record, press, cap=cap, reason=f"{SLACK_REASON}: {finding.reason}", now=self.pauses.clock()
            ),
        )
        self._announce(outcome.record)
        return outcome

    def review(self) -> Review:
        """Review every use case; one that fails does not stop the others."""
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
        """Return whether anything changed: by hand, by the clock or by the cap, of which the first counts."""
        cap, now = self._settings(use_case), self.pauses.clock()
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
        self._announce(outcome.record)
        return outcome.changed

    def _look_for_unrecorded(self, found: Review, capped: Iterable[str]) -> None:
        roles = sorted({role for name in capped for role in self.owners.use_cases[name].roles})
        attached = set()
        for role in roles:
            try:
                attached |= self.pauses.attached([role])
            except FocuswatchError as error:
                found.failed[role] = str(error)
        # Read after the roles: a pause that begins meanwhile has written its record before its role has the policy.
        suspected = unrecorded(attached, list(self.pauses.records()), capped=roles)
        # Read again: a pause that ended meanwhile has left its role without the policy.
        found.unrecorded = sorted(self.pauses.attached(suspected))

    def _announce(self, record: PauseRecord | None) -> None:
        if record is None or record.announced >= record.number:
            return
        self.announcer.announce(record)
        self.pauses.mark_announced(record.use_case, record.number)

    def _settings(self, use_case: str) -> CapSettings:
        return cap_settings(use_case, owners=self.owners, mode=self.pauses.mode, pause_days=self.pause_days)

    def _finding(self, fingerprint: str) -> Finding | None:
        entry = self.ledger.entries().get(fingerprint)
        return entry.finding if entry else None

    def _cap_findings(self) -> Mapping[str, Finding]:
        """Return the open findings of caps by use case."""
        return dict(self._open_caps())

    def _open_caps(self) -> Iterator[tuple[str, Finding]]:
        for entry in self.ledger.entries().values():
            is_cap = entry.state == "open" and entry.finding.detection == CAP_DETECTION
            if is_cap and (name := use_case_of_finding(entry.finding, owners=self.owners)):
                yield name, entry.finding


def pressed_at(response: UserResponse) -> float:
    """Return Slack's time of a press, which is part of its id. Raises Refused if it has none."""
    try:
        return float(response.id.rpartition(" ")[2])
    except ValueError as error:
        raise Refused(
            f"the button press {response.id!r} has no timestamp, so it did not come from Slack"
        ) from error
