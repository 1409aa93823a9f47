"""Print the result of a scan on a terminal: notifications by category, resolved findings, savings and totals."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.console import Console

from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
from focuswatch.cli.output.amount_and_place_text import money, place, rounded
from focuswatch.cli.output.finding_cost_cells_and_severity_colors import (
    COLORS,
    NO_OWNER,
    cost_cells,
    cost_columns,
)
from focuswatch.cli.output.minor_first_charges_line import minor_line
from focuswatch.cli.output.next_command_with_ledger_options import NextCommand
from focuswatch.cli.output.table_grid import Cell, Column, console, print_grid
from focuswatch.detect.scan_result import ScanResult
from focuswatch.detect.skip_detections_of_unbilled_ai_services import not_run_text
from focuswatch.findings.account_and_owner_labels import owner_rule
from focuswatch.findings.count_each_cost_once import without_double_counts
from focuswatch.findings.count_text import count_text
from focuswatch.findings.exclusion_offer_text import offer_command, offer_reason
from focuswatch.findings.finding import Finding
from focuswatch.findings.replace_control_characters import visible
from focuswatch.findings.saving_text import saving_text
from focuswatch.findings.severity import SEVERITIES
from focuswatch.ledger import Notification
from focuswatch.notify.related_findings_and_region_rollout_text import incident_lines

MOST_SHOWN = 6  # findings of each category in a scan's tables; `focuswatch findings` lists all
HEADINGS = {"waste": "Waste", "security": "Security", "anomaly": "Anomalies", "governance": "Governance"}
KINDS = {
    "changed": "changed",
    "reminder": "open for two weeks or more",
    "resolved": "resolved",
    "saving_verified": "with savings verified on the bill",
}
NO_OWNERS = (
    "Most findings have no owner. List your teams in an owners file, and pass the file with --owners. To assign "
    "findings by OU or account tag, also pass --accounts."
)


def print_scan(result: ScanResult, summary: BillSummary, *, next_command: NextCommand) -> None:
    """Print a scan's notifications by category and cost, resolved findings, savings and totals.

    `next_command` selects the ledger of the scan in the commands that it suggests.
    """
    out = console()
    notified = [notification.finding for notification in result.notifications]
    unresolved = [finding for finding in notified if finding.status != "resolved"]
    minor = [finding for finding in unresolved if finding.is_minor]
    for category, heading in HEADINGS.items():
        group = [
            finding
            for finding in _one_each_incident(unresolved)
            if finding.category == category and not finding.is_minor
        ]
        _print_category(out, heading, group, currency=result.currency, next_command=next_command)
    if minor:
        out.print(visible(minor_line(minor, result.currency)), style="dim", markup=False)
    resolved = [
        notification.finding for notification in result.notifications if notification.kind == "resolved"
    ]
    _print_resolved(out, resolved, currency=result.currency, next_command=next_command)
    _print_savings(out, result.notifications)
    if unresolved:
        _print_sums(out, unresolved, currency=result.currency)
    elif not notified:
        out.print("No new findings.", style="bold")
    _print_totals(out, result)
    _print_basis(out, result, summary, next_command=next_command)
    print_failures(result)


def print_top_findings(result: ScanResult, *, most: int, next_command: NextCommand) -> None:
    """Print at most `most` findings with the highest severity and cost, one line each, and the totals."""
    out = console()
    unresolved = [
        notification.finding
        for notification in result.notifications
        if notification.finding.status != "resolved"
    ]
    incidents = _one_each_incident(unresolved)
    incidents.sort(key=lambda finding: (-SEVERITIES.index(finding.incident_severity), -finding.stake))
    columns = (
        Column("Severity"),
        Column("Finding"),
        Column("Account"),
        Column("Owner"),
        *cost_columns(result.currency),
    )
    rows: list[Sequence[Cell]] = [
        [
            [(finding.incident_severity, COLORS[finding.incident_severity])],
            visible(finding.title),
            visible(finding.sub_account_name or finding.sub_account_id or "all accounts"),
            visible(finding.team or NO_OWNER),
            *cost_cells(finding),
        ]
        for finding in incidents[:most]
    ]
    print_grid(out, columns, rows)
    out.print()
    _print_totals(out, result)
    if len(incidents) > most:
        listing = next_command.text("findings")
        out.print(visible(f"List all {len(unresolved)} findings: {listing}"), markup=False, soft_wrap=True)
    print_failures(result)


def _one_each_incident(findings: Sequence[Finding]) -> list[Finding]:
    """Return the findings; of an incident whose lead is among them, return only the lead."""
    led = {finding.incident_id for finding in findings if finding.incident_lead}
    return [finding for finding in findings if finding.incident_lead or finding.incident_id not in led]


def print_failures(result: ScanResult) -> None:
    """Print the errors of failed detections to stderr."""
    out = console(stderr=True)
    for outcome in result.failures:
        out.print(visible(f"Failed: {outcome.error}"), style="red", markup=False, soft_wrap=True)


def _print_category(
    out: Console, heading: str, findings: Sequence[Finding], *, currency: str, next_command: NextCommand
) -> None:
    if not findings:
        return
    out.print(heading, style="bold")
    cost_heading = "So far" if findings[0].is_event else f"{currency}/month"
    columns = (Column(cost_heading, number=True), Column("Owner"), Column("Finding", shortens=True))
    rows = [[_cost(finding), _owner(finding), _summary(finding)] for finding in findings[:MOST_SHOWN]]
    print_grid(out, columns, rows)
    remaining = findings[MOST_SHOWN:]
    if remaining:
        cost = ""
        if findings[0].category == "waste":  # amounts of other categories cannot be added up
            shown = {finding.fingerprint for finding in findings[:MOST_SHOWN]}
            counted = (one for one in without_double_counts(findings) if one.fingerprint not in shown)
            cost = f", {money(_sum(counted), currency)}/month"
        more = f"… and {len(remaining)} more{cost}: {next_command.text('findings')}\n"
        out.print(visible(more), style="dim", markup=False)


def _print_resolved(
    out: Console, findings: Sequence[Finding], *, currency: str, next_command: NextCommand
) -> None:
    if not findings:
        return
    out.print("Resolved", style="bold")
    columns = (*cost_columns(currency), Column("Owner"), Column("Finding", shortens=True))
    rows: list[Sequence[Cell]] = [
        [
            *cost_cells(finding),
            visible(finding.team or NO_OWNER),
            [(visible(finding.title), ""), (visible(place(finding)), "cyan")],
        ]
        for finding in findings[:MOST_SHOWN]
    ]
    print_grid(out, columns, rows)
    if len(findings) > MOST_SHOWN:
        more = f"… and {len(findings) - MOST_SHOWN} more: {next_command.text('findings --all')}\n"
        out.print(visible(more), style="dim", markup=False)


def _cost(finding: Finding) -> Cell:
    status = [] if finding.status == "open" else [(finding.status, "dim")]
    return [
        (rounded(finding.monthly_cost), ""),
        *((line, "") for line in _continues(finding)),
        (finding.severity, COLORS[finding.severity]),
        *status,
    ]


def _continues(finding: Finding) -> list[str]:
    """Return, for an event, that it ended or its monthly cost if it continues."""
    if not finding.is_event or finding.cost_so_far is None:
        return []
    if finding.ended_on is not None:
        return ["ended"]
    monthly = finding.monthly_cost_if_continues
    return [f"{rounded(monthly)}/month"] if monthly else []


def _print_savings(out: Console, notifications: Sequence[Notification]) -> None:
    """Print the savings of previously resolved findings that the bill now verifies."""
    findings = [one.finding for one in notifications if one.kind == "saving_verified"]
    if findings:
        out.print("Savings", style="bold")
    for finding in findings[:MOST_SHOWN]:
        line = f"{finding.title}, {place(finding)}: {saving_text(finding)}"
        out.print(visible(line), markup=False)
    if len(findings) > MOST_SHOWN:
        out.print(f"… and {len(findings) - MOST_SHOWN} more", style="dim")
    if findings:
        out.print()


def _owner(finding: Finding) -> Cell:
    if finding.team is None:
        return NO_OWNER
    return [(visible(finding.team), ""), (owner_rule(finding.owned_by), "dim")]


def _summary(finding: Finding) -> Cell:
    first_step = finding.action.partition("\n")[0].removeprefix("1. ")
    offer = finding.exclusion_offer
    lines = [offer_reason(finding, offer), offer_command(finding, offer)] if offer else []
    if finding.incident_lead:
        lines = [*incident_lines(finding)[:1], *lines]
    return [
        (visible(finding.title), "bold"),
        (visible(place(finding)), "cyan"),
        (visible(finding.reason), ""),
        (visible(f"→ {first_step} ({finding.fingerprint[:8]})"), "green"),
        *((visible(line), "dim") for line in lines),
    ]


def _print_sums(out: Console, findings: Sequence[Finding], *, currency: str) -> None:
    """Print the number and the cost of findings by detection."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(finding.detection, []).append(finding)
    sums = {id: _sum(group) for id, group in groups.items()}
    columns = (Column("Detection"), Column("Findings", number=True), *cost_columns(currency))
    rows: list[Sequence[Cell]] = []
    for id in sorted(groups, key=lambda id: (groups[id][0].is_event, -sums[id])):
        cells = ("", rounded(sums[id])) if groups[id][0].is_event else (rounded(sums[id]), "")
        rows.append([id, f"{len(groups[id]):,}", *cells])
    print_grid(out, columns, rows)
    out.print()


