"""What AWS Budgets and Cost Anomaly Detection say becomes a finding that says it in one sentence, and has an owner."""

import json
import time
from datetime import date, timedelta
from decimal import Decimal

import pytest

from focuswatch.aws_alerts import ANOMALY, BUDGET, parse
from focuswatch.aws_alerts.alert_amounts import Measure
from focuswatch.findings.amount_text import cost_so_far_text
from focuswatch.findings.paste_commands import COMMAND
from focuswatch.notify.slack.finding_message import render_message
from focuswatch.owners.owners_file import Owners
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems, too_long
from tests.given.aws_alerts import anomaly_message, budget_message
from tests.notify.slack.test_slack_golden import as_read, same_as_golden

LONG = 250_000
TODAY = date(2026, 11, 21)
OWNERS = Owners.model_validate(
    {
        "teams": {
            "search": {"channel": "#search", "owns": {"accounts": ["111122223333"]}},
            "platform": {"channel": "#platform", "owns": {"accounts": ["999900001111"]}},
        }
    }
)


def read(body, *, owners=OWNERS):
    return parse(body, owners=owners, today=TODAY)


def test_an_alert_says_how_much_of_the_budget_is_gone():
    """The budget, what was charged and the share of it, in one sentence and in the finding's money."""
    found = read(budget_message())
    assert found.reason == "The budget focuswatch-team-search of 12,000 USD has reached 10,230 USD, 85 %."
    assert (found.detection, found.monthly_cost, found.currency) == (BUDGET, Decimal("10230"), "USD")
    assert (found.category, found.severity, found.status) == ("governance", "medium", "new")
    assert (found.sub_account_id, found.first_seen) == ("999900001111", TODAY)


def test_a_forecast_is_no_charge_yet():
    """What is forecast is not said to have happened, and is another finding than what has."""
    told = read(budget_message(kind="FORECASTED", threshold="$12,000.00", reached="$13,100.50"))
    assert (
        told.reason
        == "The budget focuswatch-team-search of 12,000 USD is forecast to reach 13,100 USD, 109 %."
    )
    actual = read(budget_message(threshold="$12,000.00", reached="$13,100.50"))
    assert told.fingerprint != actual.fingerprint


@pytest.mark.parametrize(
    ("reached", "limit", "said"),
    [
        ("$1,234,567.89", "$2,000,000.00", "of 2,000,000 USD has reached 1,234,568 USD, 61 %"),
        ("€ 1.234,50", "€ 2.000,00", "of 2,000 EUR has reached 1,234 EUR, 61 %"),
        ("812.20 CNY", "1,000.00 CNY", "of 1,000 CNY has reached 812.20 CNY, 81 %"),
        ("¥900", "¥1,000", "of 1,000 ¥ has reached 900 ¥, 90 %"),
        ("$0.60", "$0.00", "of 0 USD has reached 0.60 USD."),
        ("$11,999.99", "$12,000.00", "of 12,000 USD has reached 12,000 USD, 99 %"),
    ],
)
def test_amounts_are_read_as_they_are_written(reached, limit, said):
    """Any currency and separator; a share is rounded down, and there is none of nothing."""
    assert said in read(budget_message(reached=reached, limit=limit)).reason


def test_usage_is_no_money():
    """Hours and bytes are told with their unit; nothing is said to be charged."""
    found = read(
        budget_message("s3-storage", about="Usage", limit="100 GB", threshold="80 GB", reached="92.5 GB")
    )
    assert found.reason == "The budget s3-storage of 100 GB has reached 92.50 GB, 92 %."
    assert found.monthly_cost == 0
    assert found.evidence["budget_type"] == "Usage"


def test_utilization_falls():
    """An alert below its threshold tells of a fall, and per cent have no share of per cent."""
    found = read(
        budget_message(
            "ri", about="RI Utilization", limit="100%", threshold="80%", reached="65.5%", operator="<"
        )
    )
    assert found.reason == "The budget ri of 100 % has fallen to 65.50 %."
    assert found.monthly_cost == 0


