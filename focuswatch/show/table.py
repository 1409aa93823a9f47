"""What a person reads on a terminal; colours go away when it is piped, and the width is then fixed."""

import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from rich import box
from rich.console import Console, Group
from rich.markup import escape as escaped_markup
from rich.table import Table
from rich.text import Text as RichText

from focuswatch.catalog import Catalog, Report
from focuswatch.detect import Question, news_since
from focuswatch.engine import Row
from focuswatch.errors import ConfigError
from focuswatch.explain.words import sentences
from focuswatch.export.refresh import Refresh
from focuswatch.findings import Finding
from focuswatch.findings import amount as plain_amount
from focuswatch.ledger import Entry, Silence
from focuswatch.plain_text import visible
from focuswatch.scan import Scanned
from focuswatch.slack.money import stake

HEADING_WIDTH = 9  # of a report's columns
NEVER_BROKEN = 14  # letters: an account's id is one word
PIPED_WIDTH = 120
SHOWN = 6  # findings of each category in a scan's table; the rest is a command away
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
    return Console(stderr=stderr, width=None if stream.isatty() else PIPED_WIDTH, highlight=False)


def _text(text: str, style: str = "") -> RichText:
    """What the bill says is data: neither markup nor orders to the terminal."""
    return RichText(visible(text), style=style)


def _escape(text: str) -> str:
    return escaped_markup(visible(text))


def amount(value: Decimal | float | None, currency: str = "") -> str:
    """Money as a finding's sentence shows it, with its currency; null is nothing."""
    return "" if value is None else f"{plain_amount(value)} {currency}".rstrip()


def scanned(result: Scanned, refresh: Refresh) -> None:
    """A scan: its news by category and money, then what they sum up to."""
    out = console()
    news = [one.finding for one in result.news]
    for category, heading in HEADINGS.items():
        group = [finding for finding in news if finding.category == category]
        if group:
            out.print(_table(heading, group[:SHOWN]))
        if len(group) > SHOWN:
            rest = ""
            if (
                category == "waste"
            ):  # amounts of the other categories mean several things, or one dollar twice
                left = sum((finding.monthly_cost for finding in group[SHOWN:]), Decimal(0))
                rest = f", {amount(left, result.currency)}/month"
            out.print(f"… and {len(group) - SHOWN} more{_escape(rest)}: focuswatch findings\n", style="dim")
    if news:
        out.print(_by_detection(news))
    else:
        out.print("Nothing new.", style="bold")
    _summary(out, result, refresh)
    failures(result)


def _table(heading: str, findings: Sequence[Finding]) -> Table:
    table = Table(title=heading, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, expand=True)
    table.add_column("So far" if findings[0].is_event else "A month", justify="right", no_wrap=True)
    table.add_column("Owner", overflow="fold", max_width=18)
    table.add_column("What, why, and what to do", ratio=1, overflow="fold")
    for finding in findings:
        table.add_row(_money(finding), _owner(finding), _words(finding))
    return table


def _money(finding: Finding) -> Group:
    status = "" if finding.status == "open" else finding.status
    return Group(
        _text(amount(finding.monthly_cost)),
        *map(_text, _continues(finding)),
        _text(finding.severity, style=COLOURS[finding.severity]),
        _text(status, style="dim"),
    )


def _continues(finding: Finding) -> list[str]:
    """Of an event: that it ended, or what a month of it would cost."""
    if not finding.is_event or finding.cost_so_far is None:
        return []
    if finding.ended_on is not None:
        return ["ended"]
    return [f"{amount(finding.monthly_cost_if_continues)}/month"] if finding.monthly_cost_if_continues else []


def _owner(finding: Finding) -> Group:
    return Group(_text(finding.team or "nobody"), _text(f"by {finding.owned_by}", style="dim"))


def _words(finding: Finding) -> Group:
    first_step = finding.action.partition("\n")[0].removeprefix("1. ")
    return Group(
        _text(finding.title, style="bold"),
        _text(place(finding), style="cyan"),
        _text(finding.reason),
        _text(f"→ {first_step}  ({finding.fingerprint[:8]})", style="green"),
        _text(""),
    )


def place(finding: Finding) -> str:
    """Where it is, in the words of the bill."""
    named = finding.sub_account_name or finding.sub_account_id or "the whole organisation"
    return " · ".join(filter(None, (named, finding.region_id, finding.service_name, finding.resource_id)))


