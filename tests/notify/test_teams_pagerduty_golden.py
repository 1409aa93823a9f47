"""Messages in Teams and alerts in PagerDuty for findings of a simulated bill, compared with golden files."""

import json
from datetime import date, timedelta
from decimal import Decimal

import pytest

from focuswatch.findings.finding import Finding
from focuswatch.notify.digest_line import DigestLine
from focuswatch.notify.pagerduty.alert_event import render_trigger
from focuswatch.notify.response_actions_and_labels import not_waste_label
from focuswatch.notify.teams.finding_and_digest_cards import render_card, render_digest_card
from tests.fakes.local_teams import card_problems, seen
from tests.given.golden_files import assert_golden
from tests.given.golden_findings import golden_finding, golden_findings

END = date(2026, 5, 31)
CASES = [
    *(("idle_sagemaker_endpoint", kind) for kind in ("new", "changed", "reminder", "resolved")),
    *((detection, "new") for detection in ("cost_anomaly", "gpu_burst", "untagged_ai_spend")),
]


def links(finding: Finding) -> dict[str, str]:
    """Return the links of a message by button, as TeamsSender passes them."""
    texts = (
        "Acknowledge",
        "Snooze 7 days",
        "Snooze 30 days",
        not_waste_label(finding),
        "Open in the AWS console",
    )
    return {text: f"https://links.example.com/{number}" for number, text in enumerate(texts)}


@pytest.mark.parametrize(("detection", "kind"), CASES)
def test_teams_message_matches_its_golden_file(detection, kind):
    """The text is the card as a person reads it; Teams also accepts the card."""
    before = golden_finding(detection)
    now = before.model_copy(update={"monthly_cost": before.monthly_cost * 3, "severity": "critical"})
    message = render_card(
        now if kind == "changed" else before,
        kind=kind,
        today=END + timedelta(days=14 if kind == "reminder" else 0),
        before=before,
        links=links(before),
    )
    assert list(card_problems(message)) == []
    assert_golden(f"teams/{detection}.{kind}.txt", seen(message["attachments"][0]["content"]))


def test_teams_digest_matches_its_golden_file():
    """The findings with the highest cost are first."""
    lines = [
        DigestLine(
            f"f{number}",
            one.title,
            one.monthly_cost / Decimal(number + 1),
            one.currency,
            one.sub_account_name,
            one.region_id,
            one.resource_id,
            one.severity,
            one.category,
            one.detection,
        )
        for number, one in enumerate(golden_findings() * 2)
    ]
    message = render_digest_card(lines, team="ml-platform", as_of=END)
    assert list(card_problems(message)) == []
    assert_golden("teams/digest.txt", seen(message["attachments"][0]["content"]))


@pytest.mark.parametrize("detection", ["gpu_burst", "idle_sagemaker_endpoint"])
def test_pagerduty_alert_matches_its_golden_file(detection):
    """A push notification shows only the summary."""
    event = render_trigger(
        golden_finding(detection), links={"Open in the AWS console": "https://console.aws.amazon.com/"}
    )
    assert_golden(f"pagerduty/{detection}.json", json.dumps(event, indent=1, ensure_ascii=False) + "\n")
