"""Small inputs in tests/cases for which focuswatch once returned a wrong result, and the correct results.

Cases about AWS have no bill to scan; other files test them:

- accounts_statement: engines/test_athena_refresh_queries.py,
  test_account_ids_of_many_findings_are_split_into_statements
- default_external_id: infra/test_infra.py, test_placeholders_stop_the_synthesis
- letter_redos: aws_alerts/test_aws_alerts.py, test_any_message_is_parsed_in_linear_time
- secret_wildcard: operations/test_load_deployment_toml_and_derive_functions_and_roles.py,
  test_problem_is_reported_with_its_key_and_the_expected_value
- topic_open: infra/test_infra.py, test_members_may_subscribe_their_own_endpoints_only and
  test_topic_policies_allow_all_principals_to_read_and_subscribe_only
"""

import csv
import gzip
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import FOCUSWATCH, focuswatch
from tests.given.page_inputs import data_of

CASES = Path(__file__).parents[1] / "cases"
HOSTILE_NAMES = CASES / "csv_formula" / "bill.parquet"
IDLE = CASES / "shell_in_name"
ONE_DETECTION = (
    "--only",
    "new_region",
)  # for tests that need no findings: running all detections takes seconds


def scan(bill: Path, state: Path, *more: object) -> list[dict[str, Any]]:
    """Scan a bill and return its findings."""
    return json.loads(focuswatch("scan", bill, "--state", state, "--format", "json", *more).stdout)


def report(name: str, state: Path) -> list[dict[str, Any]]:
    """Return the rows of a report on the most recently scanned bill."""
    return json.loads(focuswatch("report", name, "--state", state, "--format", "json").stdout)["rows"]


def refusal(*arguments: object, state: Path) -> str:
    """Return the sentence with which the command refuses an input, and check that it prints nothing else."""
    done = subprocess.run(
        [FOCUSWATCH, *map(str, arguments), "--state", state], capture_output=True, text=True, check=False
    )
    assert done.returncode in (1, 2) and not done.stdout, done
    assert done.stderr.count("\n") == 1 and "unexpected" not in done.stderr, done.stderr
    return done.stderr


def page(state: Path) -> str:
    """Return the page of the most recently scanned bill."""
    path = state / "page.html"
    focuswatch("page", "-o", path, "--state", state)
    return path.read_text(encoding="utf-8")


def test_equal_anomalies_have_equal_amounts(tmp_path):
    """Two equal one-day increases on different days both state their cost of 1,000 USD."""
    findings = scan(CASES / "tag_of_the_rise_is_ignored" / "bill.csv", tmp_path)
    for detection in ("cost_anomaly", "gpu_burst"):
        first, second = [one for one in findings if one["detection"] == detection]
        assert {first["started_on"], second["started_on"]} == {"2026-05-26", "2026-05-28"}
        for one in (first, second):
            assert one["cost_so_far"] == 1_000 and one["monthly_cost_if_continues"] == 0
            assert one["ended_on"] == one["started_on"]
        assert first["severity"] == second["severity"]


def test_activity_glob(tmp_path):
    """A file name is not a pattern: act[1].parquet has none of the endpoints, act1.parquet has all of them as idle."""
    for name, has_finding in (("act[1].parquet", False), ("act1.parquet", True)):
        activity = CASES / "activity_glob" / name
        only = ("--only", "idle_sagemaker_endpoint")
        assert bool(scan(HOSTILE_NAMES, tmp_path / name, "--activity", activity, *only)) == has_finding


def test_beside_forgotten(tmp_path):
    """The files of an export are used again after a scan of another export, and no finding is new."""
    first = scan(IDLE / "bill.parquet", tmp_path, "--activity", IDLE / "activity.parquet")
    assert "idle_sagemaker_endpoint" in {one["detection"] for one in first}
    scan(CASES / "weekly_all_of_it" / "bill.csv", tmp_path)
    done = focuswatch("scan", IDLE / "bill.parquet", "--state", tmp_path, "--format", "json")
    again = json.loads(done.stdout)
    assert "--activity" in done.stderr
    assert {one["status"] for one in again} == {"open"}
    assert {one["fingerprint"] for one in again} == {one["fingerprint"] for one in first}


def test_cost_1e22(tmp_path):
    """The error about an implausible amount names the file and the column."""
    error = refusal("scan", CASES / "cost_1e22" / "a.parquet", state=tmp_path)
    assert re.search(r"a\.parquet: the sum of BilledCost .*1e\+22", error)


