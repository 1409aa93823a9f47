"""Tables at any width: complete numbers, a name in every row, and no broken words."""

import re
from decimal import Decimal

import pytest

from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.cli.output.amount_and_place_text import rounded
from focuswatch.cli.output.catalog_list_and_entry import print_catalog
from focuswatch.cli.output.finding_and_suppression_tables import print_findings
from focuswatch.cli.output.next_command_with_ledger_options import NextCommand
from focuswatch.cli.output.report_tables import print_report
from focuswatch.cli.output.scan_tables import print_top_findings
from focuswatch.cli.output.table_grid import PIPED_WIDTH, Column, console, grid, shortened, wrapped
from focuswatch.detect.check_bill_completeness_before_resolving_findings import Coverage
from focuswatch.detect.scan_result import ScanResult
from focuswatch.ledger import LedgerEntry, Notification
from tests.fakes.listed_entries import page_of
from tests.given.one_line_findings import DAY, finding

WIDTHS = (40, 60, 80, 100, 120)
ARN = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/recommendations-ranker-production-eu"
COLUMNS = (
    Column("Team"),
    Column("Resource", shortens=True),
    Column("Spent", number=True),
    Column("Forecast at the end", number=True),
)
ROWS = [["recommendations", ARN, "265,316", "1,391,651"], ["ml-platform", "i-0abc", "0.00", "-12.50"]]


def lines(columns, rows, width):
    return grid(columns, rows, width=width).plain.splitlines()


@pytest.mark.parametrize("width", [20, *WIDTHS, 300])
def test_numbers_and_names_are_whole_at_any_width(width):
    """No line is wider than the terminal."""
    printed = lines(COLUMNS, ROWS, width)
    assert max(map(len, printed)) <= width
    for text in ("265,316", "1,391,651", "-12.50", "0.00", "recommendations", "ml-platform", "i-0abc"):
        assert any(re.search(rf"(?<![\w,.…-]){re.escape(text)}(?![\w,.…])", line) for line in printed), text


@pytest.mark.parametrize("width", range(20, 125))
def test_numbers_of_a_row_follow_its_name(width):
    """In a table they are on the row's line; in paragraphs they are between its name and the next name."""
    text = "\n".join(lines(COLUMNS, ROWS, width))
    assert text.index("265,316") < text.index("ml-platform") < text.index("-12.50")


def test_row_that_does_not_fit_is_a_paragraph():
    """Each value has its heading, because there is no heading line."""
    assert lines(COLUMNS, ROWS[1:], 30) == [
        "Team: ml-platform",
        "  Resource: i-0abc",
        "  Spent: 0.00",
        "  Forecast at the end: -12.50",
    ]


def test_an_identifier_is_shortened_in_its_middle():
    """The end of an identifier distinguishes it; words are never cut."""
    assert shortened(ARN, 30) == "arn:aws:s…nder-production-eu"[:9] + "…" + ARN[-20:]
    assert len(shortened(ARN, 30)) == 30 and shortened("short", 30) == "short"
    assert wrapped("costs more than its own pattern explains", 12) == [
        "costs more",
        "than its own",
        "pattern",
        "explains",
    ]
    assert wrapped("", 5) == [""]


def test_wide_characters_take_two_cells():
    """Columns after a name in Chinese are aligned."""
    printed = lines(
        (Column("Name"), Column("Cost", number=True)), [["生产环境", "1.00"], ["prod", "2.00"]], 40
    )
    assert printed[2:] == ["生产环境  1.00", "prod      2.00"]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(345.6, "346"), (100, "100"), (99.999, "100"), (99.99, "99.99"), (1.5, "1.50"), (0.0, "0.00"), (None, ""),
     (265315.7, "265,316"), (-1234.5, "-1,234"), (0.0004, "0.00040"), (-0.000123, "-0.00012"),
     (Decimal("172.80"), "173")],
)  # fmt: skip
def test_amounts_are_rounded_to_readable_numbers(value, shown):
    """Integers from 100 up, two decimals below, and two significant digits below one cent."""
    assert rounded(value) == shown


def numbers_of(row):
    return [rounded(value) for value in row.values() if isinstance(value, float)]


