"""PagerDuty delivery over HTTP: each finding is one alert, which is updated, acknowledged and resolved with it."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from focuswatch.errors import Refused, TryLater, Unsure
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS
from focuswatch.notify.pagerduty.alert_event import EVENT_BYTES, dedup_key, render_trigger
from focuswatch.notify.pagerduty.parse_pagerduty_secret import PagerDutySecret
from focuswatch.owners.owners_file import Owners
from tests.given.incidents import with_critical_finding
from tests.given.one_line_findings import finding
from tests.given.pagerduty_world import KEYS, pagerduty_world
from tests.given.slack_world import notification

FINDING = finding(team="search", cost="20000")


@pytest.fixture
def world():
    with pagerduty_world() as world:
        yield world


def test_a_finding_is_one_alert_from_its_first_day_to_its_last(world):
    """A change adds to the open alert; only a finding that occurs again opens another one."""
    assert world.deliver(notification(FINDING)).endswith("new, triggered in pagerduty:oncall")
    grown = FINDING.model_copy(update={"monthly_cost": Decimal(90_000)})
    world.deliver(notification(grown, "changed", number=2))
    (alert,) = world.server.of("oncall")
    assert (alert.status, alert.dedup_key) == ("triggered", f"focuswatch-{FINDING.fingerprint}")
    assert [one["summary"].rpartition(": ")[2] for one in alert.triggers] == [
        "20,000 USD/month in potential savings",
        "90,000 USD/month in potential savings",
    ]
    world.deliver(notification(grown, "resolved", number=3))
    assert alert.status == "resolved"
    world.deliver(notification(FINDING, number=4))
    assert [one.status for one in world.server.of("oncall")] == ["resolved", "triggered"]


def test_a_reminder_is_not_sent_to_pagerduty(world):
    """PagerDuty's escalation policy handles an alert that stays open."""
    world.deliver(notification(FINDING))
    assert world.deliver(notification(FINDING, "reminder", number=2)).endswith(
        "no reminder sent to pagerduty:oncall"
    )
    assert len(world.server.requests) == 1


def test_critical_and_security_findings_can_be_selected(world):
    """docs/pagerduty.md recommends such routing."""
    world.owners = Owners.model_validate(
        {
            "teams": {
                "search": {
                    "channels": [
                        {"to": "#team-search"},
                        {"to": "pagerduty:oncall", "least_severity": "critical"},
                        {"to": "pagerduty:night", "categories": ["security"]},
                    ]
                }
            }
        }
    )
    world.deliver(notification(finding("mild", team="search", cost="200")))
    world.deliver(notification(finding("severe", team="search", cost="20000")))
    world.deliver(notification(finding("intruder", team="search", cost="5", category="security")))
    assert [(alert.service, alert.triggers[0]["source"]) for alert in world.server.alerts] == [
        ("oncall", "severe"),
        ("night", "intruder"),
    ]


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("critical", "critical"), ("high", "error"), ("medium", "warning"), ("low", "info")],
)
def test_severity_is_mapped_to_a_pagerduty_severity(severity, expected):
    """PagerDuty derives the urgency from the severity."""
    event = render_trigger(FINDING.model_copy(update={"severity": severity}), links={})
    assert event["payload"]["severity"] == expected


@pytest.mark.parametrize("fault", ["dropped", "silent"])
def test_an_event_that_arrived_without_a_response_opens_no_second_alert(world, fault):
    """The event is sent again with the same deduplication key."""
    world.read_seconds = 0.3 if fault == "silent" else world.read_seconds
    world.server.faults.queued = [fault]
    with pytest.raises(Unsure, match="pagerduty:oncall: no response"):
        world.deliver(notification(FINDING))
    world.now += LEASE_SECONDS + 1
    assert world.deliver(notification(FINDING)).endswith("triggered again in pagerduty:oncall")
    assert len(world.server.alerts) == 1


def test_delivery_waits_for_a_rate_limit(world):
    """Delivery waits for the time in Retry-After, or a minute without the header."""
    world.server.faults.queued = ["limited", "limited"]
    with pytest.raises(TryLater) as limited:
        world.deliver(notification(FINDING))
    assert limited.value.seconds == 7
    world.server.faults.retry_after = None
    with pytest.raises(TryLater) as limited:
        world.deliver(notification(FINDING))
    assert limited.value.seconds == 60
    world.deliver(notification(FINDING))
    assert len(world.server.alerts) == 1


def test_an_event_is_retried_after_a_server_error(world):
    world.server.faults.queued = ["down"]
    with pytest.raises(Unsure, match="HTTP 503"):
        world.deliver(notification(FINDING))
    world.now += LEASE_SECONDS + 1
    world.deliver(notification(FINDING))
    assert len(world.server.alerts) == 1