def test_csv_formula(tmp_path):
    """No CSV cell is a formula, also not after leading spaces and line feeds."""
    done = focuswatch("report", "spend_by_team", HOSTILE_NAMES, "--format", "csv", "--state", tmp_path)
    cells = [cell for row in csv.reader(io.StringIO(done.stdout)) for cell in row]
    for sign in "=\N{FULLWIDTH EQUALS SIGN}":
        assert any(sign in cell for cell in cells)
    for cell in cells:
        assert not re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell) or re.fullmatch(r"-?[\d.]+", cell), (
            cell
        )


def test_deep_toml(tmp_path):
    """TOML that exceeds the parser's limits is reported as an error in the file."""
    owners = tmp_path / "owners.toml"
    for text in ("a=" + "[" * 5_000 + "]" * 5_000, "a=" + "9" * 5_000):
        owners.write_text(text)
        error = refusal(
            "scan", CASES / "negative_budget" / "base.parquet", "--owners", owners, state=tmp_path
        )
        assert "owners.toml is not TOML" in error


@pytest.mark.parametrize("copy", ["may (1).csv", "may.csv.gz"])
def test_duplicate_file_doubles_the_bill(tmp_path, copy):
    """Thirty days at 10 USD are counted once, and a message names the duplicate file."""
    bill, state = tmp_path / "bill", tmp_path / "state"
    bill.mkdir()
    original = CASES / "duplicate_file_doubles_the_bill" / "may.csv"
    shutil.copy(original, bill)
    text = original.read_bytes()
    (bill / copy).write_bytes(gzip.compress(text) if copy.endswith(".gz") else text)
    (bill / "may.csv.crc").write_bytes(b"crc\x00")
    done = focuswatch("scan", bill, "--state", state, *ONE_DETECTION)
    assert copy in done.stderr
    alone = focuswatch("scan", original, "--state", tmp_path / "alone", *ONE_DETECTION)
    assert alone.stderr.count(copy) == 0
    assert sum(one["billed_cost"] for one in report("spend_by_team", state)) == sum(
        one["billed_cost"] for one in report("spend_by_team", tmp_path / "alone")
    )


def test_explain_a_day_is_diluted(tmp_path):
    """A charge of one day is that day's cost, not a third of it."""
    bill = CASES / "explain_a_day_is_diluted" / "bill.csv"
    (anomaly,) = scan(bill, tmp_path, "--only", "cost_anomaly")
    done = focuswatch("explain", anomaly["fingerprint"], "--state", tmp_path)
    assert " ".join(done.stdout.split()).count("i-gpu (1,000 USD/day)") == 1
    assert "333.33" not in done.stdout


def test_high_for_a_thousandth_of_a_cent(tmp_path):
    """A tiny first charge has severity low and is one line; the scan of a short export notes its limits."""
    bill = CASES / "high_for_a_thousandth_of_a_cent" / "bill.csv"
    (finding,) = scan(bill, tmp_path / "json")
    assert (finding["detection"], finding["severity"]) == ("new_service", "low")
    printed = focuswatch("scan", bill, "--state", tmp_path / "table").stdout
    assert len([line for line in printed.splitlines() if "Key Management" in line]) == 1
    assert "30 days of history" in printed


@pytest.mark.parametrize("command", [("scan",), ("report", "month_forecast")])
@pytest.mark.parametrize("budget", ["9" * 400, "inf", "-5", "0", "nan"])
def test_infinite_and_negative_budget(tmp_path, command, budget):
    """A budget is positive and finite."""
    owners = tmp_path / "owners.toml"
    owners.write_text(
        f'[teams.prod]\nchannel="c"\nmonthly_budget={budget}\nowns={{accounts=["111111111111"]}}\n'
    )
    base = CASES / "negative_budget" / "base.parquet"
    assert "monthly_budget" in refusal(*command, base, "--owners", owners, state=tmp_path)


