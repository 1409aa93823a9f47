"""Scan a bill: run the detections, determine owners, and record findings and notifications in the ledger.

This module sends nothing; the caller sends the notifications.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.detect.bill_to_scan import BillToScan
from focuswatch.detect.check_bill_completeness_before_resolving_findings import (
    Coverage,
    coverage,
    incomplete_parts,
)
from focuswatch.detect.detection_placeholder_values import DetectionInput, detection_inputs
from focuswatch.detect.detection_result_cache import ResultCache
from focuswatch.detect.explain.attach_explanations import ChangeHistory
from focuswatch.detect.owned_findings_from_rows import owned_findings
from focuswatch.detect.provider_of_finding import ALL_AWS, finding_providers
from focuswatch.detect.recommendation_freshness import not_evaluated_without_recommendations
from focuswatch.detect.record_findings_explanations_and_savings import RunRecord
from focuswatch.detect.run_detection_and_check_rows import Outcome
from focuswatch.detect.run_detections_with_cache import detection_runner
from focuswatch.detect.scan_notes_on_launches_ous_and_history import scan_notes
from focuswatch.detect.scan_result import ScanResult
from focuswatch.detect.select_open_and_just_resolved_findings import current_findings
from focuswatch.findings.finding import fingerprint
from focuswatch.findings.lead_order_and_incident_properties_of_detections import incident_rules
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate
from focuswatch.ledger import (
    DetectionRun,
    Ledger,
)
from focuswatch.owners.owners_file import Owners


def scan(
    bill: BillToScan,
    *,
    catalog: Catalog,
    detections: Sequence[Detection],
    owners: Owners,
    ledger: Ledger,
    progress: Callable[[str], None],
    result_cache: ResultCache | None = None,
    may_go_on: Callable[[], bool] = lambda: True,
    change_history: ChangeHistory | None = None,
    doubts: Sequence[str] = (),
) -> ScanResult:
    """Run `detections` on a bill and record their findings. A failed detection does not stop others.

    `result_cache` has the results of earlier scans of the same data. Once `may_go_on` returns False, no further
    detection starts; detections that did not run count as not evaluated. `change_history` provides who changed what on
    the day of a cost increase. `doubts` are reasons why no finding may be resolved, in addition to those that the
    tables show.
    """
    started = time.monotonic()
    rate = bill.rate_for(owners)
    inputs = detection_inputs(
        detections,
        as_of=bill.as_of,
        evaluated_until=ledger.evaluated_until(),
        owners=owners,
        per_usd=float(rate.per_usd),
    )
    results = _run_detections(
        detections,
        inputs,
        bill=bill,
        catalog=catalog,
        result_cache=result_cache,
        may_go_on=may_go_on,
        progress=progress,
    )
    outcomes = [outcome for outcome in results if outcome]
    progress("Determining owners")
    run, known_data = _detection_run(
        outcomes, bill=bill, catalog=catalog, detections=detections, owners=owners, rate=rate, doubts=doubts
    )
    incomplete = incomplete_parts(bill.parts, as_of=bill.as_of)
    run = replace(run, accounts=known_data.accounts - incomplete.accounts)
    unable, reason = not_evaluated_without_recommendations(
        bill.engine, detections=detections, as_of=bill.as_of
    )
    run = replace(run, ran=set(run.ran) - unable)
    record = RunRecord(run, bill.engine, catalog, progress, change_history, bill.hourly)
    decision = record.write(ledger)
    notified = {notification.finding.fingerprint for notification in decision.notifications}
    current, suppressed = current_findings(record.state, as_of=bill.as_of, notified=notified)
    notes = scan_notes(
        bill.engine,
        catalog=catalog,
        owners=owners,
        as_of=bill.as_of,
        rate=rate,
        ran=run.ran,
        first_day=known_data.first_day,
        entries=record.state.entries.values(),
    )
    return ScanResult(
        as_of=bill.as_of,
        currency=bill.currency,
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
    bill: BillToScan,
    catalog: Catalog,
    result_cache: ResultCache | None,
    may_go_on: Callable[[], bool],
    progress: Callable[[str], None],
) -> list[Outcome | None]:
    """Return the outcome of each detection; None for a detection that did not run for lack of time."""
    outcome_of = detection_runner(
        detections,
        inputs,
        engine=bill.engine,
        aws_engine=bill.aws_engine,
        catalog=catalog,
        result_cache=result_cache,
    )

    def run_one(detection: Detection) -> Outcome | None:
        if not may_go_on():
            return None
        progress(f"Running {detection.id}")
        outcome = outcome_of(detection)
        if result_cache:
            result_cache.put(outcome, inputs[detection.id].values)
        return outcome

    with ThreadPoolExecutor(max_workers=bill.engine.at_once) as pool:
        results = list(pool.map(run_one, detections))
    if result_cache:
        result_cache.save()
    return results


def _detection_run(
    outcomes: Collection[Outcome],
    *,
    bill: BillToScan,
    catalog: Catalog,
    detections: Iterable[Detection],
    owners: Owners,
    rate: Rate,
    doubts: Sequence[str],
) -> tuple[DetectionRun, Coverage]:
    known_data = coverage(bill.engine, as_of=bill.as_of)
    known_data = replace(known_data, doubts=(*known_data.doubts, *doubts))
    findings = owned_findings(
        outcomes,
        engine=bill.engine,
        as_of=bill.as_of,
        rate=rate,
        owners=owners,
        billed_until=known_data.billed_until,
        providers=finding_providers(bill.engine) if bill.has_other_providers else ALL_AWS,
        bills=bill.names,
    )
    headers = {detection.id: detection.header for detection in detections}
    run = DetectionRun(
        as_of=bill.as_of,
        findings={finding.fingerprint: finding for finding in findings},
        ran={outcome.detection.id for outcome in outcomes if not outcome.error and not outcome.lacks_input},
        closed_when_not_found={id for id, header in headers.items() if header.notify == "once"},
        resolved_without_notification={id for id, header in headers.items() if header.notify == "every_run"},
        steps={id: header.step_columns for id, header in headers.items() if header.step_columns},
        not_evaluated={
            fingerprint(outcome.detection.id, row) for outcome in outcomes for row in outcome.not_evaluated
        },
        missing_accounts=known_data.missing_accounts,
        resolves=not known_data.doubts,
        per_usd=rate.per_usd,
        bills=bill.names,
        incident_rules=incident_rules(catalog) if owners.routing.incidents else None,
    )
    return run, known_data