def _by_detection(found: Sequence[Finding]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("Found by")
    table.add_column("Findings", justify="right")
    table.add_column("A month", justify="right")
    table.add_column("So far", justify="right")
    groups: dict[str, list[Finding]] = {}
    for finding in found:
        groups.setdefault(finding.detection, []).append(finding)
    sums = {id: sum((one.monthly_cost for one in group), Decimal(0)) for id, group in groups.items()}
    for id in sorted(groups, key=lambda id: (groups[id][0].is_event, -sums[id])):
        cells = ("", amount(sums[id])) if groups[id][0].is_event else (amount(sums[id]), "")
        table.add_row(id, str(len(groups[id])), *cells)
    return table


def _summary(out: Console, result: Scanned, refresh: Refresh) -> None:
    open_findings = [one for one in result.findings if one.status != "resolved"]
    waste = amount(result.monthly_waste, result.currency)
    out.print(
        f"{len(result.news)} told, {len(open_findings)} open as of {result.as_of}: "
        f"[bold]{_escape(waste)} of waste a month[/bold]; "
        f"{len(result.unowned)} without an owner, "
        f"{_escape(amount(result.unowned_waste, result.currency))} of waste a month among them.",
    )
    judged = f"{refresh.charges:,} charges of {refresh.first_charge_date} to {refresh.last_charge_date}"
    out.print(
        f"Looked at {judged} with {len(result.outcomes)} detections in {result.seconds:.1f} s.", style="dim"
    )
    for line in _caveats(result):
        out.print(visible(line), style="dim", markup=False)


def _caveats(result: Scanned) -> Iterable[str]:
    skipped = {one.detection.id: len(one.not_looked_at) for one in result.outcomes if one.not_looked_at}
    if skipped:
        listed = ", ".join(f"{id} {count}" for id, count in skipped.items())
        yield f"Not judged, because --activity says nothing of their use: {listed}."
    if result.silenced:
        yield f"{result.silenced} silenced: focuswatch findings --silences"
    for note in result.notes:
        yield f"{note}."
    for doubt in result.coverage.doubts:
        yield f"Nothing was resolved: {doubt}."


def failures(result: Scanned) -> None:
    """The detections that could not be run, on stderr."""
    out = console(stderr=True)
    for outcome in result.failures:
        out.print(visible(f"Failed: {outcome.error}"), style="red", markup=False, soft_wrap=True)


def entries(listed: Sequence[Entry]) -> None:
    """What a ledger knows, a line each."""
    table = Table(box=box.SIMPLE_HEAD)
    states = {entry.state for entry in listed}
    for column in ("Finding", "Severity", "Team", "Account", "Region", "Detection"):
        table.add_column(column, overflow="fold")
    table.add_column("A month", justify="right", no_wrap=True)
    table.add_column("So far", justify="right", no_wrap=True)
    table.add_column("Since", no_wrap=True)
    if states != {"open"}:
        table.add_column("State", no_wrap=True)
    for entry in listed:
        finding = entry.finding
        cells = (
            finding.fingerprint[:8], finding.severity, finding.team or "nobody",
            finding.sub_account_name or finding.sub_account_id, finding.region_id, finding.detection,
            *_by_meaning(finding), str(finding.first_seen), *([entry.state] if states != {"open"} else []),
        )  # fmt: skip
        table.add_row(*(_escape(cell or "") for cell in cells))
    out = console()
    out.print(table if listed else "No findings are open.")


def _by_meaning(finding: Finding) -> tuple[str, str]:
    """A finding's amount in the column of what it means: a month's, or so far."""
    told = amount(finding.monthly_cost)
    return ("", told) if finding.is_event else (told, "")


def whole(entry: Entry, *, blind_spots: Sequence[str] = ()) -> None:
    """One finding with everything that is known of it, and how its detection may be wrong."""
    finding, out = entry.finding, console()
    out.print(finding.title, style="bold", markup=False)
    facts = {
        "state": f"{entry.state}, {finding.severity}, {finding.category}",
        "amount": stake(finding),
        "owner": f"{finding.team or 'nobody'} (by {finding.owned_by})",
        "account": f"{finding.sub_account_name or ''} {finding.sub_account_id or ''}".strip(),
        "region": finding.region_id,
        "service": finding.service_name,
        "resource": finding.resource_id,
        "seen": f"{finding.first_seen} to {finding.last_seen}",
        "told": str(entry.told_on or "not yet"),
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
    for name, value in facts.items():
        if value:
            table.add_row(_text(name, style="dim"), _text(value))
    out.print(table)
    out.print(visible(f"\n{finding.reason}\n\n{finding.action}\n"), markup=False)
    evidence = Table(box=box.SIMPLE_HEAD)
    evidence.add_column("Evidence")
    evidence.add_column("", overflow="fold")
    for name, value in finding.evidence.items():
        evidence.add_row(_text(name), _text(_listed(value)))
    out.print(evidence)
    if finding.explanation:
        out.print("Why", style="dim")
        for line in sentences(finding.explanation, currency=finding.currency):
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
            return "\n".join(map(str, value))
        case dict():
            return "\n".join(f"{key} = {one}" for key, one in value.items())
    return str(value)


def silences(listed: Sequence[Silence]) -> None:
    """Snoozes and exclusions, a line each."""
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("Id", "Scope", "Value", "Detection", "Until", "By", "Reason"):
        table.add_column(column, overflow="fold")
    for one in listed:
        until = str(one.until) if one.until else "for good"
        cells = (str(one.id), one.scope, one.value, one.detection or "all", until, one.author, one.reason)
        table.add_row(*map(_escape, cells))
    out = console()
    out.print(table if listed else "Nothing is silenced.")


def catalog(loaded: Catalog) -> None:
    """Every detection and report, a line each."""
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("Detection", "Category", "Schedule", "What it finds"):
        table.add_column(column, overflow="fold")
    for one in sorted(loaded.detections.values(), key=lambda one: (one.header.category, one.id)):
        mark = "" if one.header.status == "live" else f" ({one.header.status})"
        table.add_row(one.id, one.header.category + mark, one.header.schedule, _escape(one.header.title))
    reports = Table(box=box.SIMPLE_HEAD)
    reports.add_column("Report")
    reports.add_column("What it shows", overflow="fold")
    for report_ in loaded.reports.values():
        reports.add_row(report_.id, _escape(report_.header.title))
    console().print(table, reports)


def entry(loaded: Catalog, name: str, *, as_of: date) -> None:
    """One detection or report: its words, its thresholds, and the SQL as it runs on `as_of`."""
    found = loaded.detections.get(name) or loaded.reports.get(name)
    if found is None:
        raise ConfigError(f"There is no detection or report called '{name}'; `focuswatch list` has them.")
    question = Question(as_of=as_of, news_since=news_since(as_of, looked_until=None))
    out = console()
    out.print(found.header.title, style="bold", markup=False)
    for key, value in found.header.model_dump(exclude={"title"}, exclude_none=True).items():
        shown = "\n  ".join(map(str, value)) if isinstance(value, list) else str(value).strip()
        out.print(f"[cyan]{key}[/cyan]: {_escape(shown)}")
    out.print()
    sys.stdout.write(f"{found.render(question.values)}\n")


def report(shown: Report, rows: Sequence[Row], *, currency: str) -> None:
    """A report's rows; numbers on the right, amounts in the billing currency."""
    out = console()
    out.print(visible(f"{shown.header.title} ({currency})"), style="bold", markup=False)
    if not rows:
        out.print("No rows.")
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in rows[0]:
        _add_column(table, column, [row[column] for row in rows])
    for row in rows:
        table.add_row(*(_escape(_cell(value)) for value in row.values()))
    out.print(table)


def _add_column(table: Table, column: str, values: Sequence[object]) -> None:
    """Headings break between words, so that a wide report keeps the columns that say what a row is."""
    number = any(_is_number(value) for value in values)
    heading = textwrap.wrap(column.replace("_", " "), HEADING_WIDTH, break_long_words=False)
    table.add_column(
        "\n".join(heading),
        justify="right" if number else "left",
        overflow="fold",
        no_wrap=number or max(len(_cell(value)) for value in values) <= NEVER_BROKEN,
        min_width=max(map(len, heading)),
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _cell(value: object) -> str:
    if isinstance(value, float | Decimal):
        return plain_amount(value)
    return "" if value is None else str(value)