def _print_totals(out: Console, result: ScanResult) -> None:
    kinds = Counter[str](notification.kind for notification in result.notifications)
    new = f"{kinds['new']:,} new {'finding' if kinds['new'] == 1 else 'findings'}"
    others = [f"{kinds[kind]:,} {words}" for kind, words in KINDS.items() if kinds[kind]]
    line = (
        f"{', '.join([new, *others])}, {len(result.unresolved):,} open as of {result.as_of}: "
        f"{money(result.monthly_waste, result.currency)}/month of waste. {count_text(len(result.unowned), 'finding')} "
    )
    if result.unowned_waste:
        line += f"({money(result.unowned_waste, result.currency)}/month of waste) "
    line += "has no owner." if len(result.unowned) == 1 else "have no owner."
    out.print(visible(line), style="bold", markup=False)


def _print_basis(
    out: Console, result: ScanResult, summary: BillSummary, *, next_command: NextCommand
) -> None:
    period = f"{summary.first_charge_date} to {summary.last_charge_date}"
    out.print(
        f"{count_text(summary.charges, 'charge')} from {period}, {count_text(len(result.outcomes), 'detection')}, "
        f"{result.seconds:.1f} s.",
        style="dim",
    )
    for line in _limits(result, next_command=next_command):
        out.print(visible(line), style="dim", markup=False)


