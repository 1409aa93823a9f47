"""Messages in Teams and alerts in PagerDuty for findings of a simulated bill, compared with golden files.

FOCUSWATCH_WRITE_GOLDEN=1 writes them again; then read them as their recipient would.
"""

import json
import os
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from focuswatch.findings.finding import Finding
from focuswatch.notify.not_waste_or_expected_label import not_waste_label
from focuswatch.notify.pagerduty.alert_event import render_trigger
from focuswatch.notify.slack.digest_message import DigestLine
from focuswatch.notify.teams.finding_and_digest_cards import render_card, render_digest_card
from tests.fakes.local_teams import card_problems, seen

GOLDEN = Path(__file__).parents[1] / "golden"
WRITE = bool(os.environ.get("FOCUSWATCH_WRITE_GOLDEN"))
END = date(2026, 5, 31)
FINDINGS = [
    Finding.model_validate(one) for one in json.loads((GOLDEN / "findings.json").read_text(encoding="utf-8"))
]
CASES = [
    *(("idle_sagemaker_endpoint", kind) for kind in ("new", "changed", "reminder", "resolved")),
    *((detection, "new") for detection in ("cost_anomaly", "gpu_burst", "untagged_ai_spend")),
]


def of(detection: str) -> Finding:
    return next(one for one in FINDINGS if one.detection == detection)


def links(finding: Finding) -> dict[str, str]:
    """The buttons of a message, as TeamsSender has them."""
    texts = (
        "Acknowledge",
        "Snooze 7 days",
        "Snooze 30 days",
        not_waste_label(finding),
        "Open in the AWS console",
    )
    return {text: f"https://door.example.com/{number}" for number, text in enumerate(texts)}


def same_as_golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if WRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{name} is missing; FOCUSWATCH_WRITE_GOLDEN=1 writes it, then read it"
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("detection", "kind"), CASES)
def test_message_in_teams_is_as_its_golden_file(detection, kind):
    """As somebody reads it; Teams would show it."""
    before = of(detection)
    now = before.model_copy(update={"monthly_cost": before.monthly_cost * 3, "severity": "critical"})
    message = render_card(
        now if kind == "changed" else before,
        kind=kind,
        today=END + timedelta(days=14 if kind == "reminder" else 0),
        before=before,
        links=links(before),
    )
    assert list(card_problems(message)) == []
    same_as_golden(f"teams/{detection}.{kind}.txt", seen(message["attachments"][0]["content"]))


def test_digest_in_teams_is_as_its_golden_file():
    """The findings with the highest cost first."""
    lines = [
        DigestLine(
            f"f{number}", one.title, one.monthly_cost / Decimal(number + 1), one.currency,
            one.sub_account_name, one.region_id, one.resource_id, one.severity, one.category, one.detection,
        )
        for number, one in enumerate([*FINDINGS, *FINDINGS])
    ]  # fmt: skip
    message = render_digest_card(lines, team="ml-platform", as_of=END)
    assert list(card_problems(message)) == []
    same_as_golden("teams/digest.txt", seen(message["attachments"][0]["content"]))


@pytest.mark.parametrize("detection", ["gpu_burst", "idle_sagemaker_endpoint"])
def test_alert_in_pagerduty_is_as_its_golden_file(detection):
    """The summary is all that a phone shows at night."""
    event = render_trigger(
        of(detection), links={"Open in the AWS console": "https://console.aws.amazon.com/"}
    )
    same_as_golden(f"pagerduty/{detection}.json", json.dumps(event, indent=1, ensure_ascii=False) + "\n")