def test_a_refused_connection_is_retried_without_doubt_about_the_outcome(world):
    """The request was not sent, so the outcome is certain."""
    world.server.address = "http://127.0.0.1:1"
    with pytest.raises(TryLater, match="pagerduty:oncall: no connection"):
        world.deliver(notification(FINDING))


def test_a_refusal_shows_the_reason_but_not_the_key(world):
    """Status 400 is not retried: it becomes a dead letter."""
    world.keys["oncall"] = "c" * 32
    with pytest.raises(Refused, match="pagerduty:oncall: HTTP 400: .*Invalid routing key") as refused:
        world.deliver(notification(FINDING))
    assert "cccc" not in str(refused.value)


def test_an_address_without_a_key_is_refused_with_the_remedy(world):
    """The address is in owners.toml but not in the secret."""
    del world.keys["oncall"]
    with pytest.raises(
        Refused,
        match="no routing key for 'oncall'. Add the key to routing_keys in the secret, or correct owners",
    ):
        world.deliver(notification(FINDING))


@pytest.mark.parametrize(
    ("action", "status"),
    [("acknowledge", "acknowledged"), ("snooze_7", "acknowledged"), ("not_waste", "resolved")],
)
def test_a_response_in_another_channel_updates_the_alert(world, action, status):
    """A person who responds in Slack or Teams does not have to respond in PagerDuty too."""
    world.deliver(notification(FINDING))
    world.responses().show_response(FINDING.fingerprint, action)
    assert world.server.alerts[0].status == status


def test_a_response_to_a_finding_without_an_alert_sends_nothing(world):
    """The finding was sent to Slack only, or its alert is resolved."""
    assert world.responses().show_response(FINDING.fingerprint, "acknowledge") is None
    world.deliver(notification(FINDING))
    world.deliver(notification(FINDING, "resolved", number=2))
    assert world.responses().show_response(FINDING.fingerprint, "acknowledge") is None
    assert len(world.server.requests) == 2


def test_an_event_fits_every_limit_whatever_the_bill_contains(world):
    """A bill can contain very long names and control characters."""
    hostile = FINDING.model_copy(
        update={
            "title": "T" * 3000,
            "reason": "R\x00\u202e" * 3000,
            "resource_id": "r" * 5000,
            "service_name": "s\n" * 5000,
            "evidence": {f"name{number}": "v\x1b" * 900 for number in range(900)},
        }
    )
    event = render_trigger(hostile, links={"x": None})
    assert len(event["payload"]["summary"]) == 1024 and "evidence" not in event["payload"]["custom_details"]
    assert "\u202e" not in str(event)
    world.deliver(notification(hostile))
    (alert,) = world.server.alerts
    assert len(alert.triggers[0]["custom_details"]["what_happened"]) == 9000


@pytest.mark.parametrize(("extra_bytes", "is_kept"), [(0, True), (1, False)])
def test_evidence_is_left_out_of_an_event_that_would_be_too_large(world, extra_bytes, is_kept):
    """PagerDuty refuses an event of more than 512 KB; the routing key is added to the rendered event."""

    def with_evidence(length):
        return FINDING.model_copy(update={"evidence": {"name": "é" + "v" * length}})

    empty = json.dumps(render_trigger(with_evidence(0), links={}), ensure_ascii=False).encode()
    world.deliver(notification(with_evidence(EVENT_BYTES - len(empty) + extra_bytes)))
    (alert,) = world.server.alerts
    assert ("evidence" in alert.triggers[0]["custom_details"]) == is_kept


def test_the_key_of_an_alert_is_the_same_for_every_day_and_cost():
    """PagerDuty accepts keys of at most 255 characters."""
    other = FINDING.model_copy(update={"monthly_cost": Decimal(1), "severity": "low"})
    assert dedup_key(FINDING) == dedup_key(other) and len(dedup_key(FINDING)) <= 255
    assert dedup_key(FINDING) != dedup_key(finding("other", team="search"))


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "[]",
        '{"routing_keys": {}}',
        '{"routing_keys": {"a": "short"}}',
        f'{{"routing_keys": {{"a": "{KEYS["oncall"]}"}}, "api": "http://events.pagerduty.com"}}',
    ],
)
def test_a_malformed_secret_is_refused_without_showing_it(secret):
    """The error message is logged."""
    with pytest.raises(Refused, match="does not have the format") as refused:
        PagerDutySecret.read(secret)
    assert "short" not in str(refused.value)


def test_a_secret_never_shows_in_a_repr(world):
    """A traceback can show reprs."""
    assert KEYS["oncall"] not in repr(world.client()) + repr(replace(world.client()))


def test_an_alert_has_the_highest_severity_of_its_incident():
    """The Slack message and the Jira issue show the same severity."""
    lead = with_critical_finding(finding(cost="200"))
    assert lead.severity == "medium"
    assert render_trigger(lead, links={})["payload"]["severity"] == "critical"
