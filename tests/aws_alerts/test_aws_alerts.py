"""Alerts of AWS Budgets and Cost Anomaly Detection become findings with a reason and an owner."""

import json
import time
from datetime import date, timedelta
from decimal import Decimal

import pytest

from focuswatch.aws_alerts.convert_aws_alert_to_finding import parse_alert
from focuswatch.aws_alerts.parse_amount_text_with_currency_or_unit import Measure
from focuswatch.findings.aws_alert_detection_ids import ANOMALY, BUDGET
from focuswatch.findings.fill_action_with_safe_commands import COMMAND
from focuswatch.findings.finding_amount_and_age_text import cost_so_far_text
from focuswatch.notify.slack.finding_message import render_message
from focuswatch.owners.owners_file import Owners
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems, too_long
from tests.given.aws_alerts import anomaly_message, budget_message
from tests.given.slack_golden_files import assert_slack_golden, message_and_reply_text

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
    return parse_alert(body, owners=owners, today=TODAY)


def test_alert_states_budget_amount_and_share():
    """The reason states the budget, the amount and the share; the finding has the amount as its cost."""
    finding = read(budget_message())
    assert (
        finding.reason
        == "Spend for the budget focuswatch-team-search has reached 10,230 of 12,000 USD (85%)."
    )
    assert (finding.detection, finding.monthly_cost, finding.currency) == (BUDGET, Decimal("10230"), "USD")
    assert (finding.category, finding.severity, finding.status) == ("governance", "medium", "new")
    assert (finding.sub_account_id, finding.first_seen) == ("999900001111", TODAY)


def test_forecast_is_a_separate_finding():
    """A forecast is not a cost that has occurred."""
    finding = read(budget_message(kind="FORECASTED", threshold="$12,000.00", reached="$13,100.50"))
    assert (
        finding.reason
        == "Spend for the budget focuswatch-team-search is forecast to reach 13,100 of 12,000 USD (109%)."
    )
    actual = read(budget_message(threshold="$12,000.00", reached="$13,100.50"))
    assert finding.fingerprint != actual.fingerprint


@pytest.mark.parametrize(
    ("reached", "limit", "expected_text"),
    [
        ("$1,234,567.89", "$2,000,000.00", "has reached 1,234,568 of 2,000,000 USD (61%)"),
        ("€ 1.234,50", "€ 2.000,00", "has reached 1,234 of 2,000 EUR (61%)"),
        ("812.20 CNY", "1,000.00 CNY", "has reached 812 of 1,000 CNY (81%)"),
        ("¥900", "¥1,000", "has reached 900 of 1,000 ¥ (90%)"),
        ("$0.60", "$0.00", "has reached 0.60 of 0 USD."),
        ("$11,999.99", "$12,000.00", "has reached 12,000 of 12,000 USD (99%)"),
    ],
)
def test_amounts_in_any_format_are_parsed(reached, limit, expected_text):
    """Any currency and separator; the share is rounded down, and omitted for a limit of zero."""
    assert expected_text in read(budget_message(reached=reached, limit=limit)).reason


def test_usage_budget_has_no_cost():
    """Hours and bytes are stated with their unit."""
    finding = read(
        budget_message("s3-storage", about="Usage", limit="100 GB", threshold="80 GB", reached="92.5 GB")
    )
    assert finding.reason == "Usage for the budget s3-storage has reached 92.50 of 100 GB (92%)."
    assert finding.monthly_cost == 0
    assert finding.evidence["budget_type"] == "Usage"


def test_utilization_alert_reports_a_fall():
    """The limit is a percentage, so no share of it is stated."""
    finding = read(
        budget_message(
            "ri", about="RI Utilization", limit="100%", threshold="80%", reached="65.5%", operator="<"
        )
    )
    assert finding.reason == "The budget ri of 100% has fallen to 65.50%."
    assert finding.monthly_cost == 0


def test_currencies_are_not_mixed():
    """The finding has the currency of the budget."""
    finding = read(budget_message(reached="€900.00", limit="€1,000.00"))
    assert (finding.currency, finding.monthly_cost) == ("EUR", 900)
    assert read(budget_message(reached="$90.00", limit="100 GB")).reason.endswith(
        "of 100 GB has reached 90 USD."
    )


