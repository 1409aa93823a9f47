"""Build the response that states what the newest scan did not evaluate, resolve or notify, and why."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.check_bill_completeness_before_resolving_findings import Coverage, coverage
from focuswatch.detect.count_findings_and_not_evaluated_for_heartbeats import summarize_detections
from focuswatch.ledger import Ledger
from focuswatch.mcp_server.shorten_or_page_responses_to_fit import (
    DATA,
    Document,
    TextLimits,
    bill_data,
    fit,
    without_empty,
)
from focuswatch.mcp_server.source_protocol import Evaluation, Source, SourceBill

NO_METRICS = "The --activity file contains no CloudWatch metrics for these resources."


def not_evaluated_document(*, source: Source, catalog: Catalog) -> Document:
    """Return what the newest scan did not evaluate, resolve or notify, and why. Raises QueryError."""
    with source.ledger() as ledger, source.bill() as opened:
        evaluation = source.last_run() or _evaluate(opened, ledger=ledger, catalog=catalog)
        covered = coverage(opened.bill.engine, as_of=opened.bill.as_of)
        last_runs = ledger.evaluated_until()
        facts = _facts(opened, evaluation, last_runs=last_runs, catalog=catalog)
        warnings = opened.bill.summary.warnings

    def build(limits: TextLimits) -> Document:
        shown: Document = bill_data(facts, limits)
        return shown | {
            DATA: without_empty(bill_data(_bill_facts(covered, evaluation, warnings=warnings), limits))
        }

    return fit(build)


def _evaluate(opened: SourceBill, *, ledger: Ledger, catalog: Catalog) -> Evaluation:
    """Return what each detection evaluates. A detection runs only if no result for the same bill is cached."""
    bill, owners = opened.bill, opened.owners
    summaries = summarize_detections(
        bill.engine,
        aws_engine=bill.aws_engine,
        as_of=bill.as_of,
        catalog=catalog,
        owners=owners,
        result_cache=opened.result_cache,
        evaluated_until=ledger.evaluated_until(),
        per_usd=float(bill.summary.rate(owners).per_usd),
    )
    return Evaluation(summaries, cause=NO_METRICS)


def _facts(
    opened: SourceBill, evaluation: Evaluation, *, last_runs: Mapping[str, date], catalog: Catalog
) -> Document:
    as_of, summary = opened.bill.as_of, opened.bill.summary
    partly = [
        {
            "detection": one.detection,
            "title": catalog.detections[one.detection].header.title,
            "resources_not_evaluated": one.not_evaluated,
            "their_monthly_cost": one.not_evaluated_monthly_cost,
        }
        for one in evaluation.detections
        if one.not_evaluated
    ]
    return {
        "as_of": as_of,
        "charges_from": summary.first_charge_date,
        "charges_to": summary.last_charge_date,
        "detections_run": len(evaluation.detections),
        "partly_evaluated": partly,
        "why_partly": evaluation.cause if partly else None,
        "without_input": [
            f"{one.detection}: {one.lacks_input}" for one in evaluation.detections if one.lacks_input
        ],
        "services_not_on_the_bill": [
            f"{one.detection}: {', '.join(one.services_not_on_bill)}"
            for one in evaluation.detections
            if one.services_not_on_bill
        ],
        "not_run_in_the_newest_scan": [
            f"{detection.id} (last run: {last_runs.get(detection.id, 'never')})"
            for detection in catalog.enabled
            if last_runs.get(detection.id) != as_of
        ],
    }


def _bill_facts(covered: Coverage, evaluation: Evaluation, *, warnings: Sequence[str]) -> dict[str, Any]:
    return {
        "failed_detections": {one.detection: one.error for one in evaluation.detections if one.error},
        "no_finding_was_resolved_because": list(covered.doubts),
        "accounts_without_recent_charges": sorted(
            account or "charges without an account" for account in covered.missing_accounts
        ),
        "accounts_whose_activity_was_not_read": dict(evaluation.not_collected),
        "warnings": list(warnings),
    }
