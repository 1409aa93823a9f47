"""What is printed: a name in a bill is data, wherever it is shown."""

import csv
import io
import json

import pytest

from focuswatch.catalog import Catalog
from focuswatch.coverage import Coverage
from focuswatch.ledger import Entry, News
from focuswatch.scan import Scanned
from focuswatch.show import json as as_json
from focuswatch.show import table
from focuswatch.show.slack import news
from focuswatch.show.table import entries, whole
from focuswatch.slack.text import SECTION_CHARACTERS
from tests.given import DAY, finding
from tests.slack_rules import blocks_problems, too_long

ORDERS = "a\x1b[31mb\x1b]0;title\x07\x9b2Jc\u202ed\x08e"  # colours, a window's title, a cleared screen, a turned line


def hostile(**more: object):
    return finding(ORDERS).model_copy(
        update={"team": ORDERS, "sub_account_name": ORDERS, "reason": ORDERS, **more}
    )


@pytest.mark.parametrize("shown", [lambda entry: entries([entry]), whole])
def test_a_name_gives_no_orders_to_the_terminal(capsys, shown):
    """It neither colours, nor moves the cursor, nor turns a line round; one sees that something was there."""
    shown(Entry(finding=hostile()))
    printed = capsys.readouterr().out
    assert "\N{REPLACEMENT CHARACTER}" in printed
    assert not set(printed) & set("\x1b\x07\x08\x9b\u202e")


def test_json_says_the_same_without_raw_control_characters():
    """A program reads the name as the bill has it; a terminal that shows the text is given no orders."""
    text = as_json.findings([hostile()])
    assert not set(text) & set("\x1b\x07\x08\x9b\u202e")
    assert json.loads(text)[0]["team"] == ORDERS


def message(*told) -> dict:
    return json.loads(
        news(
            Scanned(
                as_of=DAY,
                currency="USD",
                findings=told,
                news=tuple(News(kind="new", finding=one) for one in told),
                outcomes=(),
                coverage=Coverage(),
                silenced=0,
                seconds=0.0,
            )  # fmt: skip
        )
    )


def test_json_has_no_infinity_whatever_a_row_holds():
    """RFC 8259 knows none: jq, browsers and most languages refuse the whole document."""
    row = {
        "budget": float("inf"),
        "over_by": -float("inf"),
        "shares": [float("nan"), 1.5],
        "a": {"b": float("inf")},
    }
    text = as_json.rows([row])

    def refuse(name):
        raise AssertionError(name)

    (told,) = json.loads(text, parse_constant=refuse)
    assert told == {"budget": None, "over_by": None, "shares": [None, 1.5], "a": {"b": None}}


def test_slack_makes_no_links_and_no_mentions_of_its_own():
    """`verbatim` leaves names of channels and people, and addresses, as they stand."""
    text = message(hostile(reason="<!channel> @here https://evil.example & co"))["blocks"][1]["text"]
    assert text["verbatim"] is True
    assert "&lt;!channel&gt; @here https://evil.example &amp; co" in text["text"]
    assert not set(text["text"]) & set("\x1b\x07\x08\x9b\u202e")


@pytest.mark.parametrize("before", range(8))
def test_a_long_text_is_not_cut_within_an_entity(before):
    """Half an `&amp;` would be shown as it is."""
    text = message(hostile(reason="x" * before + "&" * SECTION_CHARACTERS))["blocks"][1]["text"]["text"]
    assert SECTION_CHARACTERS - 5 < len(text) <= SECTION_CHARACTERS
    assert text.endswith("&amp;")


def test_slack_is_told_as_many_findings_as_it_takes():
    """The costliest, and how many more there are; Slack would refuse a longer message as a whole."""
    few, many = message(*[finding()] * 3), message(*[hostile(reason="x" * 1500)] * 15)
    assert [len([one for one in told["blocks"] if one["type"] == "section"]) for told in (few, many)] == [
        3,
        5,
    ]
    assert not blocks_problems(many["blocks"]) and not too_long(many["blocks"])
    assert many["blocks"][-2]["elements"][0]["text"] == "and 10 more"


def test_csv_has_its_header_without_rows():
    """Whoever reads it by column finds the columns on a quiet day too."""
    assert as_json.csv([], columns=["team", "cost"]) == "team,cost\n"


def test_a_spreadsheet_takes_no_name_for_a_formula():
    """Names come from tags, which anybody may set."""
    rows = [{"team": '=HYPERLINK("http://evil.example")', "cost": -1.5}, {"team": ORDERS, "cost": None}]
    first, second = csv.DictReader(io.StringIO(as_json.csv(rows, columns=["team", "cost"])))
    assert first == {"team": '\'=HYPERLINK("http://evil.example")', "cost": "-1.5"}
    assert "\x1b" not in second["team"]


def test_a_wide_report_keeps_the_columns_that_say_what_a_row_is(capsys, monkeypatch):
    """Numbers and their long names do not push the texts out of the table; an account's id is never broken."""
    monkeypatch.setenv("COLUMNS", "120")
    numbers = {
        f"effective_cost_of_{number}_weeks_before": 1234.5 for number in ("one", "two", "three", "four")
    }
    row = {"sub_account_id": "111122223333", "resource_id": "arn:" + "x" * 90, "moved": None, **numbers}
    table.report(Catalog.load().report("unit_economics"), [row], currency="USD")
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= table.PIPED_WIDTH
    assert any("111122223333" in line and line.count("1,234") == 4 for line in shown)
    assert any("arn:x" in line and "x…x" in line for line in shown)


def test_minor_security_is_one_line_of_a_slack_message():
    """Sixty findings of a thousandth of a cent push nothing else out."""
    minor = [
        finding(f"m-{number}", category="security", cost="0.00001").model_copy(
            update={"severity": "low", "service_name": f"Service {number:02}"}
        )
        for number in range(60)
    ]
    blocks = message(*minor, finding("pool"))["blocks"]
    assert sum(block["type"] == "section" for block in blocks) == 1
    line = next(text for block in blocks if "Low severity" in (text := json.dumps(block)))
    assert "60 in 1 account" in line
    assert "Service 05 and 54 more" in line
    assert "0.00 USD" in line
