"""When an incident is notified: once when it starts, when it changes and when it ends."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from moto import mock_aws

from focuswatch.ledger import DetectionRun, SqliteLedger, Suppression, decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from tests.given.incidents import (
    EC2,
    MONDAY,
    RAN,
    driver,
    estimated_and_billed,
    event,
    scanned,
    security_rollout,
    stolen_key,
)
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding

TUESDAY, WEDNESDAY = MONDAY + timedelta(days=1), MONDAY + timedelta(days=2)
REGION, SERVICE, ANOMALY, GPU = stolen_key()


@pytest.fixture(params=["sqlite", "dynamodb"])
def ledger(request, tmp_path: Path):
    """Yield a ledger of each kind; both follow the same contract."""
    if request.param == "sqlite":
        yield SqliteLedger(tmp_path / "ledger.db")
        return
    with mock_aws():
        yield DynamoLedger(ledger_table())


def decided(ledger, a_run: DetectionRun):
    """Record a run and return its notifications."""
    return ledger.update(
        lambda entries, suppressions: decide(entries, suppressions, a_run), evaluated=()
    ).notifications


def sent(notifications):
    """Return the messages that channels send: kind, detection, and the other detections that the message names."""
    return [
        (one.kind, one.finding.detection, {other.detection for other in one.finding.also_detected})
        for one in notifications
        if not one.in_incident
    ]


def muted(one, *, until: date | None = None):
    """Return a suppression of one finding."""
    return Suppression(
        scope="fingerprint", value=one.fingerprint, author="ana", reason="planned", since=MONDAY, until=until
    )


def test_incident_is_notified_once(ledger):
    """Four findings about a stolen key are one message that names all of them; SNS gets each finding."""
    notifications = decided(ledger, scanned(*stolen_key(), on=TUESDAY))
    assert sent(notifications) == [("new", "gpu_burst", {"new_region", "new_service", "cost_anomaly"})]
    assert len(notifications) == 4
    assert {one.finding.incident for one in notifications} == {GPU.fingerprint}
    assert [one.finding.detection for one in notifications if one.finding.incident_lead] == ["gpu_burst"]
    assert decided(ledger, scanned(*stolen_key(), on=TUESDAY)) == ()


def test_finding_that_joins_an_incident_is_a_change_of_its_lead(ledger):
    """The anomaly is detected after the GPUs."""
    decided(ledger, scanned(GPU, REGION, on=TUESDAY))
    notifications = decided(ledger, scanned(GPU, REGION, ANOMALY, on=WEDNESDAY))
    assert sent(notifications) == [("changed", "gpu_burst", {"new_region", "cost_anomaly"})]
    (joined,) = [one for one in notifications if one.in_incident]
    assert (joined.kind, joined.finding.detection, joined.finding.incident) == (
        "new",
        "cost_anomaly",
        GPU.fingerprint,
    )


def test_more_specific_finding_takes_the_lead_and_keeps_the_incident(ledger):
    """The message and the issue are identified by the incident, so they stay the same if the lead changes."""
    (first,) = decided(ledger, scanned(ANOMALY, on=TUESDAY))
    notifications = decided(ledger, scanned(ANOMALY, GPU, on=WEDNESDAY))
    assert sent(notifications) == [("new", "gpu_burst", {"cost_anomaly"})]
    assert {one.finding.incident for one in notifications} == {first.finding.incident}
    leads = [one.finding for one in ledger.entries().values() if one.finding.incident_lead]
    assert [one.detection for one in leads] == ["gpu_burst"]


def test_estimate_is_replaced_by_the_bill_in_the_same_incident(ledger):
    """An hourly estimate is notified; the spike on the bill becomes the lead, and the estimate ends silently."""
    estimate, spike = estimated_and_billed()
    hourly = scanned(estimate, on=MONDAY, ran=())
    (first,) = decided(ledger, hourly)
    assert decided(ledger, hourly) == ()
    on_tuesday = scanned(estimate, spike, on=TUESDAY, ran=("live_burn", "token_burst"))
    notifications = decided(ledger, on_tuesday)
    assert sent(notifications) == [("new", "token_burst", {"live_burn"})]
    assert {one.finding.incident for one in notifications} == {first.finding.incident}
    entries = ledger.entries()
    assert entries[estimate.fingerprint].finding.counted_in == spike.fingerprint
    ended = decided(ledger, scanned(spike, on=WEDNESDAY, ran=("live_burn", "token_burst")))
    assert [one for one in ended if not one.in_incident] == []
    assert ledger.entries()[estimate.fingerprint].state == "resolved"


def test_estimate_that_the_bill_does_not_confirm_is_resolved(ledger):
    estimate, _ = estimated_and_billed()
    decided(ledger, scanned(estimate, on=MONDAY, ran=()))
    assert sent(decided(ledger, scanned(on=WEDNESDAY, ran=()))) == []
    assert sent(decided(ledger, scanned(on=WEDNESDAY, ran=("live_burn",)))) == [
        ("resolved", "live_burn", set())
    ]


def test_suppressed_lead_is_replaced_by_another_finding(ledger):
    """A suppressed finding must not hide the other findings of its incident."""
    decided(ledger, scanned(*stolen_key(), on=TUESDAY))
    ledger.add_suppression(muted(GPU))
    assert sent(decided(ledger, scanned(*stolen_key(), on=WEDNESDAY))) == [
        ("changed", "new_region", {"new_service", "cost_anomaly"})
    ]
    assert decided(ledger, scanned(*stolen_key(), on=WEDNESDAY)) == ()


def test_finding_suppressed_from_the_start_is_no_lead(ledger):
    """With the GPUs excluded, the other findings are notified without them."""
    ledger.add_suppression(muted(GPU))
    assert sent(decided(ledger, scanned(*stolen_key(), on=TUESDAY))) == [
        ("new", "new_region", {"new_service", "cost_anomaly"})
    ]


def test_suppressed_finding_is_not_named_by_its_incident(ledger):
    """Suppressing a finding that is not the lead causes no notification."""
    decided(ledger, scanned(GPU, ANOMALY, on=TUESDAY))
    ledger.add_suppression(muted(ANOMALY))
    assert decided(ledger, scanned(GPU, ANOMALY, on=WEDNESDAY)) == ()
    assert ledger.entries()[GPU.fingerprint].finding.also_detected == ()


def grown(one, factor: int):
    """Return the same finding with a multiple of its cost."""
    monthly = one.monthly_cost_if_continues * factor
    return one.model_copy(
        update={"monthly_cost": one.monthly_cost * factor, "monthly_cost_if_continues": monthly}
    )


def idle(number: int):
    """Return a finding about the same idle endpoint, from one of two detections."""
    return finding(detection=("idle_sagemaker_endpoint", "underused_gpu")[number], team="search")


WASTE = (*RAN, "idle_sagemaker_endpoint", "underused_gpu")


def test_incident_is_resolved_when_its_last_finding_is(ledger):
    """When the lead is resolved, the other finding becomes the lead; when that one is resolved, the incident is."""
    decided(ledger, scanned(idle(0), idle(1), on=TUESDAY, ran=WASTE))
    lead, other = sorted(ledger.entries().values(), key=lambda entry: not entry.finding.incident_lead)
    first_resolution = decided(ledger, scanned(other.finding, on=WEDNESDAY, ran=WASTE))
    assert sent(first_resolution) == [("changed", other.finding.detection, set())]
    assert [
        (one.kind, one.in_incident) for one in first_resolution if one.finding.fingerprint == lead.fingerprint
    ] == [("resolved", True)]
    ended = decided(ledger, scanned(on=WEDNESDAY + timedelta(days=1), ran=WASTE))
    assert sent(ended) == [("resolved", other.finding.detection, set())]
    assert ended[0].finding.incident == lead.finding.incident


def test_findings_resolved_together_are_notified_once(ledger):
    """The message is about the lead."""
    decided(ledger, scanned(idle(0), idle(1), on=TUESDAY, ran=WASTE))
    lead = next(one for one in ledger.entries().values() if one.finding.incident_lead)
    ended = decided(ledger, scanned(on=WEDNESDAY, ran=WASTE))
    assert sent(ended) == [
        (
            "resolved",
            lead.finding.detection,
            {"underused_gpu", "idle_sagemaker_endpoint"} - {lead.finding.detection},
        )
    ]
    assert len(ended) == 2


def test_lead_that_expires_is_replaced_without_a_notification(ledger):
    """A region is no longer new after a week. Nothing happened, so there is nothing to notify."""
    decided(ledger, scanned(REGION, ANOMALY, on=TUESDAY))
    assert decided(ledger, scanned(ANOMALY, on=WEDNESDAY)) == ()
    assert ledger.entries()[ANOMALY.fingerprint].finding.incident_lead


def test_cost_that_grows_in_every_finding_is_one_change(ledger):
    """GPUs that continue also raise the anomaly some days later, which causes no second notification."""
    decided(ledger, scanned(GPU, ANOMALY, on=TUESDAY))
    assert sent(decided(ledger, scanned(grown(GPU, 2), ANOMALY, on=WEDNESDAY))) == [
        ("changed", "gpu_burst", {"cost_anomaly"})
    ]
    later = scanned(grown(GPU, 2), grown(ANOMALY, 2), on=WEDNESDAY + timedelta(days=1))
    assert sent(decided(ledger, later)) == []


def test_growth_beyond_what_was_notified_changes_the_lead(ledger):
    """Only the anomaly grows, by a factor of four."""
    decided(ledger, scanned(GPU, ANOMALY, on=TUESDAY))
    assert sent(decided(ledger, scanned(GPU, grown(ANOMALY, 4), on=WEDNESDAY))) == [
        ("changed", "gpu_burst", {"cost_anomaly"})
    ]


def test_open_incident_is_reminded_of_once(ledger):
    """The reminder is about the lead."""
    decided(ledger, scanned(idle(0), idle(1), on=TUESDAY, ran=WASTE))
    reminded = decided(ledger, scanned(idle(0), idle(1), on=TUESDAY + timedelta(days=14), ran=WASTE))
    assert [(one.kind, one.in_incident) for one in reminded] == [("reminder", False)]


def test_two_notified_incidents_are_not_merged(ledger):
    """Each has a message. An anomaly that overlaps with both joins the one with which it shares most of its cost."""
    other = event("gpu_burst", driver(EC2, "eu-west-1", "BoxUsage:p4d.24xlarge", 900), region="eu-west-1")
    first, second = decided(ledger, scanned(GPU, other, on=TUESDAY))
    assert first.finding.incident != second.finding.incident
    both = (*GPU.explanation.parts, *other.explanation.parts)
    notifications = decided(
        ledger, scanned(GPU, other, event("cost_anomaly", *both, service=EC2), on=WEDNESDAY)
    )
    assert len(sent(notifications)) == 1
    ids = [one.finding.incident for one in ledger.entries().values()]
    assert len(ids) == 3
    assert len(set(ids)) == 2


def test_findings_notified_before_there_were_incidents_stay_apart(ledger):
    """Each already has its own message, which is identified by the finding's fingerprint."""
    decided(ledger, scanned(GPU, ANOMALY, on=TUESDAY, incident_rules=None))
    assert decided(ledger, scanned(GPU, ANOMALY, on=WEDNESDAY)) == ()
    assert {one.finding.incident for one in ledger.entries().values()} == {
        GPU.fingerprint,
        ANOMALY.fingerprint,
    }