def test_message_with_only_a_budget_name_becomes_a_finding():
    """No other line of the message is required."""
    finding = read("AWS Budget Notification\n\nBudget Name: team-x\nAlert Threshold: > $5.00\n")
    assert finding.reason == "The budget team-x has exceeded its alert threshold of > $5.00."
    assert (finding.first_seen, finding.sub_account_id, finding.owned_by) == (TODAY, None, "fallback")
    assert finding.evidence == {"alert": "> $5.00"}
    assert read("Budget Name: team-x").reason == "The budget team-x has exceeded its alert threshold."


def test_budget_of_a_team_belongs_to_the_team():
    """The name of the budget identifies the team; any other budget belongs to the owner of its account."""
    assert (read(budget_message()).team, read(budget_message()).owned_by) == ("search", "budget")
    other = read(budget_message("focuswatch-ai-services"))
    assert (other.team, other.owned_by) == ("platform", "account")
    assert "increase the budget amount" in other.action
    assert read(budget_message(), owners=Owners()).team is None


def test_charge_in_an_unapproved_region_is_a_security_finding():
    """Any amount counts, but only in the budget of this deployment."""
    budget_name = "focuswatch-unapproved-regions"
    finding = read(budget_message(budget_name, limit="$1.00", threshold="$0.01", reached="$0.02"))
    assert (finding.category, finding.severity) == ("security", "high")
    assert finding.title == "Charge in an unapproved region"
    assert "--time-period Start=2026-11-01,End=2026-11-22 " in finding.action
    assert "--group-by Type=DIMENSION,Key=REGION\n" in finding.action
    assert "add the region to approved_regions under [budgets]" in finding.action
    in_other_deployment = parse_alert(
        budget_message(budget_name), owners=OWNERS, today=TODAY, deployment="other"
    )
    assert in_other_deployment.category == "governance"


def test_repeated_alert_is_one_finding_per_month():
    """Another threshold, month, budget or account is another finding."""
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


def test_daily_budget_has_one_finding_per_day():
    """Each day is a new budget period."""
    days = ("November 20, 2026", "November 21, 2026")
    one, other = (read(budget_message(per="per day", written=day)) for day in days)
    assert one.fingerprint != other.fingerprint


def test_commands_of_the_action_can_be_copied():
    """They name the budget and the month, and contain no shell characters."""
    action = read(budget_message()).action
    assert (
        "aws budgets describe-budget --account-id 999900001111 --budget-name focuswatch-team-search\n"
        in action
    )
    assert "--time-period Start=2026-11-01,End=2026-11-22 --granularity DAILY" in action
    assert "increase monthly_budget under [teams.search] in config/owners.toml" in action
    hostile = read(budget_message("x; rm -rf ~"))
    assert "(no command: the budget contains characters that a shell" in hostile.action
    assert "--budget-name 'All of us (2026)'\n" in read(budget_message("All of us (2026)")).action


def test_anomaly_states_service_days_and_amounts():
    """Account and region are those of the first root cause."""
    finding = read(anomaly_message())
    assert finding.reason == (
        "From 2026-11-18 to 2026-11-20, Amazon Bedrock cost was 1,301 USD, 1,001 USD more than the 300 USD that "
        "AWS expected."
    )
    assert (finding.detection, finding.category, finding.monthly_cost) == (ANOMALY, "anomaly", Decimal(1001))
    assert (finding.sub_account_id, finding.sub_account_name, finding.region_id) == (
        "111122223333",
        "search-prod",
        "eu-west-1",
    )
    assert (finding.team, finding.owned_by, finding.service_name) == ("search", "account", "Amazon Bedrock")
    assert (finding.first_seen, finding.last_seen) == (date(2026, 11, 18), date(2026, 11, 20))
    assert finding.evidence["root_causes"] == [
        "Amazon Bedrock · EUW1-Claude-output-tokens · eu-west-1 · search-prod: 601 USD"
    ]


