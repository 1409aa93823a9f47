"""Scan a bill: run the detections, determine owners, and record findings and notifications in the ledger.

This module sends nothing; the caller sends the notifications.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from focuswatch.bill.bill_summary import BillPart
from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.detect.account_day_coverage import Coverage, coverage, incomplete_parts
from focuswatch.detect.explain.attach_explanations import ChangeHistory, attach_explanations
from focuswatch.detect.explain.hourly_onset import HourlyCharges
from focuswatch.detect.measured_savings import measured_savings
from focuswatch.detect.owned_findings_from_rows import owned_findings
from focuswatch.detect.provider_of_finding import ALL_AWS, FindingProviders, finding_providers
from focuswatch.detect.recommendation_freshness import not_evaluated_without_recommendations
from focuswatch.detect.result_cache import ResultCache
from focuswatch.detect.run_detection import DetectionInput, Outcome
from focuswatch.detect.run_detections_with_cache import detection_inputs, detection_runner
from focuswatch.detect.scan_notes import scan_notes
from focuswatch.detect.scan_result import ScanResult, current_findings
from focuswatch.engines import Engine
from focuswatch.errors import QueryError
from focuswatch.findings.exchange_rates import Rate, rate_of
from focuswatch.findings.finding import fingerprint
from focuswatch.findings.same_cause import incident_rules
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
from focuswatch.ledger.decide_ledger_changes import decide_saving
from focuswatch.ledger.ledger_changes import by_stake
from focuswatch.owners.owners_file_and_assignment import Owners


def scan(
    engine: Engine,
    *,
    as_of: date,
    currency: str,
    catalog: Catalog,
    detections: Sequence[Detection],
    owners: Owners,
    ledger: Ledger,
    progress: Callable[[str], None],
    result_cache: ResultCache | None = None,
    may_go_on: Callable[[], bool] = lambda: True,
    change_history: ChangeHistory | None = None,
    hourly: HourlyCharges | None = None,
    doubts: Sequence[str] = (),
    rate: Rate | None = None,
    aws_engine: Engine | None = None,
    bills: Sequence[str] = (),
    parts: Sequence[BillPart] = (),
) -> ScanResult:
    """Run `detections` on the tables of `engine` and record their findings. A failed detection does not stop others.

    `result_cache` has the results of earlier scans of the same data. Once `may_go_on` returns False, no further
    detection starts; detections that did not run count as not evaluated. `change_history` provides who changed what on
    the day of a cost increase, and `hourly` the hourly charges that show when the increase started. `doubts` are
    reasons why no finding may be resolved, in addition to those that the tables show. `rate` converts thresholds in
    USD; the default is the rate in owners.toml or in the built-in table. `aws_engine` is the engine over AWS charges
    only, if the bill also has other charges. `bills` are the names of the bills; `parts` are the bills if several are
    read together.
    """
    started = time.monotonic()
    rate = rate or rate_of(currency, rates=owners.exchange_rates)
    inputs = detection_inputs(
        detections,
        as_of=as_of,
        evaluated_until=ledger.evaluated_until(),
        owners=owners,
        per_usd=float(rate.per_usd),
    )
    results = _run_detections(
        detections,
        inputs,
        engine=engine,
        catalog=catalog,
        result_cache=result_cache,
        may_go_on=may_go_on,
        progress=progress,
        aws_engine=aws_engine,
    )
    outcomes = [outcome for outcome in results if outcome]
    progress("Determining owners")
    run, known_data = _detection_run(
        outcomes,
        engine=engine,
        catalog=catalog,
        detections=detections,
        owners=owners,
        as_of=as_of,
        rate=rate,
        doubts=doubts,
        providers=finding_providers(engine) if aws_engine not in (None, engine) else ALL_AWS,
        bills=bills,
    )
    incomplete = incomplete_parts(parts, as_of=as_of)
    run = replace(run, accounts=known_data.accounts - incomplete.accounts)
    unable, reason = not_evaluated_without_recommendations(engine, detections=detections, as_of=as_of)
    run = replace(run, ran=set(run.ran) - unable)
    record = _Record(run, engine, catalog, progress, change_history, hourly)
    decision = record.write(ledger)
    notified = {notification.finding.fingerprint for notification in decision.notifications}
    current, suppressed = current_findings(record.state, as_of=as_of, notified=notified)
    notes = scan_notes(
        engine,
        catalog=catalog,
        owners=owners,
        as_of=as_of,
        rate=rate,
        ran=run.ran,
        first_day=known_data.first_day,
        entries=record.state.entries.values(),
    )
    return ScanResult(
        as_of=as_of,
        currency=currency,
        findings=current,
        notifications=decision.notifications,
        outcomes=tuple(outcomes),
        coverage=known_data,
        suppressed=suppressed,
        notes=(*record.notes, *incomplete.notes, *notes),
        unevaluated=dict.fromkeys(sorted(unable), reason or ""),
        not_run=tuple(one.id for one, outcome in zip(detections, results, strict=True) if outcome is None),
        ledger=record.state,
        seconds=time.monotonic() - started,
    )


def _run_detections(
    detections: Sequence[Detection],
    inputs: Mapping[str, DetectionInput],
    *,
    engine: Engine,
    catalog: Catalog,
    result_cache: ResultCache | None,
    may_go_on: Callable[[], bool],
    progress: Callable[[str], None],
    aws_engine: Engine | None,
) -> list[Outcome | None]:
    """Return the outcome of each detection; None for a detection that did not run for lack of time."""
    outcome_of = detection_runner(
        detections, inputs, engine=engine, aws_engine=aws_engine, catalog=catalog, result_cache=result_cache
    )

    def run_one(detection: Detection) -> Outcome | None:
        if not may_go_on():
            return None
        progress(f"Running {detection.id}")
        outcome = outcome_of(detection)
        if result_cache:
            result_cache.put(outcome, inputs[detection.id].values)
        return outcome

    with ThreadPoolExecutor(max_workers=engine.at_once) as pool:
        results = list(pool.map(run_one, detections))
    if result_cache:
        result_cache.save()
    return results


def _detection_run(
    outcomes: Collection[Outcome],
    *,
    engine: Engine,
    catalog: Catalog,
    detections: Iterable[Detection],
    owners: Owners,
    as_of: date,
    rate: Rate,
    doubts: Sequence[str],
    providers: FindingProviders,
    bills: Sequence[str],
) -> tuple[DetectionRun, Coverage]:
    known_data = coverage(engine, as_of=as_of)
    known_data = replace(known_data, doubts=(*known_data.doubts, *doubts))
    findings = owned_findings(
        outcomes,
        engine=engine,
        as_of=as_of,
        rate=rate,
        owners=owners,
        billed_until=known_data.billed_until,
        providers=providers,
        bills=bills,
    )
    headers = {detection.id: detection.header for detection in detections}
    run = DetectionRun(
        as_of=as_of,
        findings={finding.fingerprint: finding for finding in findings},
        ran={outcome.detection.id for outcome in outcomes if not outcome.error and not outcome.lacks_input},
        notified_once={id for id, header in headers.items() if header.notify == "once"},
        notified_each_time={id for id, header in headers.items() if header.notify == "every_run"},
        steps={id: header.step_columns for id, header in headers.items() if header.step_columns},
        not_evaluated={
            fingerprint(outcome.detection.id, row) for outcome in outcomes for row in outcome.not_evaluated
        },
        missing_accounts=known_data.missing_accounts,
        resolves=not known_data.doubts,
        per_usd=rate.per_usd,
        bills=bills,
        incident_rules=incident_rules(catalog) if owners.routing.incidents else None,
    )
    return run, known_data


@dataclass
class _Record:
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


def due_detections(
    detections: Iterable[Detection], *, as_of: date, evaluated_until: Mapping[str, date]
) -> list[Detection]:
    """Return the detections that are due by their schedule: at every refresh, daily, or weekly."""
    days = {"every_refresh": 0, "daily": 1, "weekly": 7}
    return [
        detection
        for detection in detections
        if (last := evaluated_until.get(detection.id)) is None
        or (as_of - last).days >= days[detection.header.schedule]
    ]