def _limits(result: ScanResult, *, next_command: NextCommand) -> Iterable[str]:
    """Yield lines that state what the scan did not evaluate, report or resolve, and why."""
    skipped = {
        outcome.detection.id: len(outcome.not_evaluated)
        for outcome in result.outcomes
        if outcome.not_evaluated and not outcome.lacks_input
    }
    unevaluated = [f"{', '.join(ids)}: {reason}" for reason, ids in result.lacking.items()]
    if skipped:
        listed = ", ".join(f"{count_text(count, 'resource')} of {id}" for id, count in skipped.items())
        unevaluated.append(f"{listed}: no usage metrics in the --activity file")
    if unevaluated:
        yield f"Not evaluated: {'; '.join(unevaluated)}."
    if len(result.unowned) * 2 > len(result.unresolved):
        yield NO_OWNERS
    if not_run := not_run_text(outcome.services_not_on_bill for outcome in result.outcomes):
        yield f"Not run: {not_run}."
    if result.suppressed:
        listing = next_command.text("findings --suppressions")
        yield f"{count_text(result.suppressed, 'finding')} suppressed: {listing}"
    for note in result.notes:
        yield f"{note}."
    for doubt in result.coverage.doubts:
        yield f"focuswatch did not resolve any findings in this scan, because {doubt}."


def _sum(findings: Iterable[Finding]) -> Decimal:
    return sum((finding.monthly_cost for finding in findings), Decimal(0))