def test_anomaly_without_root_causes_has_no_owner():
    """The account of the monitor is not the account with the charge."""
    finding = read(anomaly_message(rootCauses=None, impact=10.5, anomalyDetailsLink=None))
    assert (finding.sub_account_id, finding.team, finding.service_name) == (None, None, "Amazon Bedrock")
    assert finding.action.startswith(
        "1. Open AWS Cost Anomaly Detection in the payer account and find the anomaly.\n"
        "2. Ask the owner of the account who started the usage on "
    )


def test_anomaly_has_the_first_five_root_causes():
    """They keep the order of AWS."""
    causes = [{"service": f"s{number}"} for number in range(7)]
    assert read(anomaly_message(rootCauses=causes)).evidence["root_causes"] == ["s0", "s1", "s2", "s3", "s4"]


def test_anomaly_does_not_end_before_it_starts():
    finding = read(anomaly_message(end="2026-11-17T00:00:00Z"))
    assert finding.first_seen == finding.last_seen == date(2026, 11, 18)


def test_anomaly_without_amounts_becomes_a_finding():
    finding = read(json.dumps({"anomalyId": "a-1"}))
    assert finding.reason == "On 2026-11-21, service cost was more than AWS expected."
    assert finding.monthly_cost == 0


def test_only_an_https_url_is_a_link():
    assert read(anomaly_message()).action.startswith(
        "1. Open the anomaly in the AWS console: https://console.aws."
    )
    for other in ("javascript:alert(1)", "https://a b"):
        assert other not in read(anomaly_message(anomalyDetailsLink=other)).action


def test_growing_anomaly_is_one_finding():
    """The anomaly id identifies the finding."""
    assert (
        read(anomaly_message(impact=5000, end="2026-11-23T00:00:00Z")).fingerprint
        == read(anomaly_message()).fingerprint
    )
    assert read(anomaly_message(anomalyId="another")).fingerprint != read(anomaly_message()).fingerprint


def test_id_with_shell_characters_is_in_no_command():
    assert "--anomaly-id 12345678-abcd" in read(anomaly_message()).action
    assert not COMMAND.findall(read(anomaly_message(anomalyId="a; rm -rf ~")).action)


@pytest.mark.parametrize(
    ("body", "expected_text"),
    [
        (budget_message(), "10,230 USD in actual or forecast spend"),
        (anomaly_message(), "1,001 USD above what AWS expected"),
        (
            budget_message(about="Usage", limit="100 GB", threshold="80 GB", reached="92 GB"),
            "no amount in the alert",
        ),
        ("nobody can read this", "no amount in the alert"),
        (
            anomaly_message(anomalyId="<!channel>" * 90, dimensionalValue="*" * 900, rootCauses=[{}] * 90),
            "1,001 USD",
        ),
        ("<!channel> `" * 9000, "no amount in the alert"),
    ],
)
def test_slack_message_states_the_total(body, expected_text):
    """An alert has a total, not a monthly cost."""
    message = render_message(read(body), kind="new", today=TODAY + timedelta(days=9), notification_id="a-1")
    assert not blocks_problems(message["blocks"]) and not too_long(message["blocks"])
    assert seen(message).splitlines()[2].startswith(f"*{expected_text}")
    assert cost_so_far_text(read(body), today=TODAY + timedelta(days=9)) is None


@pytest.mark.parametrize(
    ("name", "body"), [("aws_budget", budget_message()), ("aws_cost_anomaly", anomaly_message())]
)
def test_alert_message_matches_its_golden_file(name, body):
    """It has the layout of any other finding: what, where, how much, what to do."""
    finding = read(body)
    payload = {"message": render_message(finding, kind="new", today=finding.last_seen, notification_id="n-1")}
    assert not blocks_problems(payload["message"]["blocks"])
    assert_slack_golden(f"{name}.new", payload=payload, text=message_and_reply_text(payload))


def test_message_in_an_sns_envelope_is_parsed():
    """A subscription without raw message delivery sends this envelope."""
    envelope = {"Type": "Notification", "TopicArn": "arn:aws:sns:us-east-1:999900001111:focuswatch-spending"}
    assert read(json.dumps(envelope | {"Message": budget_message()})) == read(budget_message())
    assert read(json.dumps(envelope | {"Message": anomaly_message()})) == read(anomaly_message())


