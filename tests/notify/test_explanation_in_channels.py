"""The root cause of a cost increase in Slack, Jira, mail and the page, and in the incidents of a simulated bill."""

from datetime import date

import pytest

from focuswatch.ledger.notification_and_pending_notification_models import Notification
from focuswatch.notify.jira import issue_text_and_comments as jira_text
from focuswatch.notify.slack.block_kit_elements import MESSAGE_CHARACTERS, size
from focuswatch.notify.slack.finding_message import render_message
from focuswatch.notify.slack.thread_reply_text import render_thread_reply
from focuswatch.notify.sns_email_text import render_email
from focuswatch.reports.page import build_document
from focuswatch.simulate.bill_calendar import Calendar
from focuswatch.simulate.expected import truth_of
from focuswatch.simulate.expected.lines_of_incident import COST_INCREASES
from focuswatch.simulate.simulate_and_write_bill import plan_bill
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems
from tests.given.explanations import explanation, part
from tests.given.one_line_findings import DAY, finding
from tests.given.page_inputs import HOSTILE, gathered

MESSAGE_OPTIONS = {"today": DAY, "notification_id": "f-1"}
EVIDENCE = {"causes": ["as the detection has them"], "meter": "m", "operation": "o", "daily_cost": 500.0}


def cost_increase(root_cause=None, **evidence):
    """Return a finding about a cost increase with its root cause."""
    one = finding(category="anomaly", detection="cost_anomaly")
    return one.model_copy(
        update={"explanation": root_cause or explanation(), "evidence": evidence or EVIDENCE}
    )


def mail_text(one) -> str:
    return render_email(Notification(kind="new", finding=one))


def test_slack_message_shows_each_cause_once():
    """The root cause is above the evidence, which does not repeat it."""
    text = seen(render_message(cost_increase(), kind="new", **MESSAGE_OPTIONS))
    root_cause, _, evidence = text.partition("*Evidence*")
    assert (
        "*Root cause*" in root_cause
        and "other cost drivers: +10.00 USD" in root_cause
        and "RunInstances in us-west-2 by arn:" in root_cause
    )
    assert "daily cost: 500" in evidence
    assert "as the detection has them" not in text


def test_slack_shows_the_causes_in_the_evidence_without_an_explanation():
    """Findings that an earlier version stored have no explanation."""
    unexplained = cost_increase().model_copy(update={"explanation": None})
    text = seen(render_message(unexplained, kind="new", **MESSAGE_OPTIONS))
    assert "as the detection has them" in text and "*Root cause*" not in text


@pytest.mark.parametrize("name", ["x" * 500, HOSTILE * 4, "👩‍🚀" * 100])
def test_a_message_fits_slack_whatever_names_the_bill_contains(name):
    """The explanation has seven cost drivers and ten changes, each with a long or hostile name."""
    change = (
        explanation()
        .changes[0]
        .model_copy(update={"principal": name, "event": name, "resources": (name,) * 3})
    )
    circumstance = explanation().began[0].model_copy(update={"name": name})
    long = explanation(
        parts=tuple(part(meter=name, resource_id=name, operation=name) for _ in range(7)),
        began=(circumstance,) * 5,
        ended=(circumstance,) * 5,
        changes=(change,) * 10,
        unseen=name,
    )
    message = render_message(cost_increase(long), kind="new", **MESSAGE_OPTIONS)
    assert not blocks_problems(message["blocks"]) and size(message["blocks"]) <= MESSAGE_CHARACTERS
    assert "*Root cause*" in seen(message)
    assert not blocks_problems(
        render_thread_reply(cost_increase(long), kind="changed", **MESSAGE_OPTIONS)["blocks"]
    )


def test_resolved_finding_shows_no_root_cause():
    assert "*Root cause*" not in seen(render_message(cost_increase(), kind="resolved", **MESSAGE_OPTIONS))


def test_thread_reply_shows_the_largest_cost_driver():
    """The message above the reply has the others."""
    reply = seen(render_thread_reply(cost_increase(), kind="changed", **MESSAGE_OPTIONS))
    assert (
        "1,000 USD above the expected cost" in reply and "Largest cost driver: BoxUsage:p4d.24xlarge" in reply
    )
    without_drivers = explanation(parts=(), others=1000)
    assert "Largest cost driver" not in seen(
        render_thread_reply(cost_increase(without_drivers), kind="changed", **MESSAGE_OPTIONS)
    )


def test_jira_issue_shows_the_root_cause():
    """A finding without a cost increase has no such section."""
    options = {"header": None, "query_url": None, "days": 90}
    assert "h3. Root cause" in jira_text.render_description(cost_increase(), **options)
    assert "h3. Root cause" not in jira_text.render_description(finding(), **options)


def test_mail_about_a_new_region_shows_cloudtrail_events():
    """The security team is notified by mail."""
    assert "\nRoot cause\n  1,000 USD above the expected cost" in mail_text(cost_increase())
    assert "RunInstances in us-west-2 by arn:aws:sts::111122223333:assumed-role/ci/deploy" in mail_text(
        cost_increase()
    )
    assert "Root cause" not in mail_text(finding())


def test_page_shows_the_root_cause_of_a_finding():
    """A finding without a cost increase has none."""
    document = build_document(gathered(cost_increase(), finding("other")))
    increase, waste = sorted(document["findings"], key=lambda one: not one["root_cause"])
    assert (
        increase["root_cause"][0].startswith("1,000 USD above the expected cost")
        and waste["root_cause"] == []
    )
    assert "explanation" not in increase


@pytest.fixture(scope="module")
def plan():
    """Return the plan of a bill of a small organization."""
    end = date(2026, 6, 8)
    return plan_bill(Calendar(first=date(2026, 2, 8), as_of=end), accounts=40, seed=3)


def test_simulation_lists_causes_of_cost_increases_only(plan):
    """The cause is in the service, the region and the resource of its incident."""
    incidents = truth_of(plan).incidents
    for one in incidents:
        if one.detection not in COST_INCREASES:
            assert one.cause is None
        elif one.cause:
            account, region, service, resource = one.identity
            assert region in (None, one.cause.region_id) and service in (None, one.cause.service_name)
            assert resource in (None, one.cause.resource_id)
    causes = {one.note: one.cause for one in incidents if one.cause}
    assert causes["a query without its index"].meter.endswith("Aurora:StorageIOUsage")
    assert causes["from the global profile to a regional one"].meter.endswith("cross-region-geo")
    assert ":graph/" in causes["the price went up, the volume did not"].resource_id
    detections_without_cause = [
        one.detection for one in incidents if one.detection in COST_INCREASES and one.cause is None
    ]
    # A unit cost can rise while the cost falls, and the first charge in a region or for a service can be free.
    assert set(detections_without_cause) <= {"unit_cost_regression", "new_region", "new_service"}
