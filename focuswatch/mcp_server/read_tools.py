"""The MCP tools that only read. Agents see their names, parameters and docstrings."""

from datetime import date
from typing import Annotated

from pydantic import Field

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.catalog.sql_header_models import Category, CostColumn, CountedCharges
from focuswatch.engines import Row
from focuswatch.findings.severity import Severity
from focuswatch.ledger.find_entry import find_entry
from focuswatch.mcp_server.catalog_responses import detection_document, detections_page
from focuswatch.mcp_server.filtered_and_paged_finding_lists import (
    FindingFilters,
    FindingStatus,
    entry_status,
    list_findings,
)
from focuswatch.mcp_server.finding_details_and_root_cause_responses import finding_document, root_cause
from focuswatch.mcp_server.not_evaluated_in_newest_scan_response import not_evaluated_document
from focuswatch.mcp_server.report_and_weekly_responses import (
    query_report,
    report_page,
    weekly_document,
)
from focuswatch.mcp_server.shorten_or_page_responses_to_fit import Document
from focuswatch.mcp_server.source_protocol import Source
from focuswatch.reports.run_report_with_other_cost_or_charge_kinds import Basis, basis_of

LISTING = "use list_findings with status all"

Fingerprint = Annotated[str, Field(description="Fingerprint of the finding, or its first characters.")]
Cursor = Annotated[
    str | None,
    Field(
        description="The next_cursor of the previous page. Repeat all other arguments of the previous call."
    ),
]


class ReadTools:
    """Tools that read from a source. The rows of a report are kept, so that all its pages come from one query."""

    def __init__(self, source: Source, *, catalog: Catalog) -> None:
        self._source = source
        self._catalog = catalog
        self._reports: dict[tuple[str, Basis], tuple[date, list[Row]]] = {}

    def list_findings(
        self,
        team: Annotated[str | None, Field(description="Team that owns the findings, or 'no owner'.")] = None,
        account: Annotated[str | None, Field(description="ID or name of the account.")] = None,
        category: Annotated[Category | None, Field(description="Category of the detection.")] = None,
        severity: Annotated[
            Severity | None, Field(description="List only findings of this severity.")
        ] = None,
        detection: Annotated[str | None, Field(description="ID of the detection.")] = None,
        status: Annotated[
            FindingStatus,
            Field(
                description="open: the most recent scan reported the finding, and it is not muted. "
                "suppressed: the finding is muted."
            ),
        ] = "open",
        cursor: Cursor = None,
    ) -> Document:
        """List findings of waste, cost anomalies, security and governance, highest cost first."""
        filters = FindingFilters(team, account, category, severity, detection, status)
        with self._source.ledger() as ledger:
            return list_findings(ledger, filters=filters, cursor=cursor, catalog=self._catalog)

    def get_finding(self, fingerprint: Fingerprint) -> Document:
        """Show all details of one finding: reason, recommended steps, evidence, root cause, and known
        limitations."""
        with self._source.ledger() as ledger:
            entry = find_entry(ledger, fingerprint, listing=LISTING)
            status = entry_status(entry, ledger=ledger)
        return finding_document(entry, status=status, catalog=self._catalog)

    def explain_increase(self, fingerprint: Fingerprint) -> Document:
        """Show the root cause of a finding's cost increase.

        Returns cost drivers by meter, Region, operation and resource, the effects of usage and price, and
        what started, stopped or changed.
        """
        with self._source.ledger() as ledger:
            entry = find_entry(ledger, fingerprint, listing=LISTING)
        return root_cause(entry, source=self._source, catalog=self._catalog)

    def run_report(
        self,
        name: Annotated[str, Field(description="Name of the report to run.")],
        cost: Annotated[
            CostColumn | None,
            Field(
                description="Cost column to sum: EffectiveCost or BilledCost. Valid only for reports that support both "
                "columns."
            ),
        ] = None,
        charges: Annotated[
            list[CountedCharges] | None,
            Field(
                description="Kinds of charges to include: usage, fees, credits or tax. Valid only for reports that "
                "support this argument.",
                min_length=1,
            ),
        ] = None,
        cursor: Cursor = None,
    ) -> Document:
        """Run a report over the bill. The response states the cost column and the charges that the amounts include,
        and the other values of cost and charges that the report supports."""
        report = self._catalog.report(name)
        basis = basis_of(report, cost=cost, charges=charges, prefix="")
        key = (name, basis)
        if cursor is None or key not in self._reports:
            self._reports[key] = query_report(report, basis=basis, source=self._source, catalog=self._catalog)
        as_of, rows = self._reports[key]
        return report_page(report, basis=basis, as_of=as_of, rows=rows, cursor=cursor)

    def weekly_summary(
        self,
        team: Annotated[
            str | None,
            Field(
                description="Show the summary for this team. If omitted, show the summary for the whole organization."
            ),
        ] = None,
    ) -> Document:
        """Summarize the last seven complete days: spend, largest changes with causes, open findings, savings."""
        return weekly_document(team, source=self._source, catalog=self._catalog)

    def list_detections(
        self,
        detection: Annotated[
            str | None,
            Field(description="Show all details of this detection, with thresholds and known limitations."),
        ] = None,
        category: Annotated[
            Category | None, Field(description="List only detections of this category.")
        ] = None,
        cursor: Cursor = None,
    ) -> Document:
        """List all detections, or show all details of one detection."""
        if detection is not None:
            return detection_document(self._catalog.detection(detection))
        return detections_page(self._catalog, category=category, cursor=cursor)

    def not_evaluated(self) -> Document:
        """List resources, accounts, days and detections that the most recent scan did not evaluate, with the
        reasons."""
        return not_evaluated_document(source=self._source, catalog=self._catalog)