@pytest.mark.parametrize(
    ("body", "sender"),
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
def test_unreadable_message_becomes_a_finding_with_its_text(body, sender):
    """It has no owner, and the same text is the same finding."""
    finding = read(body)
    assert finding.title == f"Unreadable message from {sender}"
    assert finding.evidence.get("message", "") == body
    assert finding.reason.endswith(f" Message: {body}")
    assert (finding.owned_by, finding.severity) == ("fallback", "low")
    assert read(body).fingerprint == finding.fingerprint != read(body + "!").fingerprint


def test_lone_surrogates_are_replaced():
    """JSON can contain them, UTF-8 cannot."""
    anomaly = read(json.dumps({"anomalyId": "a", "rootCauses": [{"service": "\ud800 is half"}]}))
    assert anomaly.service_name == "? is half"
    assert anomaly.model_dump_json()
    envelope = json.dumps({"Message": "\ud800 is half", "TopicArn": "t"})
    assert read(envelope).evidence["message"] == "? is half"
    assert read(envelope).model_dump_json()


def test_very_long_message_fits_the_ledger():
    finding = read("x" * 300_000)
    assert (len(finding.evidence["message"]), finding.reason.count("x")) == (4000, 600)


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
def test_measure_has_a_value_and_a_unit(text, value, unit, is_money):
    assert Measure.read(text) == Measure(Decimal(value), unit, is_money)


def test_text_without_a_number_is_not_a_measure():
    assert Measure.read("unlimited") is None and Measure.read("") is None


@pytest.mark.parametrize(
    "body",
    [
        "Budget Name:" + " " * LONG + "x",
        "Budget Name: x" + " " * LONG + ".",
        "Budget Name" + " " * LONG,
        "Budget Name: x\n" + " " * LONG,
        "Budget Name: x\nActual Amount: " + "1" * LONG,
        "a b " * (LONG // 4),
        "Budget Name: x\nActual Amount: " + ",." * (LONG // 2) + "x",
        "AWS Account" + " " * LONG,
        ":" * LONG,
        "Budget Name: x\nAWS Budget Notification" + " " * LONG,
        "Budget Name: x\n" + "AWS Account " * (LONG // 12),
        "Budget Name: " + "aws x y --z '" * (LONG // 13),
        "Budget Name: " + "aws x y --z w " * (LONG // 14),
        "Budget Name: x\nAlert Threshold: > " + "9," * (LONG // 2),
        "Budget Name: x\nBudgeted Amount: $" + "-" * LONG,
    ],
)
def test_any_message_is_parsed_in_linear_time(body):
    """Otherwise one message could block the queue."""
    started = time.thread_time()
    assert read(body)
    assert time.thread_time() - started < 2


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            '{"anomalyId": "a", "impact": {"totalImpact": "much"}}',
            "impact.totalImpact: Input should be a valid decimal, found 'much'",
        ),
        ("{}", "anomalyId: Field required"),
        (
            '{"anomalyId": "a", "anomalyStartDate": "soon"}',
            "anomalyStartDate: Input should be a date such as 2026-11-20, found 'soon'",
        ),
        (
            '{"anomalyId": "a", "rootCauses": [{"service": ["S3"]}]}',
            "rootCauses.0.service: Input should be a valid string, found ['S3']",
        ),
        (
            "Budget Name: x\nBudgeted Amount: $1.2.3",
            "Budgeted Amount: expected a number, found '1.2.3'",
        ),
        (
            "Budget Name: x\nAlert Threshold: > $" + "9" * 40,
            "Alert Threshold: the amount has 40 characters; expected at most 30",
        ),
        (
            "AWS Budget Notification Smarch 13, 2026\nBudget Name: x",
            "AWS Budget Notification: expected a date such as November 21, 2026, found 'Smarch 13, 2026'",
        ),
    ],
)
def test_unreadable_message_states_the_field_and_the_value(body, reason):
    """The reason tells the reader what to look for in the message."""
    assert f": {reason}. Message: " in read(body).reason
