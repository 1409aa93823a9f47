"""Between two scans, run the detections whose amounts are estimates, and record their findings in the ledger.

A run creates and updates findings but resolves none: the scan of the bill that has the finding's day resolves it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from focuswatch.catalog.sql_catalog import Catalog, Detection
from focuswatch.detect.detection_placeholder_values import detection_inputs
from focuswatch.detect.owned_findings_from_rows import owned_findings
from focuswatch.detect.run_detection_and_check_rows import Outcome, run_detection
from focuswatch.engines import Engine
from focuswatch.findings.lead_order_and_incident_properties_of_detections import incident_rules
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import Rate
from focuswatch.ledger import Decision, DetectionRun, Ledger, LedgerEntry, Suppression, decide
from focuswatch.owners.owners_file import Owners


@dataclass(frozen=True)
class EstimatedRun:
    """The outcomes of the detections, and the changes that they made to the ledger."""

    outcomes: tuple[Outcome, ...]
    decision: Decision


def estimate_detections(catalog: Catalog) -> tuple[Detection, ...]:
    """Return the detections whose amounts are estimates."""
    return tuple(detection for detection in catalog.enabled if detection.header.estimate)


def record_estimates(
    engine: Engine, *, as_of: date, catalog: Catalog, owners: Owners, rate: Rate, ledger: Ledger
) -> EstimatedRun:
    """Run the detections of estimates as of the end of the bill, and record their findings. Raises QueryError."""
    detections = estimate_detections(catalog)
    inputs = detection_inputs(
        detections, as_of=as_of, evaluated_until={}, owners=owners, per_usd=float(rate.per_usd)
    )
    outcomes = tuple(
        run_detection(detection, engine=engine, catalog=catalog, inputs=inputs[detection.id])
        for detection in detections
    )
    findings = owned_findings(outcomes, engine=engine, as_of=as_of, rate=rate, owners=owners, billed_until={})
    run = DetectionRun(
        as_of=as_of,
        findings={finding.fingerprint: finding for finding in findings},
        ran=(),
        per_usd=rate.per_usd,
        incident_rules=incident_rules(catalog) if owners.routing.incidents else None,
    )

    def decide_run(entries: Mapping[str, LedgerEntry], suppressions: Sequence[Suppression]) -> Decision:
        return decide(entries, suppressions, run)

    return EstimatedRun(outcomes, ledger.update(decide_run, evaluated=()))