def test_currencies_are_not_mixed():
    """The finding has the currency of the budget; a share of something else is not told."""
    found = read(budget_message(reached="€900.00", limit="€1,000.00"))
    assert (found.currency, found.monthly_cost) == ("EUR", 900)
    assert read(budget_message(reached="$90.00", limit="100 GB")).reason.endswith(
        "of 100 GB has reached 90 USD."
    )


def test_a_letter_that_says_less_is_still_told():
    """The name alone is asked for."""
    found = read("AWS Budget Notification\n\nBudget Name: team-x\nAlert Threshold: > $5.00\n")
    assert found.reason == "The budget team-x has passed its alert of > $5.00."
    assert (found.first_seen, found.sub_account_id, found.owned_by) == (TODAY, None, "fallback")
    assert found.evidence == {"alert": "> $5.00"}
    assert read("Budget Name: team-x").reason == "The budget team-x has passed its alert."


def test_a_teams_budget_is_the_teams():
    """By the name that the deployment gives it; another budget is whose account it is in."""
    assert (read(budget_message()).team, read(budget_message()).owned_by) == ("search", "budget")
    other = read(budget_message("focuswatch-ai-services"))
    assert (other.team, other.owned_by) == ("platform", "account")
    assert "raise its amount where it is defined" in other.action
    assert read(budget_message(), owners=Owners()).team is None


def test_a_charge_where_no_region_is_approved_is_a_matter_of_security():
    """A few cents there are high, as a new region is; only the deployment's own budget says that."""
    named = "focuswatch-unapproved-regions"
    found = read(budget_message(named, limit="$1.00", threshold="$0.01", reached="$0.02"))
    assert (found.category, found.severity) == ("security", "high")
    assert found.title == "A region that nobody approved is charged"
    assert "--time-period Start=2026-11-01,End=2026-11-22 " in found.action
    assert "--group-by Type=DIMENSION,Key=REGION\n" in found.action
    assert "add the region to approved_regions under [budgets]" in found.action
    elsewhere = parse(budget_message(named), owners=OWNERS, today=TODAY, deployment="other")
    assert elsewhere.category == "governance"


def test_the_same_alert_is_one_finding_for_a_month():
    """Sent again the next day it is the same, whatever it has reached; another threshold or month is another."""
    first = read(budget_message()).fingerprint
    again = budget_message(written="November 30, 2026", reached="$11,000.00")
    assert read(again).fingerprint == first
    for other in (
        {"threshold": "$12,000.00"},
        {"written": "December 1, 2026"},
        {"name": "focuswatch-team-data"},
    ):
        assert read(budget_message(**other)).fingerprint != first
    assert read(budget_message().replace("999900001111", "999900002222")).fingerprint != first


def test_a_daily_budget_speaks_every_day():
    """Its period is the day."""
    days = ("November 20, 2026", "November 21, 2026")
    one, other = (read(budget_message(per="per day", written=day)) for day in days)
    assert one.fingerprint != other.fingerprint


def test_what_to_do_can_be_copied():
    """The commands name this budget and this month, and nothing that a shell would act on."""
    action = read(budget_message()).action
    assert (
        "aws budgets describe-budget --account-id 999900001111 --budget-name focuswatch-team-search\n"
        in action
    )
    assert "--time-period Start=2026-11-01,End=2026-11-22 --granularity DAILY" in action
    assert "raise monthly_budget under [teams.search] in config/owners.toml" in action
    evil = read(budget_message("x; rm -rf ~"))
    assert "(no command: the budget contains characters that a shell" in evil.action
    assert "--budget-name 'All of us (2026)'\n" in read(budget_message("All of us (2026)")).action


def test_an_anomaly_says_what_cost_how_much_more():
    """Service, days, what was expected; account and region of the first root cause, which own it."""
    found = read(anomaly_message())
    assert found.reason == (
        "Amazon Bedrock cost 1,301 USD from 2026-11-18 to 2026-11-20 where AWS expected 300.00 USD: 1,001 USD more."
    )
    assert (found.detection, found.category, found.monthly_cost) == (ANOMALY, "anomaly", Decimal(1001))
    assert (found.sub_account_id, found.sub_account_name, found.region_id) == (
        "111122223333",
        "search-prod",
        "eu-west-1",
    )
    assert (found.team, found.owned_by, found.service_name) == ("search", "account", "Amazon Bedrock")
    assert (found.first_seen, found.last_seen) == (date(2026, 11, 18), date(2026, 11, 20))
    assert found.evidence["root_causes"] == [
        "Amazon Bedrock · EUW1-Claude-output-tokens · eu-west-1 · search-prod: 601.00 USD"
    ]


