"""What a person reads on a terminal; colours go away when it is piped, and the width is then COLUMNS or 120."""

import os
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.markup import escape as escaped_markup
from rich.table import Table
from rich.text import Text as RichText

from focuswatch.bill.bill import BillSummary
from focuswatch.catalog.catalog import Catalog, Report
from focuswatch.cli.output.minor_findings import minor_line
from focuswatch.cli.output.table_grid import Cell, Column, grid
from focuswatch.detect.run_detection import DetectionInput, first_new_day
from focuswatch.detect.scan_result import ScanResult
from focuswatch.engines import Row
from focuswatch.errors import ConfigError
from focuswatch.findings.amount_text import full_amount
from focuswatch.findings.explanation_text import explanation_sentences
from focuswatch.findings.finding import SEVERITIES, Finding, account_label, is_minor
from focuswatch.findings.finding import amount as plain_amount
from focuswatch.findings.visible_text import visible
from focuswatch.ledger import LedgerEntry, Suppression

PIPED_WIDTH = 120
LEAST_WIDTH = 20
WHOLE_FROM = 100  # amounts from here on are rounded to whole ones
LEAST_CENTS = 0.01  # an amount below keeps two digits that say something
SHOWN = 6  # findings of each category in a scan's table; the rest is a command away
UNNAMED = {"team": "(no team)", "account": "(no account)", "service_name": "(no service)"}
IDENTIFIERS = {"resource_id"}  # as long as an ARN
COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "dim"}
HEADINGS = {
    "waste": "Switch off",
    "security": "Look into",
    "anomaly": "Out of pattern",
    "governance": "Put in order",
}


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal, or of a fixed width where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(stderr=stderr, width=None if stream.isatty() else _piped_width(), highlight=False)


def _piped_width() -> int:
    told = os.environ.get("COLUMNS", "")
    return max(int(told), LEAST_WIDTH) if told.isascii() and told.isdigit() and told != "0" else PIPED_WIDTH