def test_without_incidents_each_finding_is_notified(ledger):
    """This is `incidents = false` in [routing]."""
    notifications = decided(ledger, scanned(*stolen_key(), on=TUESDAY, incident_rules=None))
    assert [one.in_incident for one in notifications] == [False] * 4
    assert {one.finding.incident for one in notifications} == {None}


def test_recurrence_of_a_former_lead_joins_its_incident_again(ledger):
    """The finding recurs after the other detection's finding became the lead."""
    decided(ledger, scanned(idle(0), idle(1), on=TUESDAY, ran=WASTE))
    lead, other = sorted(ledger.entries().values(), key=lambda entry: not entry.finding.incident_lead)
    decided(ledger, scanned(other.finding, on=WEDNESDAY, ran=WASTE))
    recurred = decided(
        ledger, scanned(other.finding, lead.finding, on=WEDNESDAY + timedelta(days=5), ran=WASTE)
    )
    assert {one.finding.incident for one in recurred} == {lead.finding.incident}  # the same cause


def test_rollout_of_security_services_is_one_notification():
    """GuardDuty and Config in 17 regions of 200 accounts: one message lists them, and SNS gets all 3,400 findings."""
    decision = decide({}, [], scanned(*security_rollout(accounts=200, regions=17), on=TUESDAY))
    (message,) = [one for one in decision.notifications if not one.in_incident]
    assert len(decision.notifications) == 3400
    assert not message.in_digest
    assert [one for one in decision.notifications if one.on_topic] == [message]
    rollout = message.finding.rollout
    assert (rollout.account_count, rollout.region_count) == (200, 17)
    assert rollout.services == ("AWS Config", "Amazon GuardDuty")
    assert sum(len(group.accounts) for group in rollout.groups) == 200
    assert message.finding.related_findings == 3399
    assert len(message.finding.model_dump_json()) < 32_000


