"""Run `focuswatch fetch`, and a scan of the fetched files, as a user does."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from focuswatch.cli import fetch_vendor_charges_command
from focuswatch.connectors.supported_vendor_connectors import CONNECTORS
from tests.connectors.local_fetch import Vendor
from tests.fakes.anthropic_usage import KEY as ANTHROPIC_KEY
from tests.fakes.anthropic_usage import AnthropicCost, AnthropicUsage
from tests.fakes.cursor_usage_events import KEY as CURSOR_KEY
from tests.fakes.cursor_usage_events import CursorTeam, Event
from tests.fakes.github_billing import KEY as GITHUB_KEY
from tests.fakes.github_billing import ORGANIZATION, GitHubOrganization, Usage
from tests.fakes.openai_usage import KEY, Cost, OpenAIUsage
from tests.fakes.vendor_server import local_vendor
from tests.fakes.waiting import patience

FOCUSWATCH = Path(sys.executable).parent / "focuswatch"


def focuswatch(*arguments, code=0, **environment):
    done = subprocess.run(
        [FOCUSWATCH, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=patience(300),
        env={**os.environ, **environment},
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def test_the_command_offers_every_connector():
    assert {vendor.value for vendor in fetch_vendor_charges_command.Vendor} == set(CONNECTORS)


def test_fetched_files_are_scanned_with_the_totals_of_the_api(tmp_path):
    """Reports have the total to the cent, and untagged AI spend is a finding for each project."""
    costs = [
        Cost(f"2026-11-{day:02}", value, project=project)
        for day in range(1, 29)
        for project, value in (("proj_search", 10.015), ("proj_fraud", 3.3333333333), (None, 1.11))
    ]
    organization = OpenAIUsage(costs)
    files, state = tmp_path / "openai", tmp_path / "state"
    with local_vendor(organization) as server:
        fetched = focuswatch(
            "fetch",
            "openai",
            "--since",
            "2026-11-01",
            "--until",
            "2026-11-29",
            "--out",
            files,
            "--api",
            server.address,
            OPENAI_ADMIN_KEY=KEY,
        )
    total = organization.total(until="2026-11-29")
    assert f"OpenAI, 2026-11-01 to 2026-11-28: 84 charges, {total:,.2f} USD" in fetched.stdout
    assert KEY not in fetched.stdout + fetched.stderr
    scanned = focuswatch("scan", files, "--state", state)
    assert "84 of 84 charges are OpenAI's" in scanned.stdout + scanned.stderr
    findings = json.loads(focuswatch("scan", files, "--state", state, "--format", "json").stdout)
    assert {(one["detection"], one["provider"], one["sub_account_id"]) for one in findings} == {
        ("untagged_ai_spend", "OpenAI", project) for project in ("proj_search", "proj_fraud", None)
    }
    report = focuswatch(
        "report", "spend_by_team", files, "--state", state, "--as-of", "2026-12-02", "--format", "json"
    )
    assert round(sum(row["billed_cost"] for row in json.loads(report.stdout)["rows"]), 2) == round(
        float(total), 2
    )


def test_a_scan_reads_the_files_of_all_vendors_with_the_sum_of_their_totals(tmp_path):
    """Each vendor is fetched into its own folder; here their files are scanned as one bill."""
    days = [f"2026-11-{day:02}" for day in range(1, 20)]
    vendors = {
        Vendor("anthropic", ANTHROPIC_KEY): AnthropicUsage([AnthropicCost(day, "1234.5678") for day in days]),
        Vendor("copilot", GITHUB_KEY, ORGANIZATION): GitHubOrganization(
            [Usage(day, 28.5, 38) for day in days]
        ),
        Vendor("cursor", CURSOR_KEY): CursorTeam([Event(f"{day}T12:00:00", 77.7) for day in days]),
    }
    total, bill, state = Decimal(0), tmp_path / "bill", tmp_path / "state"
    bill.mkdir()
    for vendor, api in vendors.items():
        with local_vendor(api) as server:
            total += vendor.fetch(server, tmp_path / vendor.name).totals["USD"]
        (written,) = (tmp_path / vendor.name).glob("data/*/*.parquet")
        written.rename(bill / f"{vendor.name}.parquet")
    assert total == 19 * (Decimal("12.345678") + Decimal("28.5") + Decimal("0.777"))
    scanned = focuswatch("scan", bill, "--state", state)
    assert "57 of 57 charges are Anthropic's, Cursor's and GitHub's" in scanned.stdout + scanned.stderr
    report = focuswatch(
        "report", "spend_by_team", bill, "--state", state, "--as-of", "2026-11-24", "--format", "json"
    )
    assert round(sum(row["billed_cost"] for row in json.loads(report.stdout)["rows"]), 2) == round(
        float(total), 2
    )


@pytest.mark.parametrize(("key", "message"), [("", "is not set"), ("sk with spaces", "is not an API key")])
def test_a_missing_key_names_the_variable_and_shows_no_value(tmp_path, key, message):
    done = focuswatch(
        "fetch", "openai", "--since", "2026-11-01", "--out", tmp_path / "x", code=2, OPENAI_ADMIN_KEY=key
    )
    assert "OPENAI_ADMIN_KEY" in done.stderr and message in done.stderr and "sk with" not in done.stderr
    assert not (tmp_path / "x").exists()
