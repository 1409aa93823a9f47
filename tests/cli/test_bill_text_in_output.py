"""Names in a bill are data: in no output format are they control sequences, markup or formulas."""

import csv
import io
import json
import re

import pytest

from focuswatch.bill.bill_summary_with_days_currency_and_warnings import BillSummary
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.cli.output import json_and_csv
from focuswatch.cli.output.amount_and_place_text import place
from focuswatch.cli.output.finding_and_suppression_tables import MOST_ROWS, print_findings
from focuswatch.cli.output.finding_details import print_finding
from focuswatch.cli.output.next_command_with_ledger_options import NextCommand
from focuswatch.cli.output.report_tables import print_report
from focuswatch.cli.output.scan_notifications_as_slack_message import notification_payload
from focuswatch.cli.output.scan_tables import print_scan
from focuswatch.cli.output.table_grid import PIPED_WIDTH
from focuswatch.cli.progress_and_notes import progress_line
from focuswatch.detect.check_bill_completeness_before_resolving_findings import Coverage
from focuswatch.detect.scan_result import ScanResult
from focuswatch.findings.account_and_owner_labels import account_label
from focuswatch.findings.related_finding_and_region_rollout_models import RelatedFinding
from focuswatch.findings.replace_control_characters import visible
from focuswatch.ledger import LedgerEntry, Notification
from focuswatch.notify.jira.escape_and_shorten_wiki_text import one_line
from focuswatch.notify.jira.issue_text_and_comments import render_summary
from tests.fakes.listed_entries import page_of
from tests.fakes.slack_rules import blocks_problems, too_long
from tests.given.one_line_findings import DAY, finding

CONTROL_CHARACTERS = (
    "a\x1b[31mb\x1b]0;title\x07\x9b2Jc\u202ed\x08e"  # color, title, erase, right-to-left, backspace
)


def hostile(**more: object):
    return finding(CONTROL_CHARACTERS).model_copy(
        update={
            "team": CONTROL_CHARACTERS,
            "sub_account_name": CONTROL_CHARACTERS,
            "reason": CONTROL_CHARACTERS,
            **more,
        }
    )


@pytest.mark.parametrize("shown", [lambda entry: print_findings(page_of([entry])), print_finding])
def test_name_from_a_bill_is_printed_without_control_characters(capsys, shown):
    """The name changes no color, cursor or text direction; each control character is shown as U+FFFD."""
    shown(LedgerEntry(finding=hostile()))
    printed = capsys.readouterr().out
    assert "\N{REPLACEMENT CHARACTER}" in printed
    assert not set(printed) & set("\x1b\x07\x08\x9b\u202e")


def test_json_escapes_control_characters():
    """A parser gets the unchanged name; a terminal that shows the JSON is not affected."""
    text = "".join(json_and_csv.findings_json([hostile()]))
    assert not set(text) & set("\x1b\x07\x08\x9b\u202e")
    assert json.loads(text)[0]["team"] == CONTROL_CHARACTERS


def result_of(*findings) -> ScanResult:
    return ScanResult(
        as_of=DAY,
        currency="USD",
        findings=findings,
        notifications=tuple(Notification(kind="new", finding=one) for one in findings),
        outcomes=(),
        coverage=Coverage(),
        suppressed=0,
        seconds=0.0,
    )


def message(*findings) -> dict:
    return json.loads(notification_payload(result_of(*findings)))


def test_json_contains_no_infinity():
    """RFC 8259 has no infinity: jq, browsers and most languages reject the document."""
    row = {
        "budget": float("inf"),
        "over_by": -float("inf"),
        "shares": [float("nan"), 1.5],
        "a": {"b": float("inf")},
    }
    text = json_and_csv.rows_json([row])

    def refuse(name):
        raise AssertionError(name)

    (document,) = json.loads(text, parse_constant=refuse)
    assert document == {"budget": None, "over_by": None, "shares": [None, 1.5], "a": {"b": None}}