FORECAST = [
    {"of": "team", "name": name, "spent": spent, "forecast": 2 * spent, "low": 1.5 * spent, "high": 3 * spent,
     "budget": 140000.0, "over_by": spent / 7, "over_on": DAY,
     "budget_status": "forecast to exceed the budget on the 23rd, by 1,900"}
    for name, spent in (("recommendations", 265315.7), ("ml-platform", 99.5), ("assistants", 1e9 / 3))
]  # fmt: skip
ECONOMICS = [
    {"unit": "1M tokens", "sub_account_id": f"11112222333{n}", "item": "anthropic.claude-sonnet-4-5-20250929-v1:0",
     "effective_cost": 4049.4 * n, "unit_cost": 0.0031 * n, "a_week_before": None, "moved": "price"}
    for n in (1, 2, 3)
]  # fmt: skip


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(("name", "rows"), [("month_forecast", FORECAST), ("unit_economics", ECONOMICS)])
def test_report_fits_the_configured_columns(capsys, monkeypatch, width, name, rows):
    """Piped output uses COLUMNS. Every number is complete, and every row has its name."""
    monkeypatch.setenv("COLUMNS", str(width))
    print_report(Catalog.load().report(name), rows, currency="USD", names={"111122223331": "search-prod"})
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= width
    words = printed.split()
    for row in rows:
        assert set(numbers_of(row)) <= set(words)
        assert row.get("name", row.get("sub_account_id")) in [word.strip("()") for word in words]
    if name == "unit_economics":
        assert "search-prod" in words and words.count("price") == 3
        assert "a week before" not in " ".join(words)  # a column without values is omitted


@pytest.mark.parametrize("columns", ["", "0", "wide", "-5", "\u0663"])
def test_invalid_columns_are_ignored(capsys, monkeypatch, columns):
    """The width is then 120 columns."""
    monkeypatch.setenv("COLUMNS", columns)
    assert console().width == PIPED_WIDTH


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_of_findings_fits(capsys, monkeypatch, width):
    """The list has account names with their IDs, and complete detection IDs."""
    monkeypatch.setenv("COLUMNS", str(width))
    named = {"sub_account_name": "recommendations-prod", "detection": "idle_bedrock_provisioned_throughput"}
    findings = [
        finding(f"{ARN}-{cost}", cost=cost, team="ml-platform").model_copy(update={**named, "incident": cost})
        for cost in ("345.6", "265315.7")
    ]
    print_findings(page_of(LedgerEntry(finding=one) for one in findings))
    printed = capsys.readouterr().out
    words = printed.split()
    assert max(map(len, printed.splitlines())) <= width
    for text in ("346", "265,316", *(one.fingerprint[:8] for one in findings)):
        assert words.count(text) == 1, text
    for text in ("recommendations-prod", "(111122223333)"):
        assert words.count(text) == 2, text
    assert words.count("idle_bedrock_provisioned_throughput") == 2


@pytest.mark.parametrize("width", WIDTHS)
def test_the_catalog_fits(capsys, monkeypatch, width):
    """Every ID is complete, so that users can copy it."""
    monkeypatch.setenv("COLUMNS", str(width))
    loaded = Catalog.load()
    print_catalog(loaded)
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= width
    assert {*loaded.detections, *loaded.reports} <= set(printed.split())


@pytest.mark.parametrize(("width", "most_lines"), [(120, 20), (80, 48)])
def test_top_findings_fit_a_screen(capsys, monkeypatch, tmp_path, width, most_lines):
    """The ten unresolved findings with the highest cost, and the command that lists all findings."""
    monkeypatch.setenv("COLUMNS", str(width))
    findings = [
        finding(f"i-{n}", cost=str(1000 * n)).model_copy(
            update={"title": "A service costs more than expected"}
        )
        for n in range(1, 30)
    ]
    resolved_finding = finding("i-gone", cost="99999").model_copy(update={"status": "resolved"})
    notifications = tuple(Notification(kind="new", finding=one) for one in [resolved_finding, *findings])
    result = ScanResult(
        as_of=DAY,
        currency="USD",
        findings=tuple(findings),
        notifications=notifications,
        outcomes=(),
        coverage=Coverage(),
        suppressed=0,
        seconds=0.0,
    )
    print_top_findings(result, most=10, next_command=NextCommand(tmp_path))
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) <= most_lines
    costs = re.findall(r"\b\d\d,000\b", printed)
    assert costs[:10] == [f"{n},000" for n in range(29, 19, -1)] and "99,999" not in printed
    assert f"List all 29 findings: focuswatch findings --state {tmp_path}" in " ".join(printed.split())
