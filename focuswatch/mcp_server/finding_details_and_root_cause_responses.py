"""Build responses about one finding: its evidence and explanation, or the root cause of its cost increase."""

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.explain_finding_or_say_why_not import explain_from_bill, increase_to_explain
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.cost_increase_explanation_models import Explanation
from focuswatch.findings.cost_increase_explanation_text import explanation_sentences
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import full_amount
from focuswatch.ledger import LedgerEntry
from focuswatch.mcp_server.filtered_and_paged_finding_lists import finding_row
from focuswatch.mcp_server.shorten_or_page_responses_to_fit import (
    DATA,
    Document,
    TextLimits,
    bill_data,
    fit,
    without_empty,
)
from focuswatch.mcp_server.source_protocol import Source


def finding_document(entry: LedgerEntry, *, status: str, catalog: Catalog) -> Document:
    """Return a finding in full, with the known limitations of its detection."""
    finding, detection = entry.finding, catalog.detections.get(entry.finding.detection)
    limitations = list(detection.header.blind_spots) if detection else []

    def build(limits: TextLimits) -> Document:
        document = finding_row(entry, limits, status=status)
        document[DATA] |= _details(entry, limits)
        return document | without_empty(
            {
                "last_seen": finding.last_seen.isoformat(),
                "resolved_on": entry.resolved_on and entry.resolved_on.isoformat(),
                "known_limitations": bill_data(limitations, limits),
            }
        )

    return fit(build)


def root_cause(entry: LedgerEntry, *, source: Source, catalog: Catalog) -> Document:
    """Return the cost drivers of a finding and what started or changed that day. Raises ConfigError if it has none.

    A deployment stores them with the finding; for a local scan, they are computed from the bill.
    """
    finding = entry.finding
    stored = finding.explanation if source.is_deployed else None
    explanation = stored or _computed(finding, source=source, catalog=catalog)
    sentences = explanation_sentences(explanation, currency=finding.currency)

    def build(limits: TextLimits) -> Document:
        return {
            "fingerprint": finding.fingerprint,
            "detection": finding.detection,
            "first_day": explanation.first_day.isoformat(),
            "last_day": explanation.last_day.isoformat(),
            DATA: without_empty(
                {
                    "account": bill_data(
                        account_label(finding.sub_account_name, finding.sub_account_id), limits
                    ),
                    "root_cause": bill_data(sentences, limits),
                }
            ),
        }

    return fit(build)


def _computed(finding: Finding, *, source: Source, catalog: Catalog) -> Explanation:
    otherwise = "To see the cost and the evidence of the finding, call get_finding."
    increase = increase_to_explain(finding, catalog=catalog, otherwise=otherwise)
    with source.bill() as opened:
        return explain_from_bill(finding, increase, bill=opened.bill, catalog=catalog, export=opened.export)


def _details(entry: LedgerEntry, limits: TextLimits) -> Document:
    finding = entry.finding
    acknowledged = f"{entry.acknowledged_on} by {entry.acknowledged_by}" if entry.acknowledged_on else None
    explanation = (
        explanation_sentences(finding.explanation, currency=finding.currency) if finding.explanation else []
    )
    return without_empty(
        {
            "amount": bill_data(full_amount(finding), limits),
            "owner_determined_by": finding.owned_by,
            "acknowledged": bill_data(acknowledged, limits),
            "reason": bill_data(finding.reason, limits),
            "recommended_steps": bill_data(finding.action, limits),
            "root_cause": bill_data(explanation, limits),
            "evidence": bill_data(without_empty(finding.evidence), limits),
        }
    )