def test_an_anomaly_without_causes_is_nobodys():
    """The account that holds the monitor is not the account that was charged."""
    found = read(anomaly_message(rootCauses=None, impact=10.5, anomalyDetailsLink=None))
    assert (found.sub_account_id, found.team, found.service_name) == (None, None, "Amazon Bedrock")
    assert found.action.startswith(
        "1. Look it up in the payer's Cost Explorer.\n2. Ask in the account who began it on "
    )


def test_an_anomaly_has_the_causes_that_weigh_most():
    """The first five, as AWS ranks them."""
    causes = [{"service": f"s{number}"} for number in range(7)]
    assert read(anomaly_message(rootCauses=causes)).evidence["root_causes"] == ["s0", "s1", "s2", "s3", "s4"]


def test_an_anomaly_does_not_end_before_it_begins():
    found = read(anomaly_message(end="2026-11-17T00:00:00Z"))
    assert found.first_seen == found.last_seen == date(2026, 11, 18)


def test_an_anomaly_whose_money_is_not_said_is_told():
    found = read(json.dumps({"anomalyId": "a-1"}))
    assert found.reason == "Something cost more than AWS expected on 2026-11-21."
    assert found.monthly_cost == 0


def test_only_a_link_is_a_link():
    assert read(anomaly_message()).action.startswith("1. Look at what AWS shows of it: https://console.aws.")
    for other in ("javascript:alert(1)", "https://a b"):
        assert other not in read(anomaly_message(anomalyDetailsLink=other)).action


def test_an_anomaly_that_grows_is_the_same():
    """By its id alone."""
    assert (
        read(anomaly_message(impact=5000, end="2026-11-23T00:00:00Z")).fingerprint
        == read(anomaly_message()).fingerprint
    )
    assert read(anomaly_message(anomalyId="another")).fingerprint != read(anomaly_message()).fingerprint


def test_an_id_that_a_shell_would_act_on_is_in_no_command():
    assert "--anomaly-id 12345678-abcd" in read(anomaly_message()).action
    assert not COMMAND.findall(read(anomaly_message(anomalyId="a; rm -rf ~")).action)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (budget_message(), "10,230 USD against the budget"),
        (anomaly_message(), "1,001 USD above what AWS expected"),
        (
            budget_message(about="Usage", limit="100 GB", threshold="80 GB", reached="92 GB"),
            "no amount named",
        ),
        ("nobody can read this", "no amount named"),
        (
            anomaly_message(anomalyId="<!channel>" * 90, dimensionalValue="*" * 900, rootCauses=[{}] * 90),
            "1,001 USD",
        ),
        ("<!channel> `" * 9000, "no amount named"),
    ],
)
def test_slack_takes_it_and_says_a_sum(body, said):
    """AWS names what something came to, and not what it costs a month."""
    told = render_message(read(body), kind="new", today=TODAY + timedelta(days=9), news_id="a-1")
    assert not blocks_problems(told["blocks"]) and not too_long(told["blocks"])
    assert seen(told).splitlines()[2].startswith(f"*{said}")
    assert cost_so_far_text(read(body), today=TODAY + timedelta(days=9)) is None


@pytest.mark.parametrize(
    ("name", "body"), [("aws_budget", budget_message()), ("aws_cost_anomaly", anomaly_message())]
)
def test_what_aws_says_is_read_as_the_golden_file_shows(name, body):
    """As any other finding: what, where, how much, what to do."""
    found = read(body)
    payload = {"message": render_message(found, kind="new", today=found.last_seen, news_id="n-1")}
    assert not blocks_problems(payload["message"]["blocks"])
    same_as_golden(f"{name}.new", payload=payload, text=as_read(payload))