def _print_grid(out: Console, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    out.print(grid(columns, rows, width=max(out.width, LEAST_WIDTH)), soft_wrap=True)


def hint(arguments: str, *, state: Path | None, command: str = "focuswatch") -> str:
    """Return a command to run next, with `--state` where this run was given one."""
    return f"{command} {arguments}" + (f" --state {shlex.quote(str(state))}" if state else "")


def _text(text: str, style: str = "") -> RichText:
    """What the bill says is data: neither markup nor orders to the terminal."""
    return RichText(visible(text), style=style)


def _escape(text: str) -> str:
    return escaped_markup(visible(text))


def amount(value: Decimal | float | None, currency: str = "") -> str:
    """Money as a finding's sentence shows it, with its currency; null is nothing."""
    return "" if value is None else f"{plain_amount(value)} {currency}".rstrip()


def rounded(value: Decimal | float | None) -> str:
    """Return an amount as people round it: whole from 100 up, two decimals below, two digits of what is tiny."""
    if value is None:
        return ""
    size = abs(float(value))
    if not size or size >= LEAST_CENTS:
        return f"{value:,.0f}" if round(size, 2) >= WHOLE_FROM else f"{value:,.2f}"
    places = next((places for places in range(3, 12) if round(size, places) >= 10 ** (1 - places)), 12)
    return f"{value:,.{places}f}"


def account(name: str | None, id: str | None) -> str:
    """Return `name (id)`, or whichever there is."""
    return account_label(name, id) or ""


def scanned(result: ScanResult, summary: BillSummary, *, state: Path | None = None) -> None:
    """A scan: its news by category and money, what was resolved, then the totals. `state` is for the hints."""
    out = console()
    news = [one.finding for one in result.notifications]
    found = [finding for finding in news if finding.status != "resolved"]
    minor = [finding for finding in found if is_minor(finding)]
    for category, heading in HEADINGS.items():
        group = [finding for finding in found if finding.category == category and not is_minor(finding)]
        _findings(out, heading, group[:SHOWN])
        if len(group) > SHOWN:
            rest = ""
            if (
                category == "waste"
            ):  # amounts of the other categories mean several things, or one dollar twice
                left = sum((finding.monthly_cost for finding in group[SHOWN:]), Decimal(0))
                rest = f", {amount(left, result.currency)}/month"
            more = f"… and {len(group) - SHOWN} more{rest}: {hint('findings', state=state)}\n"
            out.print(visible(more), style="dim", markup=False)
    if minor:
        out.print(visible(minor_line(minor, result.currency)), style="dim", markup=False)
    _resolved(out, [finding for finding in news if finding.status == "resolved"], state=state)
    if found:
        _by_detection(out, found)
    elif not news:
        out.print("Nothing new.", style="bold")
    _summary(out, result, summary, state=state)
    failures(result)


def top(result: ScanResult, *, most: int, state: Path, command: str) -> None:
    """The findings that matter most, a line each, and the totals: one screen."""
    out = console()
    found = [one.finding for one in result.notifications if one.finding.status != "resolved"]
    found.sort(key=lambda one: (-SEVERITIES.index(one.severity), -one.stake))
    columns = (
        Column("A month", number=True), Column("So far", number=True), Column("Severity"), Column("Finding"),
        Column("Account"), Column("Owner"),
    )  # fmt: skip
    rows: list[Sequence[Cell]] = [
        [
            *_by_meaning(one), [(one.severity, COLOURS[one.severity])], visible(one.title),
            visible(one.sub_account_name or one.sub_account_id or "all accounts"), visible(one.team or "nobody"),
        ]
        for one in found[:most]
    ]  # fmt: skip
    _print_grid(out, columns, rows)
    out.print()
    _totals(out, result)
    if len(found) > most:
        out.print(
            visible(f"All {len(found)} findings: {hint('findings', state=state, command=command)}"),
            markup=False,
            soft_wrap=True,
        )
    failures(result)


def _findings(out: Console, heading: str, findings: Sequence[Finding]) -> None:
    if findings:
        out.print(heading, style="bold")
        heading_of_amount = "So far" if findings[0].is_event else "A month"
        columns = (Column(heading_of_amount, number=True), Column("Owner"), Column("Finding", shortens=True))
        _print_grid(out, columns, [[_money(one), _owner(one), _words(one)] for one in findings])


def _resolved(out: Console, findings: Sequence[Finding], *, state: Path | None) -> None:
    """What is no longer found, apart from what is to be done."""
    if not findings:
        return
    out.print("Resolved, nothing to do", style="bold")
    columns = (
        Column("A month", number=True), Column("So far", number=True), Column("Owner"),
        Column("Finding", shortens=True),
    )  # fmt: skip
    rows: list[Sequence[Cell]] = [
        [
            *_by_meaning(one), visible(one.team or "nobody"),
            [(visible(one.title), ""), (visible(place(one)), "cyan")],
        ]
        for one in findings[:SHOWN]
    ]  # fmt: skip
    _print_grid(out, columns, rows)
    if len(findings) > SHOWN:
        out.print(
            visible(f"… and {len(findings) - SHOWN} more: {hint('findings --all', state=state)}\n"),
            style="dim",
            markup=False,
        )


def _money(finding: Finding) -> Cell:
    status = [] if finding.status == "open" else [(finding.status, "dim")]
    return [
        (rounded(finding.monthly_cost), ""),
        *((line, "") for line in _continues(finding)),
        (finding.severity, COLOURS[finding.severity]),
        *status,
    ]


def _continues(finding: Finding) -> list[str]:
    """Return, for an event, that it ended or what a month of it would cost."""
    if not finding.is_event or finding.cost_so_far is None:
        return []
    if finding.ended_on is not None:
        return ["ended"]
    return (
        [f"{rounded(finding.monthly_cost_if_continues)}/month"] if finding.monthly_cost_if_continues else []
    )


def _owner(finding: Finding) -> Cell:
    return [(visible(finding.team or "nobody"), ""), (f"by {finding.owned_by}", "dim")]


def _words(finding: Finding) -> Cell:
    first_step = finding.action.partition("\n")[0].removeprefix("1. ")
    return [
        (visible(finding.title), "bold"),
        (visible(place(finding)), "cyan"),
        (visible(finding.reason), ""),
        (visible(f"→ {first_step} ({finding.fingerprint[:8]})"), "green"),
    ]


def place(finding: Finding) -> str:
    """Where it is, in the words of the bill."""
    named = account_label(finding.sub_account_name, finding.sub_account_id) or "the whole organization"
    return " · ".join(filter(None, (named, finding.region_id, finding.service_name, finding.resource_id)))


def _by_detection(out: Console, found: Sequence[Finding]) -> None:
    groups: dict[str, list[Finding]] = {}
    for finding in found:
        groups.setdefault(finding.detection, []).append(finding)
    sums = {id: sum((one.monthly_cost for one in group), Decimal(0)) for id, group in groups.items()}
    columns = (
        Column("Found by"), Column("Findings", number=True), Column("A month", number=True),
        Column("So far", number=True),
    )  # fmt: skip
    rows: list[Sequence[Cell]] = []
    for id in sorted(groups, key=lambda id: (groups[id][0].is_event, -sums[id])):
        cells = ("", rounded(sums[id])) if groups[id][0].is_event else (rounded(sums[id]), "")
        rows.append([id, f"{len(groups[id]):,}", *cells])
    _print_grid(out, columns, rows)
    out.print()


def _summary(out: Console, result: ScanResult, summary: BillSummary, *, state: Path | None) -> None:
    _totals(out, result)
    judged = f"{summary.charges:,} charges of {summary.first_charge_date} to {summary.last_charge_date}"
    out.print(
        f"Looked at {judged} with {len(result.outcomes)} detections in {result.seconds:.1f} s.", style="dim"
    )
    for line in _caveats(result, state=state):
        out.print(visible(line), style="dim", markup=False)


def _totals(out: Console, result: ScanResult) -> None:
    open_findings = [one for one in result.findings if one.status != "resolved"]
    waste = amount(result.monthly_waste, result.currency)
    out.print(
        f"{len(result.notifications)} told, {len(open_findings)} open as of {result.as_of}: "
        f"[bold]{_escape(waste)} of waste a month[/bold]; "
        f"{len(result.unowned)} without an owner, "
        f"{_escape(amount(result.unowned_waste, result.currency))} of waste a month among them.",
    )


def _caveats(result: ScanResult, *, state: Path | None) -> Iterable[str]:
    skipped = {one.detection.id: len(one.not_evaluated) for one in result.outcomes if one.not_evaluated}
    if skipped:
        listed = ", ".join(f"{id} {count}" for id, count in skipped.items())
        yield f"Not judged, because --activity says nothing of their use: {listed}."
    if result.suppressed:
        yield f"{result.suppressed} silenced: {hint('findings --silences', state=state)}"
    for note in result.notes:
        yield f"{note}."
    for doubt in result.coverage.doubts:
        yield f"Nothing was resolved: {doubt}."


def failures(result: ScanResult) -> None:
    """The detections that could not be run, on stderr."""
    out = console(stderr=True)
    for outcome in result.failures:
        out.print(visible(f"Failed: {outcome.error}"), style="red", markup=False, soft_wrap=True)


def entries(listed: Sequence[LedgerEntry]) -> None:
    """What a ledger knows, a row each."""
    out = console()
    if not listed:
        out.print("No findings are open.")
        return
    several = {entry.state for entry in listed} != {"open"}
    columns = (
        Column("Finding"), Column("Severity"), Column("A month", number=True), Column("So far", number=True),
        Column("Team"), Column("Account, region"), Column("Detection"), Column("Since, state" if several else "Since"),
    )  # fmt: skip
    _print_grid(out, columns, [_entry(entry, with_state=several) for entry in listed])


def _entry(entry: LedgerEntry, *, with_state: bool) -> Sequence[Cell]:
    finding = entry.finding
    where = " ".join(
        filter(None, (account(finding.sub_account_name, finding.sub_account_id), finding.region_id))
    )
    since = f"{finding.first_seen} {entry.state}" if with_state else str(finding.first_seen)
    cells = (
        finding.fingerprint[:8], finding.severity, *_by_meaning(finding), finding.team or "nobody",
        where, finding.detection, since,
    )  # fmt: skip
    return [visible(cell) for cell in cells]


def _by_meaning(finding: Finding) -> tuple[str, str]:
    """Return the cells of the columns "A month" and "So far"; one of them is empty."""
    cost = rounded(finding.monthly_cost)
    return ("", cost) if finding.is_event else (cost, "")


def whole(entry: LedgerEntry, *, blind_spots: Sequence[str] = ()) -> None:
    """One finding with everything that is known of it, and how its detection may be wrong."""
    finding, out = entry.finding, console()
    out.print(finding.title, style="bold", markup=False)
    facts = {
        "state": f"{entry.state}, {finding.severity}, {finding.category}",
        "amount": full_amount(finding),
        "owner": f"{finding.team or 'nobody'} (by {finding.owned_by})",
        "account": account(finding.sub_account_name, finding.sub_account_id),
        "region": finding.region_id,
        "service": finding.service_name,
        "resource": finding.resource_id,
        "seen": f"{finding.first_seen} to {finding.last_seen}",
        "told": str(entry.notified_on or "not yet"),
        "acknowledged": f"{entry.acknowledged_on} by {entry.acknowledged_by}"
        if entry.acknowledged_on
        else None,
        "resolved": str(entry.resolved_on) if entry.resolved_on else None,
        "saved": f"{amount(entry.saved_daily, finding.currency)} a day"
        if entry.saved_daily is not None
        else None,
        "fingerprint": finding.fingerprint,
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")  # an identifier is shown whole here
    for name, value in facts.items():
        if value:
            table.add_row(_text(name, style="dim"), _text(value))
    out.print(table)
    out.print(visible(f"\n{finding.reason}\n\n{finding.action}\n"), markup=False)
    out.print("Evidence", style="dim")
    for name, value in finding.evidence.items():
        out.print(_text(f"{name}: ", style="dim").append(visible(_listed(value)).replace("\n", "\n  ")))
    out.print()
    if finding.explanation:
        out.print("Why", style="dim")
        for line in explanation_sentences(finding.explanation, currency=finding.currency):
            out.print(visible(f"- {line}"), markup=False)
    if blind_spots:
        out.print("How it may be wrong", style="dim")
    for spot in blind_spots:
        out.print(visible(f"- {spot}"), markup=False)


def _listed(value: object) -> str:
    match value:
        case None:
            return ""
        case list():
            return "".join(f"\n{one}" for one in value)
        case dict():
            return "".join(f"\n{key} = {one}" for key, one in value.items())
    return str(value)


def silences(listed: Sequence[Suppression]) -> None:
    """Snoozes and exclusions, a row each."""
    out = console()
    if not listed:
        out.print("Nothing is silenced.")
        return
    headings = ("Scope", "Value", "Detection", "Until", "By", "Reason")
    columns = (
        Column("Id", number=True),
        *(Column(heading, shortens=heading == "Value") for heading in headings),
    )
    rows = []
    for one in listed:
        until = str(one.until) if one.until else "for good"
        cells = (str(one.id), one.scope, one.value, one.detection or "all", until, one.author, one.reason)
        rows.append([visible(cell) for cell in cells])
    _print_grid(out, columns, rows)


def catalog(loaded: Catalog) -> None:
    """Every detection and report, a row each."""
    out = console()
    columns = (Column("Detection"), Column("Category"), Column("Schedule"), Column("Finds"))
    rows = []
    for one in sorted(loaded.detections.values(), key=lambda one: (one.header.category, one.id)):
        mark = "" if one.header.status == "live" else f" ({one.header.status})"
        rows.append([one.id, one.header.category + mark, one.header.schedule, visible(one.header.title)])
    _print_grid(out, columns, rows)
    out.print()
    reports = [[one.id, visible(one.header.title)] for one in loaded.reports.values()]
    _print_grid(out, (Column("Report"), Column("Shows")), reports)


def entry(loaded: Catalog, name: str, *, as_of: date) -> None:
    """One detection or report: its words, its thresholds, and the SQL as it runs on `as_of`."""
    found = loaded.detections.get(name) or loaded.reports.get(name)
    if found is None:
        raise ConfigError(f"There is no detection or report called '{name}'; `focuswatch list` has them.")
    question = DetectionInput(as_of=as_of, first_new_day=first_new_day(as_of, evaluated_until=None))
    out = console()
    out.print(found.header.title, style="bold", markup=False)
    for key, value in found.header.model_dump(exclude={"title"}, exclude_none=True).items():
        shown = "\n  ".join(map(str, value)) if isinstance(value, list) else str(value).strip()
        out.print(f"[cyan]{key}[/cyan]: {_escape(shown)}")
    out.print()
    sys.stdout.write(f"{found.render(question.values)}\n")


def report(
    shown: Report, rows: Sequence[Row], *, currency: str, names: Mapping[str, str] | None = None
) -> None:
    """A report's rows with the basis of its money; numbers on the right. `names` are those of accounts by id."""
    out = console()
    out.print(visible(f"{shown.header.title} ({currency})"), style="bold", markup=False)
    out.print(visible(f"{shown.header.basis}."), style="dim", markup=False)
    if not rows:
        out.print("No rows.")
        return
    rows = [_with_account(row, names=names or {}) for row in rows]
    shown_columns = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    columns = [
        Column(
            visible(name.replace("_", " ")),
            number=any(_is_number(row[name]) for row in rows),
            shortens=name in IDENTIFIERS,
        )
        for name in shown_columns
    ]
    cells = [[visible(_cell(name, row[name])) for name in shown_columns] for row in rows]
    _print_grid(out, columns, cells)


def _with_account(row: Row, *, names: Mapping[str, str]) -> Row:
    """Return the row with its account's name and id in one column."""
    id = row.get("sub_account_id")
    if "sub_account_id" not in row:
        return row
    named = account(row.get("sub_account_name") or names.get(id or ""), id) or None
    return {
        ("account" if name == "sub_account_id" else name): (named if name == "sub_account_id" else value)
        for name, value in row.items()
        if name != "sub_account_name"
    }


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(name: str, value: object) -> str:
    if isinstance(value, float | Decimal):
        return rounded(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if value is None:
        return UNNAMED.get(name, "")
    return str(value)
