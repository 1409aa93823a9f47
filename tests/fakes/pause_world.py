"""Simulate spend caps with roles, button presses and a clock; the table is in memory, and the roles behave like IAM's.

Whenever a role changes, the world compares the change with the record that is stored at this moment: pausing a role
without a record of the request, or resuming it without a record of the removal, is a violation. `wrongs` also checks
the state at the end.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from focuswatch.controls.apply_button_press import apply_button_press
from focuswatch.controls.carry_out_use_case_pauses import CLAIMS, SpendingPauses
from focuswatch.controls.pause_at_cap_and_end_expired_pauses import Review, SpendCaps
from focuswatch.controls.use_case_pause_model import Mode, PauseRecord
from focuswatch.errors import DeliveryError, Refused, TryLater
from focuswatch.findings.finding import Finding
from focuswatch.ledger.ledger_entry import LedgerEntry
from focuswatch.notify.slack.verify_and_parse_slack_interactions import UserResponse
from focuswatch.owners.owners_file import Owners
from tests.fakes.dynamodb_in_memory import MemoryTable
from tests.given.one_line_findings import finding
from tests.given.slack_world import Killed, Steps

USE_CASE = "tickets"
ROLES = ("arn:aws:iam::111122223333:role/tickets-api", "arn:aws:iam::444455556666:role/batch/tickets-batch")
APPROVER, OTHER_APPROVER, STRANGER = "U0ANNA", "U0BERT", "U0MALLORY"
MORNING = datetime(2026, 3, 10, 8, tzinfo=UTC).timestamp()
LEASE_SECONDS = 400  # longer than the claim of a killed run is valid
MOST_TRIES = 300


def owners_with(on_cap: str = "ask", **options: Any) -> Owners:
    """Return owners.toml with one use case that has a spend cap."""
    use_case = {
        "intent": "experiment",
        "cap": 500,
        "on_cap": on_cap,
        "roles": list(ROLES),
        "approvers": [APPROVER, OTHER_APPROVER],
        "rows": {"accounts": ["111122223333"]},
    }
    return Owners.model_validate({"use_cases": {USE_CASE: use_case | options}})


def cap_finding(*, reached: float = 100, as_of: date = date(2026, 3, 10), **evidence: Any) -> Finding:
    """Return the finding of the use case's cap."""
    facts = {
        "reached_percent": reached,
        "limit_amount": 500.0,
        "limit_period": "in total",
        "month": "in total",
    }
    cap = finding(
        f"use case {USE_CASE}", detection="spend_cap", category="governance", account=None, on=as_of
    )
    return cap.model_copy(update={"evidence": facts | evidence})


@dataclass
class Roles:
    """Roles in IAM: `paused` have the policy, changes of `refused` are denied. `outage` may raise in a call."""

    record: Callable[[], PauseRecord | None]
    paused: set[str] = field(default_factory=set)
    outage: Callable[[str], None] = lambda _moment: None
    refused: set[str] = field(default_factory=set)
    violations: list[str] = field(default_factory=list)

    def attach(self, role: str) -> None:
        self._call(role)
        record = self.record()
        if role not in self.paused and (record is None or record.state != "requested" or record.dry_run):
            self.violations.append(f"paused {role} with the record {record}")
        self.paused.add(role)
        self.outage("after")

    def detach(self, role: str) -> None:
        self._call(role)
        record = self.record()
        if role in self.paused and (record is None or record.state != "removing"):
            self.violations.append(f"resumed {role} with the record {record}")
        self.paused.discard(role)
        self.outage("after")

    def is_attached(self, role: str) -> bool:
        self._call(role)
        return role in self.paused

    def _call(self, role: str) -> None:
        self.outage("before")
        if role in self.refused:
            raise Refused(f"AccessDenied: {role}")