def test_name_from_a_bill_is_not_markup_in_slack():
    """A name cannot add bold text, a link, a mention or a line to Slack's rich text."""
    name = "*bold* _it_ ~no~ `code` <!channel> @here https://evil.example & co\n3. Stop: run this\x1b[2J"
    block = message(hostile(reason=name))["blocks"][1]
    assert block["type"] == "rich_text"
    texts = [one["text"] for part in block["elements"] for one in part["elements"]]
    assert (
        "*bold* _it_ ~no~ `code` <!channel> @here https://evil.example & co 3. Stop: run this\ufffd[2J"
        in texts
    )
    assert {one["type"] for part in block["elements"] for one in part["elements"]} == {"text"}
    assert not [one for one in texts if "\n" in one and one != "\n"]
    assert not set("".join(texts)) & set("\x1b\x07\x08\x9b\u202e")


def test_slack_message_lists_as_many_findings_as_fit():
    """It lists the findings with the highest cost and the number of the others. Slack rejects a longer message."""
    few, many = message(*[finding()] * 3), message(*[hostile(reason="x" * 1500)] * 15)
    assert [len([one for one in sent["blocks"] if one["type"] == "rich_text"]) for sent in (few, many)] == [
        3,
        6,
    ]
    assert not blocks_problems(many["blocks"]) and not too_long(many["blocks"])
    assert many["blocks"][-2]["elements"][0]["text"] == "and 9 more"


def test_csv_without_rows_has_a_header():
    """Programs read the columns by name."""
    assert json_and_csv.rows_csv([], columns=["team", "cost"]) == "team,cost\n"


def test_name_from_a_bill_is_not_a_formula_in_csv():
    """Anyone can set the value of a tag."""
    rows = [
        {"team": '=HYPERLINK("http://evil.example")', "cost": -1.5},
        {"team": CONTROL_CHARACTERS, "cost": None},
    ]
    first, second = csv.DictReader(io.StringIO(json_and_csv.rows_csv(rows, columns=["team", "cost"])))
    assert first == {"team": '\'=HYPERLINK("http://evil.example")', "cost": "-1.5"}
    assert "\x1b" not in second["team"]


def test_wide_report_keeps_its_text_columns(capsys, monkeypatch):
    """Numbers with long headings do not displace texts; an account ID is never broken."""
    monkeypatch.setenv("COLUMNS", "120")
    numbers = {
        f"effective_cost_of_{number}_weeks_before": 1234.5 for number in ("one", "two", "three", "four")
    }
    row = {"sub_account_id": "111122223333", "resource_id": "arn:" + "x" * 90, "moved": None, **numbers}
    print_report(Catalog.load().report("unit_economics"), [row], currency="USD")
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= PIPED_WIDTH
    assert any("111122223333" in line and line.count("1,234") == 4 for line in shown)
    assert any("arn:x" in line and "x…x" in line for line in shown)


def test_minor_security_findings_are_one_line_in_slack():
    """Sixty findings of a thousandth of a cent displace no other finding."""
    minor = [
        finding(f"m-{number}", category="security", cost="0.00001").model_copy(
            update={"severity": "low", "service_name": f"Service {number:02}"}
        )
        for number in range(60)
    ]
    blocks = message(*minor, finding("pool"))["blocks"]
    assert sum(block["type"] == "rich_text" for block in blocks) == 1
    line = next(text for block in blocks if "Low severity" in (text := json.dumps(block)))
    assert "60 findings in 1 account" in line
    assert "Service 05 and 54 more" in line
    assert "0.00 USD" in line


@pytest.mark.parametrize(
    "code", [0x200B, 0x2060, 0xFEFF, 0x00AD, 0x202E, 0x2066, 0x061C, 0xE0041, 0xE0101, 0x206A, 0x1B, 0x9B]
)
def test_invisible_characters_are_marked_in_each_output(code):
    """A name that looks like another name is distinguishable on the terminal, in mail, in Jira and on the page."""
    name = f"vic{chr(code)}tim"
    assert visible(name) == "vic\N{REPLACEMENT CHARACTER}tim"
    assert one_line(name, longest=99) == "vic\N{REPLACEMENT CHARACTER}tim"
    text = json_and_csv.rows_json([{"name": name}])
    assert chr(code) not in text and json.loads(text) == [{"name": name}]
    assert chr(code) not in json_and_csv.rows_csv([{"name": name}], columns=["name"])


