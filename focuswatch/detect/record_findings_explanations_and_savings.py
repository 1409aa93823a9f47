"""Record the run of a scan in the ledger, with explanations of cost increases and verified savings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.attach_explanations import ChangeHistory, attach_explanations
from focuswatch.detect.explain.hourly_onset import HourlyCharges
from focuswatch.detect.measured_savings import measured_savings
from focuswatch.engines import Engine
from focuswatch.errors import QueryError
from focuswatch.ledger import (
    Decision,
    DetectionRun,
    EvaluatedUntil,
    Ledger,
    LedgerEntry,
    LedgerSnapshot,
    Suppression,
    SuppressionIndex,
    decide,
)
from focuswatch.ledger.decide_ledger_changes_and_notifications import decide_saving
from focuswatch.ledger.ledger_decision_model import by_stake


@dataclass
class RunRecord:
    """One write of a run to the ledger: its decision, explanations and verified savings."""

    run: DetectionRun
    engine: Engine
    catalog: Catalog
    progress: Callable[[str], None]
    change_history: ChangeHistory | None
    hourly: HourlyCharges | None
    state: LedgerSnapshot = field(default_factory=lambda: LedgerSnapshot({}, ()))
    notes: tuple[str, ...] = ()

    def write(self, ledger: Ledger) -> Decision:
        """Read the ledger once, decide and write. Afterwards, `state` is the new state of the ledger."""
        evaluated = [EvaluatedUntil(id, self.run.as_of) for id in sorted(self.run.ran)]
        decision = ledger.update(self._decide, evaluated=evaluated, snapshot=ledger.snapshot())
        self.state = self.state.after(decision)
        return decision

    def _decide(self, entries: Mapping[str, LedgerEntry], suppressions: Sequence[Suppression]) -> Decision:
        self.state = LedgerSnapshot(entries, suppressions)
        explain = partial(
            attach_explanations,
            previous=entries,
            engine=self.engine,
            catalog=self.catalog,
            as_of=self.run.as_of,
            progress=self.progress,
            change_history=self.change_history,
            hourly=self.hourly,
        )
        decision = decide(entries, suppressions, self.run, explain=explain)
        return self._with_verified_savings(decision)

    def _with_verified_savings(self, decision: Decision) -> Decision:
        """Add the savings of resolved findings. An error becomes a note, so that the findings are still recorded."""
        entries = self.state.after(decision).entries
        self.notes = ()
        try:
            savings = measured_savings(
                entries.values(), engine=self.engine, catalog=self.catalog, as_of=self.run.as_of
            )
        except QueryError as error:
            self.notes = (f"The savings of resolved findings could not be verified: {error}",)
            return decision
        index = SuppressionIndex(self.state.suppressions)
        decided = [
            decide_saving(entries[fingerprint], saving, index, as_of=self.run.as_of)
            for fingerprint, saving in savings.items()
        ]
        changed = {entry.fingerprint: entry for entry in decision.entries}
        changed |= {entry.fingerprint: entry for entry, _ in decided if entry != entries[entry.fingerprint]}
        notifications = (
            *decision.notifications,
            *(notification for _, notification in decided if notification),
        )
        return Decision(tuple(changed.values()), tuple(sorted(notifications, key=by_stake)))