def test_kept_damaged(tmp_path):
    """Damaged state is rebuilt from the export, or the error names its folder."""
    bill = CASES / "explain_a_day_is_diluted" / "bill.csv"
    fingerprints = {one["fingerprint"] for one in scan(bill, tmp_path, "--only", "cost_anomaly")}
    (stored_file,) = tmp_path.rglob("daily_services.parquet")
    stored_file.write_bytes(stored_file.read_bytes()[:100])
    done = subprocess.run(
        [FOCUSWATCH, "scan", bill, "--state", tmp_path, "--format", "json", "--only", "cost_anomaly"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        assert {one["fingerprint"] for one in json.loads(done.stdout)} == fingerprints
    else:
        assert str(tmp_path) in done.stderr and "damaged" in done.stderr and "unexpected" not in done.stderr


def test_new_region_of_a_purchase(tmp_path):
    """A purchase is shown with its billed cost, and `focuswatch explain` lists it."""
    (region,) = scan(CASES / "new_region_of_a_purchase" / "bill.csv", tmp_path, "--only", "new_region")
    assert "355 USD" in region["reason"]
    done = focuswatch("explain", region["fingerprint"], "--state", tmp_path)
    assert "HeavyUsage:db.r6g.large" in done.stdout and "purchase" in done.stdout and "355" in done.stdout
    assert "no charge" not in done.stdout + done.stderr


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252"])
def test_findings_of_a_failed_output_are_new_again(tmp_path, encoding):
    """A finding whose output could not be written is new again, in any output encoding."""
    scan_idle = [
        FOCUSWATCH,
        "scan",
        IDLE / "bill.parquet",
        "--activity",
        IDLE / "activity.parquet",
        "--state",
        tmp_path,
        "--only",
        "idle_sagemaker_endpoint",
    ]
    env = {**os.environ, "PYTHONIOENCODING": encoding}
    with Path("/dev/full").open("w") as full:
        lost = subprocess.run(scan_idle, stdout=full, stderr=subprocess.PIPE, env=env, check=False)
    assert lost.returncode == 1
    done = subprocess.run(scan_idle, capture_output=True, env=env, check=False)
    assert done.returncode == 0 and b"evil.example" in done.stdout, done.stderr
    findings = scan(IDLE / "bill.parquet", tmp_path, "--only", "idle_sagemaker_endpoint")
    assert {one["status"] for one in findings} == {"open"}


def test_none_in_command(tmp_path):
    """If the bill lacks a resource name, no command contains "none": neither in the findings nor on the page."""
    findings = scan(HOSTILE_NAMES, tmp_path, "--activity", CASES / "activity_glob" / "act1.parquet")
    nameless = [one for one in findings if not (one["resource_id"] or "/").rpartition("/")[2]]
    assert nameless
    shown = data_of(page(tmp_path))["findings"]
    assert len(shown) == len(findings)
    for text in map(json.dumps, [*nameless, *shown]):
        assert not re.search(r"--[a-z-]+ none\b", text)


def test_not_aws_scanned_as_aws(tmp_path):
    """Each output names the provider of these charges in one sentence; totals include them."""
    bill = CASES / "not_aws_scanned_as_aws" / "bill.csv"
    done = focuswatch("scan", bill, "--state", tmp_path, "--format", "json")
    assert "41 of 41 charges are Microsoft's" in done.stderr and json.loads(done.stdout) == []
    done = focuswatch("report", "ai_spend", "--state", tmp_path)
    assert "41 of 41 charges are Microsoft's" in done.stderr
    assert "41 of 41 charges are Microsoft's" in data_of(page(tmp_path))["layers"]["other_providers"]


def test_other_resources_command(tmp_path):
    """No command contains a name that the AWS CLI reads as an option or a file, or only a part of a longer name."""
    other = CASES / "other_resources_command"
    options = ("--activity", other / "activity.parquet", "--only", "idle_sagemaker_endpoint")
    endpoints = scan(other / "bill.parquet", tmp_path, *options)
    commands = {
        one["resource_id"].partition("/")[2]: re.findall(r"--endpoint-name (\S+)", one["action"])
        for one in endpoints
    }
    assert {"--endpoint-url", "file:///etc/passwd", "victim."} <= set(commands)
    for name, arguments in commands.items():
        assert set(arguments) <= {name}
        if name.startswith(("-", "file:")):
            assert not arguments
    html = page(tmp_path)
    for text in ("--endpoint-name --endpoint-url", "--endpoint-name file:"):
        assert text not in json.dumps(data_of(html))


@pytest.mark.parametrize(
    ("file", "expected_message"),
    [
        ("cur20_small", "CUR 2.0"),
        ("legacy_small", "legacy Cost and Usage Report"),
        ("validator05", "FOCUS 0.5"),
    ],
)
def test_refusals_name_no_format(tmp_path, file, expected_message):
    """The error names the format of the file and the format to export."""
    error = refusal("scan", CASES / "refusals_name_no_format" / f"{file}.csv", state=tmp_path)
    assert expected_message in error and "FOCUS 1.2" in error


def test_refusals_name_no_format_of_a_pointer(tmp_path):
    """A Git LFS pointer instead of the file is recognized."""
    pointer = tmp_path / "bill.csv"
    pointer.write_text(
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n", encoding="utf-8"
    )
    assert "Git LFS pointer" in refusal("scan", pointer, state=tmp_path)


def test_s3_dotdot(tmp_path):
    """An address outside of its prefix is refused before a request is sent."""
    assert ".." in refusal("scan", "s3://bucket/focus/../../../x", state=tmp_path / "state")
    assert {path.name for path in tmp_path.iterdir()} <= {"state"}


@pytest.mark.parametrize("output", ["table", "json", "slack", "findings", "weekly", "page"])
def test_shell_in_name(tmp_path, output):
    """No output contains a command with the hostile name; it states why the command is missing."""
    options = ("--activity", IDLE / "activity.parquet", "--state", tmp_path)
    if output in ("table", "json", "slack"):
        printed = focuswatch("scan", IDLE / "bill.parquet", *options, "--format", output).stdout
    else:
        findings = scan(IDLE / "bill.parquet", tmp_path, *options[:2])
        if output == "page":
            printed = json.dumps(data_of(page(tmp_path)))
        elif output == "findings":
            keys = [one["fingerprint"] for one in findings]
            printed = "".join(focuswatch("findings", key, "--state", tmp_path).stdout for key in keys)
            assert "(no command:" in re.sub(r"\s+", " ", printed)
        else:
            printed = focuswatch("weekly", "--state", tmp_path).stdout
    assert "idle_sagemaker_endpoint" in printed or "SageMaker" in printed
    assert not re.search(r"--[a-z-]+\s+['\"]?x; curl", printed)


@pytest.mark.parametrize("columns", [40, 80, 100])
def test_table_cut_at_80_columns(tmp_path, columns):
    """Every row has its name and complete numbers at any width, also in piped output."""
    case = CASES / "table_cut_at_80_columns"
    scan(case / "bill.csv", tmp_path, "--owners", case / "owners.toml", *ONE_DETECTION)
    done = subprocess.run(
        [FOCUSWATCH, "report", "month_forecast", "--state", tmp_path],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "COLUMNS": str(columns)},
    )
    assert max(map(len, done.stdout.splitlines())) <= columns
    words = re.sub(r"\s+", " ", done.stdout)
    rows = report("month_forecast", tmp_path)
    assert len(rows) == 5
    for row in rows:
        assert set(row["name"].split()) <= set(words.split())  # a cell may wrap between words
        for amount in ("spent", "forecast", "low", "high", "budget", "over_by"):
            if row[amount]:
                assert re.search(rf"(?<![\d,]){row[amount]:,.0f}(?![\d,])", words), (amount, words)


def test_tag_of_the_rise_is_ignored(tmp_path):
    """The anomaly belongs to the team in the tags of its cost driver, and that team's weekly digest names it."""
    case = CASES / "tag_of_the_rise_is_ignored"
    findings = scan(case / "bill.csv", tmp_path, "--owners", case / "owners.toml")
    anomalies = [one for one in findings if one["category"] == "anomaly"]
    assert len(anomalies) == 2 and {one["team"] for one in anomalies} == {"shop"}
    week = focuswatch("weekly", "--state", tmp_path).stdout
    assert "not explained by a finding" not in week
    shop = week[week.index("\nTeam shop spent") :]
    assert "1,000 USD" in shop and "Nothing is open" not in shop


def test_two_digit_years(tmp_path):
    """The error names the first line with a wrong date and not a later one."""
    error = refusal("scan", CASES / "two_digit_years" / "bill.csv", state=tmp_path)
    assert "bill.csv, line 2: " in error and "5/1/26" in error


def test_unowned_sum_cut_at_100(tmp_path):
    """300 accounts at 10 USD are 3,000 USD unallocated, in the report and on the page."""
    focuswatch("scan", CASES / "unowned_sum_cut_at_100" / "bill.csv", "--state", tmp_path)
    (unallocated,) = report("spend_by_team", tmp_path)
    unowned = data_of(page(tmp_path))["reports"]["unowned_spend"]["rows"]
    assert unallocated["billed_cost"] == sum(row["effective_cost"] for row in unowned) == 3_000


def test_weekly_all_of_it(tmp_path):
    """The text of a total says what it includes: usage of 70 USD, without credits and a tax of 300 USD."""
    focuswatch("scan", CASES / "weekly_all_of_it" / "bill.csv", "--state", tmp_path)
    week = focuswatch("weekly", "--state", tmp_path).stdout
    assert re.search(r"70\.00 USD on usage .*\(excluding credits, tax and fees\)", week)
    for name in ("spend_by_team", "month_forecast", "portfolio"):
        lines = focuswatch("report", name, "--state", tmp_path).stdout.splitlines()
        assert re.search(r"(Billed|Effective)Cost", " ".join(lines[:4])), lines[:4]


@pytest.mark.parametrize(
    ("file", "expected_message"),
    [
        ("mixed.csv", "found mixed line endings"),
        ("not_utf8.parquet", "not UTF-8 text"),
        ("yesterday.parquet", "'yesterday'"),
    ],
)
def test_wrong_blame(tmp_path, file, expected_message):
    """The error names the file and the problem, and does not call the file damaged."""
    error = refusal("scan", CASES / "wrong_blame" / file, state=tmp_path)
    assert file in error and expected_message in error
    assert "damaged" not in error and "truncated" not in error