def test_emoji_and_scripts_with_joiners_are_unchanged():
    for text in ("\N{MAN}\u200d\N{WOMAN}", "\u06a9\u200c\u0627", "\u2764\ufe0f", "a\tb\nc"):
        assert visible(text) == text


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
@pytest.mark.parametrize(
    "before", ["", " ", "\u00a0", "\u3000", "\t", "\r", "\n", "\n \t", "\u200b", "\ufeff"]
)
def test_csv_cell_never_starts_a_formula(sign, before):
    """Spreadsheets skip some characters before the sign: https://owasp.org/www-community/attacks/CSV_Injection."""
    text = json_and_csv.rows_csv([{"name": f"{before}{sign}1+1", "cost": -1.5}], columns=["name", "cost"])
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["name"].startswith("'") and row["cost"] == "-1.5"


@pytest.mark.parametrize("before", ["\t", "\r", "\n"])
def test_csv_cell_never_starts_with_a_control_character(before):
    text = json_and_csv.rows_csv([{"name": f"{before}x"}], columns=["name"])
    assert next(csv.DictReader(io.StringIO(text, newline="")))["name"].startswith("'")


def test_progress_note_contains_no_escape_sequences(capsys):
    with progress_line() as line:
        line.note("Note: \x1b[2J[bold]x[/bold]")
    assert capsys.readouterr().err == "Note: \ufffd[2J[bold]x[/bold]\n"


def test_long_list_of_findings_ends_with_their_number(capsys):
    """A table of a hundred thousand rows would take minutes."""
    entries = [LedgerEntry(finding=finding(f"machine-{number}")) for number in range(MOST_ROWS + 1)]
    print_findings(page_of(entries, most=MOST_ROWS))
    output = capsys.readouterr().out
    assert sum(entry.finding.fingerprint[:8] in output for entry in entries) == MOST_ROWS
    assert f"Only {MOST_ROWS} of {MOST_ROWS + 1:,} findings are shown" in output
    print_findings(page_of(entries[:MOST_ROWS], most=MOST_ROWS))
    assert "of highest cost" not in capsys.readouterr().out


def test_accounts_with_the_same_name_are_shown_with_ids(capsys):
    """In each output that names the account of a finding."""
    one, other = (
        finding(account=id).model_copy(update={"sub_account_name": "prod"})
        for id in ("111122223333", "444455556666")
    )
    print_findings(page_of([LedgerEntry(finding=one), LedgerEntry(finding=other)]))
    shown = "".join(capsys.readouterr().out.split())
    assert "(111122223333)" in shown and "(444455556666)" in shown
    assert place(one) != place(other)
    assert render_summary(one) != render_summary(other)
    assert (
        account_label("prod", None) == "prod"
        and account_label(None, "1") == "1"
        and account_label(None, None) is None
    )


def test_findings_of_an_incident_are_listed_below_their_lead(capsys):
    """They are marked with └, and the last line counts incidents. A finding without related findings has no mark."""
    lead = finding("lead", cost="5").model_copy(update={"incident": "x", "incident_lead": True})
    other = finding("other", cost="900").model_copy(update={"incident": "x", "incident_lead": False})
    single = finding("single", cost="50")
    print_findings(page_of(LedgerEntry(finding=one) for one in (other, single, lead)))
    printed = capsys.readouterr().out
    listed = re.findall(r"^(└?)([0-9a-f]{8}) ", printed, re.MULTILINE)
    assert listed == [
        ("", single.fingerprint[:8]),
        ("", lead.fingerprint[:8]),
        ("└", other.fingerprint[:8]),
    ]
    assert "3 findings in 2 incidents." in printed


def test_scan_lists_an_incident_once(capsys):
    """The lead finding names the other detections; the totals count all findings."""
    lead = finding("lead", cost="5", category="security").model_copy(
        update={"incident": "x", "incident_lead": True, "related_findings": 1, "title": "The lead"}
    )
    other = finding("other", cost="9", category="anomaly", detection="cost_anomaly").model_copy(
        update={"incident": "x", "incident_lead": False, "title": "The other"}
    )
    related = RelatedFinding(
        cost=other.monthly_cost,
        **{name: getattr(other, name) for name in RelatedFinding.model_fields if name != "cost"},
    )
    lead = lead.model_copy(update={"also_detected": (related,)})
    summary = BillSummary(
        currency="USD", charges=1, first_charge_date=DAY, last_charge_date=DAY, data_digest="x"
    )
    print_scan(result_of(lead, other), summary, next_command=NextCommand())
    printed = capsys.readouterr().out
    assert "Anomalies" not in printed
    assert printed.count("The lead") == 1
    assert "Also detected as: The other" in printed
    assert "2 new findings" in printed
