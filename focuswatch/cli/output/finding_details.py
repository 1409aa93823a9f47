"""Print all details of one finding on a terminal."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from focuswatch.cli.output.amount_and_place_text import money
from focuswatch.cli.output.finding_cost_cells_and_severity_colors import NO_OWNER
from focuswatch.cli.output.table_grid import console
from focuswatch.findings.account_and_owner_labels import account_label, owner_label
from focuswatch.findings.cost_increase_explanation_text import explanation_sentences
from focuswatch.findings.finding import Finding
from focuswatch.findings.finding_amount_and_age_text import full_amount
from focuswatch.findings.replace_control_characters import visible
from focuswatch.ledger import LedgerEntry, Suppression


def print_finding(
    entry: LedgerEntry, *, suppressions: Sequence[Suppression] = (), blind_spots: Sequence[str] = ()
) -> None:
    """Print all details of a finding, the suppressions that mute it, and the known limitations of its detection."""
    finding, out = entry.finding, console()
    out.print(visible(finding.title), style="bold", markup=False)
    _print_facts(out, entry, suppressions)
    out.print(visible(f"\n{finding.reason}\n\n{finding.action}\n"), markup=False)
    out.print("Evidence", style="dim")
    for name, value in finding.evidence.items():
        out.print(_text(f"{name}: ", style="dim").append(visible(_lines(value)).replace("\n", "\n  ")))
    out.print()
    if finding.explanation:
        _print_list(out, "Root cause", explanation_sentences(finding.explanation, currency=finding.currency))
    _print_list(out, "Known limitations", blind_spots)


def _print_facts(out: Console, entry: LedgerEntry, suppressions: Sequence[Suppression]) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # wraps long identifiers instead of shortening them
    for name, value in _facts(entry, entry.finding).items():
        if value:
            table.add_row(_text(name, style="dim"), _text(value))
    for one in suppressions:
        muted = f"suppression {one.id}, {one.end_text}, by {one.author}: {one.reason}"
        table.add_row(_text("muted", style="dim"), _text(muted))
    out.print(table)


def _facts(entry: LedgerEntry, finding: Finding) -> dict[str, str | None]:
    saved = None if entry.saved_daily is None else f"{money(entry.saved_daily, finding.currency)}/day"
    acknowledged = f"{entry.acknowledged_on} by {entry.acknowledged_by}" if entry.acknowledged_on else None
    return {
        "state": f"{entry.state}, {finding.severity}, {finding.category}",
        "amount": full_amount(finding),
        "owner": owner_label(finding) if finding.team else NO_OWNER,
        "account": account_label(finding.sub_account_name, finding.sub_account_id),
        "region": finding.region_id,
        "service": finding.service_name,
        "resource": finding.resource_id,
        "days": f"{finding.first_seen} to {finding.last_seen}"
        if finding.first_seen != finding.last_seen
        else str(finding.first_seen),
        "notified": str(entry.notified_on or "not yet"),
        "acknowledged": acknowledged,
        "resolved": str(entry.resolved_on) if entry.resolved_on else None,
        "saved": saved,
        "fingerprint": finding.fingerprint,
    }


def _print_list(out: Console, heading: str, lines: Sequence[str]) -> None:
    if lines:
        out.print(heading, style="dim")
    for line in lines:
        out.print(visible(f"- {line}"), markup=False)


def _lines(value: object) -> str:
    match value:
        case None:
            return ""
        case list():
            return "".join(f"\n{item}" for item in value)
        case dict():
            return "".join(f"\n{key} = {item}" for key, item in value.items())
    return str(value)


def _text(text: str, style: str = "") -> Text:
    """Return text from a bill without markup and control characters, so that it is safe to print."""
    return Text(visible(text), style=style)
