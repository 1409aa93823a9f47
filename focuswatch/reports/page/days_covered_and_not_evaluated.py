"""Build the page's coverage section: which days and resources the data covers, and what was not evaluated or shown."""

from collections.abc import Sequence

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.count_findings_and_not_evaluated_for_heartbeats import DetectionSummary
from focuswatch.detect.skip_detections_of_unbilled_ai_services import named_services
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.ledger import LedgerEntry
from focuswatch.reports.page.query_page_data import PageData, Part
from focuswatch.reports.page.waste_totals import count_and_waste

DAYS = ("first_day", "last_day", "last_settled_day", "sub_accounts")


def coverage_part(page_data: PageData, shown: Sequence[LedgerEntry]) -> Part:
    """Return the days that the data covers, and what was not evaluated, resolved or notified, and why."""
    shown_fingerprints = {entry.fingerprint for entry in shown}
    suppressed = [
        entry.finding
        for entry in page_data.entries
        if entry.state == "open" and entry.fingerprint not in shown_fingerprints
    ]
    errors = [summary.error for summary in page_data.detections if summary.error]
    lacking = [
        f"{summary.detection} was not evaluated: {summary.lacks_input}"
        for summary in page_data.detections
        if summary.lacks_input
    ]
    return {
        **{name: page_data.billed_days.get(name) for name in DAYS},
        "doubts": page_data.coverage.doubts,
        "missing_accounts": sorted(
            account_label(page_data.account_names.get(account), account) or "charges without an account"
            for account in page_data.coverage.missing_accounts
        ),
        "warnings": [*page_data.warnings, *lacking],
        "failures": [*errors, *page_data.failures],
        "detections": len(page_data.detections),
        "not_evaluated": [
            _not_evaluated(summary, page_data.catalog)
            for summary in page_data.detections
            if summary.not_evaluated
        ],
        "not_run": _not_run(page_data),
        "services_not_on_bill": _services_not_on_bill(page_data.detections),
        "launched": [launch.sentence(page_data.currency) for launch in page_data.launched],
        "suppressed": count_and_waste(suppressed, among=suppressed),
    }


def _not_run(page_data: PageData) -> list[str]:
    """Return the detections that the last scan did not run, each with the date of its last run."""
    last_runs = {
        summary.detection: page_data.evaluated_until.get(summary.detection)
        for summary in page_data.detections
    }
    return sorted(
        f"{id} (last run: {day or 'never'})" for id, day in last_runs.items() if day != page_data.as_of
    )


def _services_not_on_bill(summaries: Sequence[DetectionSummary]) -> Part:
    """Return the detections that have nothing to evaluate on this bill, and the services that the bill lacks."""
    absent = {one.detection: one.services_not_on_bill for one in summaries if one.services_not_on_bill}
    return {"detections": sorted(absent), "services": named_services(absent.values())}


def _not_evaluated(summary: DetectionSummary, catalog: Catalog) -> Part:
    return {
        "detection": summary.detection,
        "title": catalog.detections[summary.detection].header.title,
        "resources": summary.not_evaluated,
        "monthly_cost": round(float(summary.not_evaluated_monthly_cost), 2),
    }
