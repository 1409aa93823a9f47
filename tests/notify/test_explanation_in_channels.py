"""An explanation where people read it: Slack within its limits, Jira, the page; and in the simulation's truth."""

from datetime import date

import pytest

from focuswatch.ledger.notification import Notification
from focuswatch.notify.jira import issue_text_and_comments as jira_words
from focuswatch.notify.publish_pending_to_sns import render_email
from focuswatch.notify.slack.blocks import MESSAGE_CHARACTERS, size
from focuswatch.notify.slack.finding_message import render_message
from focuswatch.notify.slack.thread_reply_text import render_thread_reply
from focuswatch.reports.page import build_document
from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.expected import truth_of
from focuswatch.simulate.expected.line_facts import COST_INCREASES
from focuswatch.simulate.simulate_and_write_bill import plan_bill
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems
from tests.given.explanations import explanation, part
from tests.given.one_line_findings import DAY, finding
from tests.given.page_inputs import HOSTILE, gathered

WHEN = {"today": DAY, "news_id": "f-1"}
CAUSES = {"causes": ["as the detection has them"], "meter": "m", "operation": "o", "daily_cost": 500.0}


def risen(told=None, **evidence):
    one = finding(category="anomaly", detection="cost_anomaly")
    return one.model_copy(update={"explanation": told or explanation(), "evidence": evidence or CAUSES})


def mail_about(one) -> str:
    return render_email(Notification(kind="new", finding=one))


def test_slack_message_shows_each_cause_once():
    """Above the evidence, which keeps what the explanation does not have."""
    text = seen(render_message(risen(), kind="new", **WHEN))
    why, _, evidence = text.partition("*Evidence*")
    assert (
        "*Root cause*" in why
        and "other cost drivers: +10.00 USD" in why
        and "RunInstances in us-west-2 by arn:" in why
    )
    assert "daily cost: 500" in evidence
    assert "as the detection has them" not in text


def test_slack_has_the_causes_of_a_finding_without_an_explanation():
    """One that was found before there were any."""
    bare = risen().model_copy(update={"explanation": None})
    text = seen(render_message(bare, kind="new", **WHEN))
    assert "as the detection has them" in text and "*Root cause*" not in text


@pytest.mark.parametrize("name", ["x" * 500, HOSTILE * 4, "👩‍🚀" * 100])
def test_a_message_fits_slack_whatever_the_bill_names(name):
    """Seven parts, ten changes, each name as long as it may be."""
    change = (
        explanation()
        .changes[0]
        .model_copy(update={"principal": name, "event": name, "resources": (name,) * 3})
    )
    turn = explanation().began[0].model_copy(update={"name": name})
    long = explanation(
        parts=tuple(part(meter=name, resource_id=name, operation=name) for _ in range(7)),
        began=(turn,) * 5, ended=(turn,) * 5, changes=(change,) * 10, unseen=name,
    )  # fmt: skip
    message = render_message(risen(long), kind="new", **WHEN)
    assert not blocks_problems(message["blocks"]) and size(message["blocks"]) <= MESSAGE_CHARACTERS
    assert "*Root cause*" in seen(message)
    assert not blocks_problems(render_thread_reply(risen(long), kind="changed", **WHEN)["blocks"])


def test_resolved_finding_shows_no_root_cause():
    """It is over."""
    assert "*Root cause*" not in seen(render_message(risen(), kind="resolved", **WHEN))


def test_thread_reply_shows_the_largest_cost_driver():
    """The message above it has the rest."""
    note = seen(render_thread_reply(risen(), kind="changed", **WHEN))
    assert (
        "1,000 USD above the expected cost" in note and "Largest cost driver: BoxUsage:p4d.24xlarge" in note
    )
    free = explanation(parts=(), others=1000)
    assert "Largest cost driver" not in seen(render_thread_reply(risen(free), kind="changed", **WHEN))


def test_jira_issue_shows_the_root_cause():
    """A section of its own; none where nothing rose."""
    described = {"header": None, "query_url": None, "days": 90}
    assert "h3. Root cause" in jira_words.render_description(risen(), **described)
    assert "h3. Root cause" not in jira_words.render_description(finding(), **described)


def test_mail_about_a_new_region_shows_cloudtrail_events():
    """The security team reads mail."""
    assert "\nRoot cause\n  1,000 USD above the expected cost" in mail_about(risen())
    assert "RunInstances in us-west-2 by arn:aws:sts::111122223333:assumed-role/ci/deploy" in mail_about(
        risen()
    )
    assert "Root cause" not in mail_about(finding())


def test_page_shows_the_root_cause_of_a_finding():
    """A finding that did not rise has none."""
    shown = build_document(gathered(risen(), finding("other")))
    rose, waste = sorted(shown["findings"], key=lambda one: not one["root_cause"])
    assert rose["root_cause"][0].startswith("1,000 USD above the expected cost") and waste["root_cause"] == []
    assert "explanation" not in rose


@pytest.fixture(scope="module")
def truth():
    """Of a small organization."""
    end = date(2026, 6, 8)
    return plan_bill(Calendar(first=date(2026, 2, 8), as_of=end), accounts=40, seed=3)


def test_simulation_lists_the_cause_of_each_cost_increase_only(truth):
    """A meter that the incident's account really has there, of the incident's own service and region."""
    incidents = truth_of(truth).incidents
    for one in incidents:
        if one.detection not in COST_INCREASES:
            assert one.cause is None
        elif one.cause:
            account, region, service, resource = one.identity
            assert region in (None, one.cause.region_id) and service in (None, one.cause.service_name)
            assert resource in (None, one.cause.resource_id)
    named = {one.note: one.cause for one in incidents if one.cause}
    assert named["a query without its index"].meter.endswith("Aurora:StorageIOUsage")
    assert named["from the global profile to a regional one"].meter.endswith("cross-region-geo")
    assert ":graph/" in named["the price went up, the volume did not"].resource_id
    unnamed = [one.detection for one in incidents if one.detection in COST_INCREASES and one.cause is None]
    assert set(unnamed) <= {
        "unit_cost_regression",
        "new_region",
        "new_service",
    }  # dearer without costing more; free