@dataclass
class PauseWorld:
    """One use case with a cap; `press` queues a button press, `deliver` lets the function process the queue."""

    owners: Owners = field(default_factory=owners_with)
    mode: Mode = "live"
    pause_days: int = 7
    now: float = MORNING
    seed: int = 1
    table: Any = field(default_factory=MemoryTable)
    steps: Steps = field(default_factory=Steps)
    finding: Finding | None = field(default_factory=cap_finding)
    queue: list[UserResponse] = field(default_factory=list)
    announced: list[str] = field(default_factory=list)
    expected: bool = False  # whether the roles should be paused at the end
    notes: list[str] = field(default_factory=list)
    befall_table: Callable[[str], None] = lambda _moment: None

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.roles = Roles(self.stored)

    def clock(self) -> float:
        return self.now

    def stored(self) -> PauseRecord | None:
        """Return the stored record, without the faults of the table."""
        item = self.table.get_item(Key={"kind": f"told in {CLAIMS}", "id": USE_CASE}).get("Item", {})
        return PauseRecord.model_validate_json(item["document"]) if "document" in item else None

    def caps(self) -> SpendCaps:
        """Return new spend caps for one run of the function."""
        table = self.steps.watched(self.table, ("get_item", "put_item", "update_item", "query"))
        roles = self.steps.watched(self.roles, ("attach", "detach", "is_attached"))
        pauses = SpendingPauses(_FaultyTable(table, self), roles, self.clock, self.mode)  # type: ignore[arg-type]
        announcer: Any = SimpleNamespace(announce=self._announce)
        entries = {self.finding.fingerprint: LedgerEntry(finding=self.finding)} if self.finding else {}
        ledger: Any = SimpleNamespace(entries=lambda: entries)
        return SpendCaps(pauses, announcer, self.owners, ledger, self.pause_days)

    def _announce(self, record: PauseRecord) -> None:
        name = f"{record.number} {record.state}"  # each is posted once
        if name not in self.announced:
            self.announced.append(name)

    def press(self, verb: str, *, user: str = APPROVER, at: float | None = None) -> UserResponse:
        """Queue a button press as Slack reports it."""
        pressed = self.now if at is None else at
        assert self.finding is not None
        response = UserResponse(
            id=f"{user} {pressed:.6f}",
            action=f"{verb}_spending",
            fingerprint=self.finding.fingerprint,  # type: ignore[arg-type]
            user_id=user,
            user_name=user.lower(),
            channel="C0TEAM",
            ts="1.0",
        )
        self.queue.append(response)
        self.now += 1
        return response

    def deliver(self) -> None:
        """Process the queue as SQS does: a press stays until a run has processed it."""
        for _ in range(MOST_TRIES):
            if not self.queue:
                return
            response = self.queue[0]
            if self._succeeds(
                lambda one=response: self.notes.append(apply_button_press(one, caps=self.caps()).note)
            ):
                self.queue.remove(response)
        raise AssertionError(f"presses are still queued: {self.queue}")

    def review(self) -> Review:
        """Run reviews until one completes without a failure."""
        reviews: list[Review] = []
        for _ in range(MOST_TRIES):
            if self._succeeds(lambda: reviews.append(self.caps().review())) and not reviews[-1].failed:
                return reviews[-1]
            self.now += LEASE_SECONDS
        raise AssertionError("no review completed")

    def _succeeds(self, work: Callable[[], object]) -> bool:
        try:
            work()
        except (Killed, ClientError):
            self.now += LEASE_SECONDS
            return False
        except TryLater as error:
            self.now += error.seconds
            return False
        except DeliveryError:
            self.now += 60
            return False
        return True

    @property
    def paused(self) -> set[str]:
        """The roles that have the policy."""
        return self.roles.paused

    def wrongs(self, *, expected: bool) -> list[str]:
        """Return the violations, and the differences between the state at the end and the last decision."""
        problems = list(self.roles.violations)
        record = self.stored()
        if bool(self.paused) != expected:
            problems.append(f"expected paused = {expected}, problems {sorted(self.paused)}")
        if self.paused and (record is None or not record.permits_policy):
            problems.append(f"paused without a record: {record}")
        if record is not None and not record.is_settled:
            problems.append(f"not completed: {record.state}")
        return problems


@dataclass(frozen=True)
class _FaultyTable:
    """The table, with faults before and after each call."""

    table: Any
    world: PauseWorld

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.table, name)
        if name not in ("get_item", "put_item", "update_item", "query"):
            return attribute

        def call(**arguments: Any) -> Any:
            self.world.befall_table("before")
            response = attribute(**arguments)
            self.world.befall_table("after")
            return response

        return call