def test_later_accounts_join_the_rollout(ledger):
    """Accounts on the next day are one change and not one message per account."""
    decided(ledger, scanned(*security_rollout(accounts=8, regions=2), on=TUESDAY))
    follow = [
        one.model_copy(update={"started_on": TUESDAY})
        for one in security_rollout(accounts=12, regions=2)[16:]
    ]
    notifications = decided(ledger, scanned(*security_rollout(accounts=8, regions=2), *follow, on=WEDNESDAY))
    (message,) = [one for one in notifications if not one.in_incident]
    assert (message.kind, message.finding.rollout.account_count) == ("changed", 12)
    assert len({one.finding.incident for one in ledger.entries().values()}) == 1


def test_attack_in_a_region_of_a_rollout_is_its_own_incident(ledger):
    """GPUs in a region in which GuardDuty was just enabled are not part of the rollout."""
    rollout = security_rollout(accounts=6, regions=2)
    gpus = event(
        "gpu_burst",
        driver(EC2, "region-0", "BoxUsage:p4d", 900),
        region="region-0",
        account=rollout[0].sub_account_id,
        team=rollout[0].team,
    )
    assert {detection for _, detection, _ in sent(decided(ledger, scanned(*rollout, gpus, on=TUESDAY)))} == {
        "new_region",
        "gpu_burst",
    }