def test_a_message_in_the_envelope_of_sns_is_opened():
    """As it comes where the subscription is not raw."""
    told = {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:999900001111:focuswatch-spending"}
    assert read(json.dumps(told | {"Message": budget_message()})) == read(budget_message())
    assert read(json.dumps(told | {"Message": anomaly_message()})) == read(anomaly_message())


@pytest.mark.parametrize(
    ("body", "speaker"),
    [
        ("This is a test.", "AWS Budgets"),
        ("", "AWS Budgets"),
        ("[1, 2]", "AWS Budgets"),
        ("Budget Name: x\nBudgeted Amount: $" + "9" * 40 + "\nACTUAL Amount: $" + "9" * 40, "AWS Budgets"),
        ("{}", "AWS Cost Anomaly Detection"),
        ('{"anomaly": 1}', "AWS Cost Anomaly Detection"),
        ('{"anomalyId": "a", "impact": {"totalImpact": "much"}}', "AWS Cost Anomaly Detection"),
        ('{"anomalyId": "a", "anomalyStartDate": "soon"}', "AWS Cost Anomaly Detection"),
    ],
)
def test_what_cannot_be_read_is_told_as_it_came(body, speaker):
    """It is a finding of nobody's, the text its evidence, and the same text is the same finding."""
    found = read(body)
    assert found.title == f"A message of {speaker} that could not be read"
    assert found.evidence.get("message", "") == body
    assert found.reason.endswith(f" It says: {body}")
    assert (found.owned_by, found.severity) == ("fallback", "low")
    assert read(body).fingerprint == found.fingerprint != read(body + "!").fingerprint


def test_what_no_ledger_could_hold_is_made_so_that_it_can():
    """A half of a character, which JSON can name and UTF-8 cannot."""
    anomaly = read(json.dumps({"anomalyId": "a", "rootCauses": [{"service": "\ud800 is half"}]}))
    assert anomaly.service_name == "? is half"
    assert anomaly.model_dump_json()
    told = json.dumps({"Message": "\ud800 is half", "TopicArn": "t"})
    assert read(told).evidence["message"] == "? is half"
    assert read(told).model_dump_json()


def test_a_very_long_message_fits_the_ledger():
    found = read("x" * 300_000)
    assert (len(found.evidence["message"]), found.reason.count("x")) == (4000, 600)


@pytest.mark.parametrize(
    ("text", "value", "unit", "is_money"),
    [
        ("> $24.00", "24.00", "USD", True),
        ("< 80%", "80", "%", False),
        ("US$1,000", "1000", "USD", True),
        ("1,5 €", "1.5", "EUR", True),
        ("1.234.567,89 EUR", "1234567.89", "EUR", True),
        ("12 Hrs", "12", "Hrs", False),
        ("42", "42", None, False),
        ("$-3.10", "-3.10", "USD", True),
    ],
)
def test_a_measure_has_a_value_and_a_unit(text, value, unit, is_money):
    assert Measure.read(text) == Measure(Decimal(value), unit, is_money)


def test_no_number_is_no_measure():
    assert Measure.read("unlimited") is None and Measure.read("") is None


@pytest.mark.parametrize(
    "letter",
    [
        "Budget Name:" + " " * LONG + "x", "Budget Name: x" + " " * LONG + ".", "Budget Name" + " " * LONG,
        "Budget Name: x\n" + " " * LONG, "Budget Name: x\nActual Amount: " + "1" * LONG, "a b " * (LONG // 4),
        "Budget Name: x\nActual Amount: " + ",." * (LONG // 2) + "x", "AWS Account" + " " * LONG, ":" * LONG,
        "Budget Name: x\nAWS Budget Notification" + " " * LONG, "Budget Name: x\n" + "AWS Account " * (LONG // 12),
        "Budget Name: " + "aws x y --z '" * (LONG // 13), "Budget Name: " + "aws x y --z w " * (LONG // 14),
        "Budget Name: x\nAlert Threshold: > " + "9," * (LONG // 2), "Budget Name: x\nBudgeted Amount: $" + "-" * LONG,
    ],
)  # fmt: skip
def test_a_message_of_any_form_is_read_in_one_pass(letter):
    """As long as SNS takes it: a Lambda would run out of time, a hundred times, and all letters behind it wait."""
    started = time.monotonic()
    assert read(letter)
    assert time.monotonic() - started < 2
