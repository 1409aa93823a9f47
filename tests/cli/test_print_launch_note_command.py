"""`focuswatch note` prints a launch for owners.toml, with which the next scan no longer reports the launch."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from focuswatch.owners.owners_file import Owners
from tests.cli.test_cli import HEADER, focuswatch
from tests.cli.test_explain_command import charge

FIRST, STARTED, END = date(2026, 1, 20), date(2026, 3, 16), date(2026, 3, 31)
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/guide"
OWNERS = """\
[use_cases.search]
intent = "production"
rows = { tags = { use_case = ["search"] } }

[use_cases.guide]
intent = "production"
rows = { resources = ["arn:aws:sagemaker:us-east-1:111122223333:endpoint/guide"] }
"""


def charges() -> str:
    days = [FIRST + timedelta(days=place) for place in range((END - FIRST).days)]
    endpoint = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/guide"
    lines = [charge(day, "USE1-Claude3Haiku-input-tokens", 20.0, service="Amazon Bedrock") for day in days]
    for day in days:
        cost = 60.0 if day >= STARTED else 20.0
        lines.append(
            charge(day, "USE1-Host:ml.m5.xlarge", cost, service="Amazon SageMaker", resource=endpoint)
        )
        if day >= STARTED:
            lines.append(
                charge(day, "USE1-NovaPro-input-tokens", 40.0, service="Amazon Bedrock", resource=PROFILE)
            )
    return "".join(lines)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Return a folder with a bill in which a model started on the 16th, and an owners.toml with two use cases."""
    (tmp_path / "bill.csv").write_text(HEADER + charges())
    (tmp_path / "owners.toml").write_text(OWNERS)
    return tmp_path


def launches(folder: Path) -> list[dict]:
    """Scan and return the findings of unannounced_ai_launch."""
    output = focuswatch(
        "scan",
        folder / "bill.csv",
        "--owners",
        folder / "owners.toml",
        "--state",
        folder / "state",
        "--only",
        "unannounced_ai_launch",
        "--format",
        "json",
    ).stdout
    return [one for one in json.loads(output) if one["detection"] == "unannounced_ai_launch"]


def test_note_of_a_finding_announces_its_launch(folder):
    """After the note is added to owners.toml, the next scan resolves the finding."""
    (launch_finding,) = launches(folder)
    assert launch_finding["resource_id"] == "model NovaPro" and "focuswatch note" in launch_finding["action"]
    note = focuswatch("note", launch_finding["fingerprint"][:8], "--state", folder / "state").stdout
    with (folder / "owners.toml").open("a") as file:
        file.write("\n" + note)
    added = Owners.load(folder / "owners.toml").use_cases["novapro-111122223333"]
    assert added.rows.resources == [PROFILE]
    assert [(launch.first_day, launch.factor) for launch in added.launches] == [(STARTED, 2.0)]
    assert [one for one in launches(folder) if one["status"] != "resolved"] == []


def test_note_of_a_use_case_has_the_day_and_the_factor_of_its_increase(folder):
    launches(folder)
    note = focuswatch("note", "guide", "--state", folder / "state").stdout
    assert "launches = [{ first_day = 2026-03-16, last_day = 2026-04-28, factor = 3.0 }]" in note
    assert note.startswith("# Use case guide: 60.00 USD/day since 2026-03-16")


def test_unknown_subject_is_refused(folder):
    launches(folder)
    result = focuswatch("note", "nothing", "--state", folder / "state", code=1)
    assert "No finding matches 'nothing'" in result.stderr
