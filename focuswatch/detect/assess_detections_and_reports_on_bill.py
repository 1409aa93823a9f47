"""Assess a bill: which detections and reports can evaluate it, which cannot and why, and the command that fixes it.

The [needs] section of each file's header states the input that it needs. Detections that have this input run once,
without a ledger, so that the assessment includes their findings and the resources that could not be evaluated.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from focuswatch.bill.bill_protocol import Bill
from focuswatch.catalog.sql_catalog import Catalog, Detection, Report
from focuswatch.catalog.sql_header_models import DetectionHeader
from focuswatch.detect.detection_placeholder_values import DetectionInput, detection_inputs
from focuswatch.detect.missing_inputs_and_how_to_provide_them import (
    COLLECT,
    BillFacts,
    bill_facts,
    missing_input,
)
from focuswatch.detect.run_detection_and_check_rows import engine_of, run_detection
from focuswatch.engines import Engine
from focuswatch.owners.owners_file import Owners

State = Literal["evaluated", "partly evaluated", "no charges", "not evaluated"]
STATES: tuple[State, ...] = ("evaluated", "partly evaluated", "not evaluated", "no charges")


@dataclass(frozen=True)
class Assessment:
    """The assessment of one detection or report.

    `findings` is the number of findings; None if it did not run. `fixes` are sentences or commands that make it
    evaluate more of the bill.
    """

    id: str
    kind: Literal["detection", "report"]
    title: str
    state: State
    reasons: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    findings: int | None = None
    not_evaluated: int = 0
    not_evaluated_monthly_cost: Decimal = Decimal(0)

    @property
    def runs(self) -> bool:
        """Whether to run the detection; also if only activity is missing, to count the resources that need it."""
        return self.state == "evaluated" or set(self.fixes) == {COLLECT}


def assess(
    bill: Bill, *, catalog: Catalog, owners: Owners, progress: Callable[[str], None] = lambda _: None
) -> list[Assessment]:
    """Return the assessment of each detection and report, in the order of `STATES`. Raises QueryError."""
    entries: list[Detection | Report] = [*catalog.enabled, *catalog.reports.values()]
    progress("Checking which charges the bill contains")
    facts = {
        id(on): bill_facts(on, entries=of_engine, owners=owners)
        for on in {id(bill.engine): bill.engine, id(bill.aws_engine): bill.aws_engine}.values()
        if (of_engine := [entry for entry in entries if engine_for(entry, bill=bill) is on])
    }
    inputs = detection_inputs(
        catalog.enabled,
        as_of=bill.as_of,
        evaluated_until={},
        owners=owners,
        per_usd=float(bill.summary.rate(owners).per_usd),
    )
    assessments = []
    for entry in entries:
        progress(f"Assessing {entry.id}")
        on = engine_for(entry, bill=bill)
        assessed = assess_input(entry, facts=facts[id(on)], as_of=bill.as_of, kind=_kind_of(entry))
        if assessed.runs and assessed.kind == "detection":
            assessed = _with_outcome(
                assessed, catalog.detections[entry.id], engine=on, catalog=catalog, inputs=inputs[entry.id]
            )
        assessments.append(assessed)
    return sorted(assessments, key=lambda one: (one.kind, STATES.index(one.state), one.id))


def engine_for(entry: Detection | Report, *, bill: Bill) -> Engine:
    """Return the engine over the charges that an entry evaluates; a report reads all charges."""
    header = entry.header
    providers = header.providers if isinstance(header, DetectionHeader) else "all"
    return engine_of(providers, engine=bill.engine, aws_engine=bill.aws_engine)


def assess_input(
    entry: Detection | Report, *, facts: BillFacts, as_of: date, kind: Literal["detection", "report"]
) -> Assessment:
    """Return whether the bill has the input that `entry` needs, without running it."""
    needs, title = entry.header.needs, entry.header.title
    if not facts.matching[entry.id]:
        reason = f"the bill has no charges that this {kind} evaluates"
        return Assessment(entry.id, kind, title, "no charges", reasons=(reason,))
    missing = missing_input(entry.id, needs, facts=facts, as_of=as_of, kind=kind)
    state: State = "not evaluated" if missing.reasons else "evaluated"
    return Assessment(entry.id, kind, title, state, tuple(missing.reasons), tuple(missing.fixes))


def _kind_of(entry: Detection | Report) -> Literal["detection", "report"]:
    return "detection" if isinstance(entry.header, DetectionHeader) else "report"


def _with_outcome(
    assessed: Assessment, detection: Detection, *, engine: Engine, catalog: Catalog, inputs: DetectionInput
) -> Assessment:
    """Run the detection; return the assessment with its findings and the resources that it could not evaluate."""
    outcome = run_detection(detection, engine=engine, catalog=catalog, inputs=inputs)
    count = len(outcome.not_evaluated)
    if outcome.lacks_input:
        return replace(assessed, state="not evaluated", reasons=(outcome.lacks_input,))
    reasons = list(assessed.reasons)
    if count:
        reasons.append(f"{count:,} {'resource has' if count == 1 else 'resources have'} no activity data")
    if outcome.error:
        reasons.append(outcome.error)
    partly: State = "partly evaluated" if reasons else "evaluated"
    return replace(
        assessed,
        state=partly if assessed.state == "evaluated" else assessed.state,
        reasons=tuple(reasons),
        fixes=(COLLECT,) if count else assessed.fixes,
        findings=len(outcome.rows),
        not_evaluated=count,
        not_evaluated_monthly_cost=outcome.not_evaluated_monthly_cost,
    )
