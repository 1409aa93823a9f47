"""Print tables of the findings and suppressions of a ledger on a terminal."""

from collections.abc import Sequence

from rich.console import Console

from focuswatch.cli.output.finding_cost_cells_and_severity_colors import NO_OWNER, cost_cells, cost_columns
from focuswatch.cli.output.table_grid import Cell, Column, console, print_grid
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.count_text import count_text
from focuswatch.findings.replace_control_characters import visible
from focuswatch.ledger import LedgerEntry, Suppression
from focuswatch.ledger.list_findings_by_incident import FindingsPage

RELATED = "└"  # marks a finding of the same incident as the finding above

MOST_ROWS = 500  # more rows take minutes to lay out, and no one reads that many


def print_findings(page: FindingsPage) -> None:
    """Print one row for each finding. The related findings of an incident follow its lead finding."""
    out = console()
    if not page.entries:
        out.print("No open findings.")
        _print_muted(out, page)
        return
    columns = (
        Column("Finding"),
        Column("Severity"),
        *cost_columns(page.entries[0].finding.currency),
        Column("Owner"),
        Column("Account, region"),
        Column("Detection"),
        Column("Since" if page.only_open else "Since, state"),
    )
    print_grid(
        out,
        columns,
        [
            _row(entry, with_state=not page.only_open, is_related=entry.fingerprint in page.related)
            for entry in page.entries
        ],
    )
    if page.findings > len(page.entries):
        out.print(
            f"Only {len(page.entries)} of {page.findings:,} findings are shown, highest cost first. "
            "To list all findings, use --format json.",
            style="dim",
        )
    if page.incidents < page.findings:
        out.print(
            f"{page.findings:,} findings in {count_text(page.incidents, 'incident')}. "
            f"{RELATED} marks a finding with the same cause as the finding above.",
            style="dim",
        )
    _print_muted(out, page)


def _print_muted(out: Console, page: FindingsPage) -> None:
    if page.muted:
        out.print(
            f"Not shown: {count_text(page.muted, 'muted finding')}. To list all findings, use --all. To list snoozes "
            "and exclusions, use --suppressions.",
            style="dim",
        )


def _row(entry: LedgerEntry, *, with_state: bool, is_related: bool) -> Sequence[Cell]:
    finding = entry.finding
    account = account_label(finding.sub_account_name, finding.sub_account_id)
    cells = (
        f"{RELATED if is_related else ''}{finding.fingerprint[:8]}",
        finding.severity,
        *cost_cells(finding),
        finding.team or NO_OWNER,
        " ".join(filter(None, (account, finding.region_id))),
        finding.detection,
        f"{finding.first_seen} {entry.state}" if with_state else str(finding.first_seen),
    )
    return [visible(cell) for cell in cells]


def print_suppressions(suppressions: Sequence[Suppression]) -> None:
    """Print one row for each snooze or exclusion."""
    out = console()
    if not suppressions:
        out.print("No suppressions.")
        return
    headings = ("Scope", "Value", "Detection", "Until", "Author", "Reason")
    columns = (
        Column("ID", number=True),
        *(Column(heading, shortens=heading == "Value") for heading in headings),
    )
    rows = [
        [
            visible(cell)
            for cell in (
                str(suppression.id),
                suppression.scope,
                suppression.value,
                suppression.detection or "all",
                str(suppression.until or "no end date"),
                suppression.author,
                suppression.reason,
            )
        ]
        for suppression in suppressions
    ]
    print_grid(out, columns, rows)