def test_topic_gets_every_new_region_once(ledger):
    """Five regions of a stolen key are one email that names all of them; a sixth region is another email."""
    regions = ["us-east-1", "us-west-2", "eu-west-1", "eu-north-1", "sa-east-1", "ap-south-1"]
    gpus = [driver(EC2, region, "BoxUsage:g5.xlarge", 100) for region in regions]
    new = [event("new_region", one, region=one.region_id) for one in gpus]
    anomaly = event("cost_anomaly", *gpus[:5], service=EC2)
    notifications = decided(ledger, scanned(*new[:5], anomaly, on=TUESDAY))
    (mail,) = [one for one in notifications if one.on_topic and one.finding.detection == "new_region"]
    assert {mail.finding.region_id, *(one.region_id for one in mail.others)} == set(regions[:5])
    later = decided(ledger, scanned(*new, anomaly, on=WEDNESDAY))
    assert [one.finding.region_id for one in later if one.on_topic and one.kind == "new"] == ["ap-south-1"]


def test_digest_and_limit_count_incidents(ledger):
    """Of 21 incidents with two findings each, 20 are messages and one goes into the digest."""
    findings = [
        event(detection, driver("S3", "us-east-1", "Requests", 100 + number, f"b{number}"), **place)
        for number in range(21)
        for detection, place in (
            ("token_burst", {"region": "us-east-1", "service": "S3", "resource": f"b{number}"}),
            ("unit_cost_regression", {"region": "us-east-1", "service": "S3", "resource": f"b{number}"}),
        )
    ]
    notifications = decided(ledger, scanned(*findings, on=TUESDAY, ran=(*RAN, "unit_cost_regression")))
    messages = [one for one in notifications if not one.in_incident]
    assert len(messages) == 21
    assert sum(one.in_digest for one in messages) == 1
