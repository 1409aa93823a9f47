"""The installed command: its output and its exit code. Each call is a separate process."""

import ctypes
import functools
import json
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from moto import mock_aws

from focuswatch.bill.state_folder import state_of
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.cli import app, main
from focuswatch.cli.add_bill_and_ledger_options_to_commands import BillOptions
from focuswatch.cli.open_bill_on_duckdb_or_trino import export_name
from focuswatch.cli.open_ledger_and_find_entry import next_ledger_command, open_ledger_of
from focuswatch.cli.scan_command import _next_command
from focuswatch.cli.shared_option_types import EngineName
from focuswatch.ledger import SqliteLedger, decide
from focuswatch.ledger.dynamodb_ledger import DynamoLedger
from tests.fakes.waiting import patience
from tests.given.moto_ledger_table import ledger_table
from tests.given.one_line_findings import finding, run

SAMPLE = Path(__file__).parents[1] / "data" / "focus_sample.csv"
FOCUSWATCH = Path(sys.executable).parent / "focuswatch"
DETECTION = "orphaned_opensearch_collection"  # the detection that fires on the bill of most tests
HEADER = (
    "BilledCost,BillingCurrency,BillingPeriodStart,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,ConsumedQuantity,"
    "EffectiveCost,RegionId,ResourceId,ServiceName,SkuMeter,SubAccountId,Tags\n"
)


def focuswatch(*arguments: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the installed command, check its exit code, and return its result."""
    done = subprocess.run(
        [FOCUSWATCH, *map(str, arguments)], capture_output=True, text=True, timeout=patience(120)
    )
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def pools(days: range, *, account: str = "111122223333") -> str:
    """Return CSV lines of an idle OpenSearch pool on these days of March, and of EC2 instances with a growing cost."""
    lines = []
    for day in days:
        start, end = f"2026-03-{day:02}T00:00:00Z", f"2026-03-{day + 1:02}T00:00:00Z"
        for service, meter, cost in (
            ("Amazon OpenSearch Service", "USE1-SearchOCU", 5.76),
            ("Amazon EC2", "BoxUsage:m5.large", 5 + day / 10),
        ):
            lines.append(
                f"{cost},USD,2026-03-01T00:00:00Z,Usage,{start},{end},24,{cost},us-east-1,,{service},{meter},{account},"
                '"{""team"": ""search""}"\n'
            )
    return "".join(lines)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Return a bill of March with an idle pool."""
    path = tmp_path / "march.csv"
    path.write_text(HEADER + pools(range(1, 29)))
    return path


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same bill after a scan, for tests that change neither the bill nor its ledger."""
    path = tmp_path_factory.mktemp("scanned") / "march.csv"
    path.write_text(HEADER + pools(range(1, 29)))
    scan(path, only=None)
    return path


def scan(export: Path, *more: object, only: str | None = DETECTION, code: int = 0) -> list[dict[str, object]]:
    """Return the findings of a scan, by default of one detection, because running all of them takes seconds."""
    words = ["scan", export, "--state", export.parent / "state", "--format", "json", *more]
    return json.loads(focuswatch(*words, *(["--only", only] if only else []), code=code).stdout)


def test_second_scan_reports_no_new_findings(export):
    """The JSON output lists all open findings; their status shows which are new."""
    (first,) = scan(export, only=None)
    assert (first["detection"], first["status"]) == ("orphaned_opensearch_collection", "new")
    assert (first["monthly_cost"], first["team"], first["owned_by"]) == (172.8, "search", "resource tag")
    (second,) = scan(export, only=None)
    assert second["status"] == "open"


@pytest.mark.parametrize("rows", ['{ resources = ["arn:pool*"] }', '{ tags = { team = ["search"] } }'])
def test_use_case_is_matched_by_resource_and_by_tag(export, rows):
    """Charges are read by resource only if owners.toml lists resources."""
    export.write_text(
        export.read_text().replace(",us-east-1,,Amazon Open", ",us-east-1,arn:pool/1,Amazon Open")
    )
    owners = export.with_name("owners.toml")
    owners.write_text(f'[use_cases.help]\nintent = "production"\nrows = {rows}\n')
    beside = ("--owners", owners, "--state", export.parent / "state", "--format", "json")
    report = json.loads(focuswatch("report", "portfolio", export, *beside).stdout)["rows"]
    costs = {row["use_case"]: row["effective_cost"] for row in report}
    assert costs["help"] == pytest.approx(26 * 5.76 if "resources" in rows else sum(costs.values()))


def test_scan_reuses_the_files_of_the_previous_scan_and_notes_it(export):
    """Otherwise their findings would look resolved. A new file replaces the previous one."""
    owners, other = export.with_name("owners.toml"), export.with_name("other.toml")
    owners.write_text('[teams.finders]\nchannel = "#finders"\nowns = { accounts = ["111122223333"] }\n')
    other.write_text('[teams.others]\nchannel = "#others"\nowns = { accounts = ["111122223333"] }\n')
    state = export.parent / "state"
    teams = []
    for owners_option in (["--owners", owners], [], ["--owners", other], []):
        done = focuswatch(
            "scan", export, "--state", state, "--format", "json", "--only", DETECTION, *owners_option
        )
        teams.append(json.loads(done.stdout)[0]["team"])
        is_noted = "Using files from the last scan: --owners" in done.stderr
        assert is_noted == (not owners_option)
    assert teams == ["finders", "finders", "others", "others"]


def test_files_are_remembered_for_each_export(export):
    """A scan of another export changes nothing; reports of the export use the files too."""
    owners, another = export.with_name("owners.toml"), export.with_name("another.csv")
    owners.write_text('[teams.finders]\nchannel = "#finders"\nowns = { accounts = ["111122223333"] }\n')
    another.write_bytes(export.read_bytes())
    scan(export, "--owners", owners)
    assert scan(another)[0]["team"] == "search"  # the team of the resource tag
    (finding,) = scan(export)
    assert (finding["team"], finding["status"]) == ("finders", "open")
    rows = focuswatch(
        "report", "spend_by_team", export, "--state", export.parent / "state", "--format", "csv"
    ).stdout
    assert "finders" in rows


def test_files_are_forgotten_on_request_and_missing_files_are_noted(export):
    """A missing file is used again when it is back."""
    owners, state = export.with_name("owners.toml"), export.parent / "state"
    text = '[teams.finders]\nchannel = "#finders"\nowns = { accounts = ["111122223333"] }\n'
    owners.write_text(text)
    scan(export, "--owners", owners)
    owners.unlink()
    for command in (["scan", "--only", DETECTION], ["report", "spend_by_team"]):
        done = focuswatch(*command, export, "--state", state)
        assert (
            f"ignores --owners {owners} from an earlier scan, because the file no longer exists"
            in done.stderr
        )
    owners.write_text(text)
    assert scan(export)[0]["team"] == "finders"
    assert scan(export, "--forget-files")[0]["team"] == "search"
    done = focuswatch("scan", export, "--state", state, "--format", "json", "--only", DETECTION)
    assert json.loads(done.stdout)[0]["team"] == "search"
    assert "Using files from the last scan" not in done.stderr


def test_damaged_list_of_remembered_files_is_one_error(export):
    """A remembered file must not be dropped without a message."""
    scan(export)
    (kept,) = (export.parent / "state").rglob("given_files.json")
    kept.write_text("[" * 5000)
    done = focuswatch("scan", export, "--state", export.parent / "state", code=2)
    assert done.stderr == (
        f"focuswatch: {kept}: the list of files that you passed to earlier scans of this export is damaged. "
        "Specify the files again and scan with --forget-files.\n"
    )
    focuswatch("scan", export, "--state", export.parent / "state", "--forget-files")


def test_deleted_pool_is_resolved_and_its_savings_are_verified(export):
    """From day 18 on, only the EC2 instances are billed."""
    export.write_text(HEADER + pools(range(1, 20)))
    scan(export)
    lines = pools(range(1, 18)) + "".join(
        line for line in pools(range(18, 29)).splitlines(True) if "EC2" in line
    )
    export.write_text(HEADER + lines)
    (resolved,) = scan(export)
    assert resolved["status"] == "resolved"
    assert scan(export) == []
    shown = focuswatch("findings", resolved["fingerprint"], "--state", export.parent / "state").stdout
    assert re.search(r"saved +5\.76 USD/day", shown)


def test_stdout_contains_only_json(scanned):
    """Messages go to stderr, so that a pipe can read the findings."""
    done = focuswatch("scan", scanned, "--state", scanned.parent / "state", "--format", "json")
    assert isinstance(json.loads(done.stdout), list)


def test_slack_format_is_a_valid_slack_message(export):
    """It has a fallback text, and blocks within the limits."""
    done = focuswatch("scan", export, "--state", export.parent / "state", "--format", "slack")
    message = json.loads(done.stdout)
    assert message["text"]
    assert 0 < len(message["blocks"]) <= 50
    texts = [block["text"]["text"] for block in message["blocks"] if block["type"] == "section"]
    assert all(0 < len(text) <= 3000 for text in texts)


def test_piped_output_has_no_colors(export):
    """Escape codes do not belong in a file."""
    output = focuswatch("scan", export, "--state", export.parent / "state", "--only", DETECTION).stdout
    assert "OpenSearch" in output and "\x1b" not in output


def test_fail_on_exits_with_3_for_new_findings_only(export):
    """A pipeline stops once for each finding."""
    scan(export, "--fail-on", "medium", code=3)
    scan(export, "--fail-on", "medium")


def test_fail_on_ignores_lower_severities(export):
    """A finding of 172.80 USD/month has severity medium."""
    scan(export, "--fail-on", "high")


def test_excluded_account_causes_no_notification(export):
    """The exclusion is listed with author and reason, and can be removed."""
    scan(export)
    state = ("--state", export.parent / "state")
    focuswatch(
        "exclude", "--account", "111122223333", "--reason", "being torn down", "--author", "ada", *state
    )
    assert scan(export) == []
    listed = focuswatch("findings", "--suppressions", *state).stdout
    assert "being torn down" in listed
    assert "ada" in listed
    assert "Not shown: 1 muted finding." in focuswatch("findings", *state).stdout
    (muted,) = json.loads(focuswatch("findings", "--all", "--format", "json", *state).stdout)
    details = focuswatch("findings", muted["fingerprint"], *state).stdout
    assert "suppression 1, with no end date, by ada: being torn down" in " ".join(details.split())
    focuswatch("unsuppress", "1", *state)
    assert len(scan(export)) == 1
    assert "muted" not in focuswatch("findings", *state).stdout


def test_unsuppress_of_a_fingerprint_names_the_command_that_lists_ids(scanned):
    """`unsuppress` takes the ID of a suppression, not the fingerprint that `snooze` takes."""
    done = focuswatch("unsuppress", "09a9979a", "--state", scanned.parent / "state", code=2)
    assert "09a9979a is not the ID of a suppression; expected a number." in done.stderr
    assert f"focuswatch findings --suppressions --state {scanned.parent / 'state'}." in done.stderr


def test_open_findings_of_a_removed_detection_are_noted(export):
    """They stay open, because the detection no longer runs. AWS alerts such as aws_budget are not in the catalog."""
    place = ("--state", export.parent / "state", "--ledger", export.parent / "ledger.db")
    ledger = SqliteLedger(export.parent / "ledger.db")
    result = run(finding(detection="removed_detection"), finding(detection="aws_budget"))
    ledger.update(lambda entries, suppressions: decide(entries, suppressions, result), evaluated=())
    ledger.close()
    output = " ".join(focuswatch("scan", export, *place, "--only", DETECTION).stdout.split())
    assert "cannot evaluate or resolve 1 open finding of removed_detection" in output
    assert "of aws_budget, because" not in output


@pytest.mark.parametrize(
    "verb",
    [
        ("snooze", "zzzz", "--until", "2027-01-01", "--reason", "r"),
        ("reset", "zzzz"),
        ("findings", "zzzz"),
        ("exclude", "--fingerprint", "zzzz", "--reason", "r"),
    ],
)
def test_unknown_fingerprint_is_one_error(scanned, verb):
    state = scanned.parent / "state"
    done = focuswatch(*verb, "--state", state, code=1)
    assert done.stderr.startswith("focuswatch: No finding matches 'zzzz'") and done.stderr.count("\n") == 1
    assert f"focuswatch findings --all --state {state}" in done.stderr


@pytest.mark.parametrize(
    ("tokens", "expected_message"),
    [
        ("", "The bill has no charges that this report evaluates."),
        (
            "Amazon Bedrock",
            "No token hours file was provided. Collect hourly token counts (docs/spend-rate.md):",
        ),
    ],
)
def test_report_without_rows_says_what_is_missing(tmp_path, tokens, expected_message):
    """An input that was never provided would look like no spend."""
    lines = pools(range(1, 29))
    if tokens:
        lines += lines.replace("Amazon OpenSearch Service", tokens).replace(
            "SearchOCU", "Nova2.0Lite-input-tokens"
        )
    (tmp_path / "march.csv").write_text(HEADER + lines)
    done = focuswatch("report", "spend_rate", tmp_path / "march.csv", "--state", tmp_path / "state")
    assert expected_message in " ".join(done.stdout.split())


def test_exclusion_by_tag_of_a_security_detection_requires_include_security(export):
    scan(export)
    words = (
        "exclude",
        "--tag",
        "a=b",
        "--detection",
        "gpu_burst",
        "--reason",
        "r",
        "--state",
        export.parent / "state",
    )
    assert "--include-security" in focuswatch(*words, code=2).stderr
    focuswatch(*words, "--include-security")


def test_snooze_ends_on_its_day(export):
    """The day is a day of the bill, not of the system clock."""
    (finding,) = scan(export)
    state = ("--state", export.parent / "state")
    focuswatch("snooze", finding["fingerprint"][:6], "--until", "2026-04-05", "--reason", "load test", *state)
    assert scan(export) == []
    focuswatch(
        "snooze", finding["fingerprint"], "--until", "2026-03-01", "--reason", "too late", *state, code=2
    )


def test_command_in_an_error_selects_the_same_ledger(export):
    """IDs of suppressions are small numbers: in another ledger, the command would remove another suppression."""
    (finding,) = scan(export)
    (ledger,) = (export.parent / "state").glob("*/ledger.db")
    for _ in range(2):
        done = focuswatch(
            "snooze", finding["fingerprint"], "--until", "2026-05-01", "--reason", "r", "--ledger", ledger
        )
    assert done.stderr.rstrip().endswith(f"run focuswatch unsuppress 1 --ledger {ledger}.")


def test_second_snooze_names_the_first(export):
    """The finding stays muted until both end."""
    (finding,) = scan(export)
    state = ("--state", export.parent / "state")
    for until in ("2026-04-05", "2026-05-01"):
        done = focuswatch("snooze", finding["fingerprint"], "--until", until, "--reason", "load test", *state)
    assert (
        "Suppression 1 already mutes the same findings until 2026-04-05. To remove it, run focuswatch unsuppress 1 "
        f"--state {export.parent / 'state'}." in done.stderr
    )


def test_only_runs_the_specified_detections(export):
    """Findings of other detections are not resolved."""
    scan(export)
    (still,) = scan(export, only="new_region,new_service")
    assert still["status"] == "open"


@pytest.mark.parametrize(
    ("arguments", "code", "expected_message"),
    [
        (["scan", "nowhere"], 1, "nowhere"),
        (["scan", SAMPLE, "--owners", "nowhere.toml"], 2, "cannot read nowhere.toml"),
        (["scan", SAMPLE, "--as-of", "june"], 2, "'june' is not a date. Enter the date as YYYY-MM-DD."),
        (["chargeback", "--month", "2026-13"], 2, "'2026-13' is not a month. Enter the month as YYYY-MM."),
        (["scan", SAMPLE, "--activity", "nowhere.csv"], 2, "nowhere.csv does not exist"),
        (["scan", SAMPLE, "--accounts", SAMPLE], 2, "lacks"),
        (
            ["scan", SAMPLE, "--only", "no_such_thing"],
            2,
            "'no_such_thing'. Specify one of: abandoned_volume,",
        ),
        (["scan", SAMPLE, "--as-of", "2020-01-01"], 2, "is not after the first charge"),
        (["scan", SAMPLE, "--engine", "sparrow"], 2, "sparrow"),
        (["report", "no_such_thing", SAMPLE], 2, "No report is named"),
        (["findings"], 2, "No export has been scanned yet"),
        (["exclude", "--reason", "x"], 2, "Specify exactly one scope"),
        (["exclude", "--reason", "x", "--tag", "=x"], 2, "expected KEY=VALUE"),
        (["findings", "--format", "slack"], 2, "'slack' is not one of"),
    ],
)
def test_invalid_input_is_one_error(tmp_path, arguments, code, expected_message):
    """It has no traceback and states the remedy."""
    if "--engine" not in arguments:
        arguments = [*arguments, "--state", tmp_path]
    done = focuswatch(*arguments, code=code)
    assert expected_message in done.stderr
    assert "Traceback" not in done.stderr


def test_public_sample_is_scanned_without_changes(tmp_path):
    """The sample is FOCUS 1.0, has three providers, and contains NULL as text."""
    done = focuswatch("scan", SAMPLE, "--state", tmp_path, "--format", "json")
    assert isinstance(json.loads(done.stdout), list)


def test_scan_stores_the_forecasts_of_a_day_once(export):
    """A later scan of the same bill, or as of an earlier day, changes nothing."""
    scan(export)
    (kept,) = (export.parent / "state").rglob("forecasts.csv")
    before = kept.read_text()
    assert before.startswith("made_on,month,plan_of,plan,") and ",2026-03-01,all,all," in before
    scan(export)
    focuswatch("scan", export, "--as-of", "2026-03-20", "--state", export.parent / "state")
    assert kept.read_text() == before


@pytest.mark.parametrize(("number", "name"), list(enumerate(sorted(Catalog.load().reports))))
def test_each_report_can_be_printed(scanned, number, name):
    """The default export is the most recently scanned one. Each report is tested with one of the three formats."""
    format = ("table", "json", "csv")[number % 3]
    state = ("--state", scanned.parent / "state")
    assert focuswatch("report", name, "--format", format, *state).stdout.strip()


def test_report_uses_the_owners_of_the_last_scan(export, tmp_path):
    """A new --owners file replaces them."""
    owners = tmp_path / "owners.toml"
    owners.write_text(
        '[teams.everybody]\nchannel = "#all"\nowns = { ous = ["/"], accounts = ["111122223333"] }\n'
    )
    focuswatch("scan", export, "--state", tmp_path / "state", "--owners", owners)
    kept = json.loads((tmp_path / "state" / "latest.json").read_text())
    assert kept == {"export": str(export.resolve()), "others": []}
    assert focuswatch("report", "spend_by_team", "--state", tmp_path / "state").stdout
    owners.unlink()
    done = focuswatch("report", "spend_by_team", "--state", tmp_path / "state")
    assert "owners.toml from an earlier scan, because the file no longer exists" in done.stderr


def test_concurrent_scan_of_one_export_is_refused(export):
    """The error of the second scan states that the first one is running."""
    from filelock import FileLock

    from focuswatch.bill.state_folder import state_of

    state = state_of(str(export), root=export.parent / "state")
    state.mkdir(parents=True)
    with FileLock(state / "lock"):
        done = focuswatch("scan", export, "--state", export.parent / "state", code=2)
    assert "Another scan of this export is running" in done.stderr


def examples() -> list[str]:
    """Return the example commands in the help texts."""
    lines = (
        line.strip()
        for command in app.registered_commands
        for line in (command.callback.__doc__ or "").splitlines()
    )
    return [line for line in lines if line.startswith("focuswatch ")]


@functools.cache
def help_of(command: str) -> str:
    return focuswatch(command, "--help").stdout


@pytest.mark.parametrize("example", examples())
def test_each_example_in_the_help_is_valid(example):
    words = shlex.split(example.partition("|")[0])[1:]
    options = set(re.findall(r"--[a-z-]+", help_of(words[0])))
    assert {word for word in words if word.startswith("--")} <= options


def test_command_summary_fits_80_columns():
    """A truncated summary is not readable."""
    listed = focuswatch("--help").stdout
    summaries = listed.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    shown = [command for command in app.registered_commands if not command.hidden]
    assert len(summaries) == len(shown)
    assert not any("..." in summary for summary in summaries)
    assert max(map(len, listed.splitlines())) <= 80


def test_suggested_command_contains_the_state_option(export):
    """A printed command works without changes."""
    state = export.parent / "a state"
    focuswatch("scan", export, "--state", state)
    focuswatch("exclude", "--account", "111122223333", "--reason", "x", "--state", state)
    output = " ".join(focuswatch("scan", export, "--state", state).stdout.split())
    assert f"focuswatch findings --suppressions --state '{state}'" in output
    export.write_text(HEADER + pools(range(1, 29)).replace("search", ""))
    weekly = focuswatch("weekly", export, "--state", state).stdout
    assert f"focuswatch report unowned_spend --state '{state}'" in weekly


def test_suggested_command_reads_the_ledger_of_the_scan(export):
    """Without the option, the command would read another ledger."""
    ledger = export.parent / "team ledger.db"
    named = ("--state", export.parent / "state", "--ledger", ledger)
    focuswatch("scan", export, *named)
    exclude = ("exclude", "--account", "111122223333", "--reason", "x")
    focuswatch(*exclude, "--ledger", ledger)
    output = " ".join(focuswatch("scan", export, *named).stdout.split())
    listing = output.partition("suppressed: ")[2]
    assert listing.startswith(f"focuswatch findings --suppressions --ledger '{ledger}'")
    assert "111122223333" in focuswatch("findings", "--suppressions", "--ledger", ledger).stdout


def test_suggested_command_after_a_scan_on_trino_names_the_ledger(tmp_path):
    """`focuswatch findings` opens the ledger of the export that was scanned last, which is never a table on Trino."""
    options = BillOptions(
        export="hive.billing.export",
        state=tmp_path,
        engine=EngineName.TRINO,
        trino="http://ana@trino.test:8080/hive/focuswatch",
    )
    name = export_name("hive.billing.export", options.trino_location)
    path = state_of(name, root=tmp_path) / "ledger.db"
    path.parent.mkdir()
    SqliteLedger(path).close()
    command = _next_command(options).text("findings")
    assert command == f"focuswatch findings --state {tmp_path} --export {name}"
    assert next_ledger_command("findings", options) == command
    assert focuswatch(*shlex.split(command)[1:]).stdout
    with open_ledger_of(options) as ledger:
        assert ledger.entries() == {}


def test_resolved_findings_have_their_own_heading(export):
    """They have no next step, and no detection's total includes them."""
    state = ("--state", export.parent / "state")
    export.write_text(HEADER + pools(range(1, 20)))
    focuswatch("scan", export, *state)
    lines = pools(range(1, 18)) + "".join(
        line for line in pools(range(18, 29)).splitlines(True) if "EC2" in line
    )
    export.write_text(HEADER + lines)
    output = focuswatch("scan", export, *state).stdout
    assert "Resolved" in output.splitlines() and "173" in output.split()
    assert not any(heading in output for heading in ("Waste", "Detection", "→", "No new findings"))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_scan_output_fits_the_columns(export, width, monkeypatch):
    """No amount is truncated, and each row has its owner and account."""
    monkeypatch.setenv("COLUMNS", str(width))
    output = focuswatch("scan", export, "--state", export.parent / "state", "--only", DETECTION).stdout
    assert max(len(line.rstrip()) for line in output.splitlines()) <= width
    assert {"173", "medium", "search", "111122223333", "us-east-1"} <= set(output.split())


@pytest.mark.parametrize(("alias", "command"), [("unsilence", "unsuppress"), ("rearm", "reset")])
def test_command_names_of_earlier_versions_still_work(alias, command):
    """They take the same options, and the help does not list them."""
    commands = {registered.name: registered for registered in app.registered_commands}
    assert commands[alias].callback is commands[command].callback
    assert commands[alias].hidden and not commands[command].hidden


@pytest.mark.parametrize("command", ["scan", "report", "page", "weekly"])
def test_commands_that_read_a_bill_share_their_options(command):
    """One BillOptions object is expanded into the options of each command."""
    shown = set(re.findall(r"--[a-z-]+", help_of(command)))
    names = {field.name for field in fields(BillOptions)} - {"export", "others"}  # arguments
    assert {f"--{name.replace('_', '-')}" for name in names} <= shown


def test_scan_refuses_the_ledger_of_a_deployment(export):
    """Only the functions of the deployment write to it."""
    done = focuswatch("scan", export, "--ledger", "dynamodb://focuswatch-ledger", code=2)
    assert "focuswatch scan cannot write to the ledger of a deployment" in done.stderr


def test_each_command_has_an_example():
    without = [
        command.name
        for command in app.registered_commands
        if "focuswatch " not in (command.callback.__doc__ or "")
    ]
    assert without == []


def test_show_prints_sql_without_placeholders(export):
    """Users can paste the SQL into a client without changes."""
    shown = focuswatch("show", "orphaned_opensearch_collection", "--as-of", "2026-03-29").stdout
    assert "$" not in shown[shown.index("WITH ") :]


def test_list_shows_each_detection():
    """One line each."""
    from focuswatch.catalog.sql_catalog import Catalog

    listed = focuswatch("list").stdout
    assert all(id in listed for id in Catalog.load().detections)


@pytest.mark.parametrize("text", ["", "[]", "{}", "{" * 10])
def test_damaged_latest_json_is_one_error(tmp_path, text):
    """The error names the problem; commands with an export do not need the file."""
    (tmp_path / "latest.json").write_text(text)
    done = focuswatch("findings", "--state", tmp_path, code=2)
    assert "the record of the most recently scanned export is damaged" in done.stderr


def test_unwritable_state_is_one_error(export, tmp_path):
    """A file exists at the path of the state folder."""
    (tmp_path / "state").write_text("")
    done = focuswatch("scan", export, "--state", tmp_path / "state", code=1)
    assert re.search(
        r"state/\S+: \w.*\. Check the permissions of the file and the free disk space", done.stderr
    )
    assert "unexpected" not in done.stderr


def test_deleted_state_files_are_created_again(export):
    """Deleted files cost time, not findings."""
    scan(export)
    for path in (export.parent / "state").rglob("*.parquet"):
        path.unlink()
    (still,) = scan(export)
    assert still["status"] == "open"


@pytest.mark.parametrize("bytes_left", [0, 4, 100])
def test_truncated_state_files_are_created_again(export, bytes_left):
    """An interrupted write costs time, not findings."""
    scan(export)
    for path in (export.parent / "state").rglob("*.parquet"):
        path.write_bytes(path.read_bytes()[:bytes_left])
    (still,) = scan(export)
    assert still["status"] == "open"


def test_damaged_state_file_is_one_error(export):
    """The file has its correct size, so only reading it shows the damage. The error names the folder to remove."""
    scan(export)
    for path in (export.parent / "state").rglob("*.parquet"):
        path.write_bytes(b"PAR1" + bytes(path.stat().st_size - 4))
    done = focuswatch("scan", export, "--state", export.parent / "state", code=1)
    assert "the stored copy of the export is damaged. Delete this folder" in done.stderr
    assert done.stderr.count("\n") == 1


def test_as_of_long_after_the_bill_is_refused(export):
    """With a mistyped year, the ledger would resolve nothing until that year."""
    state = export.parent / "state"
    done = focuswatch("scan", export, "--state", state, "--as-of", "2062-03-29", code=2)
    assert "--as-of 2062-03-29 is more than 366 days after the last charge" in done.stderr
    assert not list(state.rglob("ledger.db"))


def test_empty_export_name_is_refused(tmp_path):
    """`scan "$EXPORT"` with an empty variable must not read the current folder."""
    done = focuswatch("scan", "", "--state", tmp_path, code=2)
    assert "EXPORT is empty" in done.stderr


def test_duplicate_account_is_refused(export, tmp_path):
    """Its charges would be counted twice in spend by team."""
    accounts = tmp_path / "accounts.csv"
    line = "111122223333,shop,a@example.com,/prod,{},2020-01-01,\n"
    accounts.write_text("sub_account_id,name,email,ou_path,tags,joined_on,closed_on\n" + line * 2)
    done = focuswatch("scan", export, "--state", tmp_path, "--accounts", accounts, code=2)
    assert "lists account 111122223333 twice" in done.stderr


def test_error_contains_no_escape_sequences(tmp_path):
    """A file name or a value can contain escape sequences."""
    done = focuswatch("scan", f"{tmp_path}/\x9b2Jgone", code=1)
    assert "\N{REPLACEMENT CHARACTER}2Jgone: no such file or folder" in done.stderr


def test_csv_of_an_empty_report_has_a_header(scanned):
    """Programs read the columns by name."""
    state = scanned.parent / "state"
    done = focuswatch(
        "report", "ai_spend", scanned, "--state", state, "--as-of", "2026-03-02", "--format", "csv"
    )
    whole = focuswatch("report", "ai_spend", scanned, "--state", state, "--format", "csv")
    assert whole.stdout.startswith(done.stdout.partition("\n")[0] + "\n")


@pytest.mark.parametrize("raised", ["KeyboardInterrupt()", "RuntimeError('Query interrupted')"])
def test_interrupted_scan_states_that_the_state_is_unchanged(raised):
    """Python or DuckDB can receive the interrupt first."""
    code = (
        "from unittest.mock import patch; from focuswatch.cli import main\n"
        f"with patch('focuswatch.catalog.sql_catalog.Catalog.load', side_effect={raised}): main()"
    )
    done = subprocess.run([sys.executable, "-c", code, "list"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr.startswith("focuswatch: the command was interrupted. The stored state is intact")


def test_finding_in_full_shows_its_known_limitations(scanned):
    """Evidence is incomplete without the known limitations."""
    (finding,) = scan(scanned, only=None)
    shown = focuswatch("findings", finding["fingerprint"][:6], "--state", scanned.parent / "state").stdout
    assert "Known limitations" in shown
    assert "Collections in an account or collection group" in shown


def run_in_process(monkeypatch, *words: str) -> int:
    """Run the command in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["focuswatch", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_ledger_of_a_deployment_is_opened_by_name(capsys, monkeypatch):
    """A suppression from Slack is removed where it is stored."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        ledger = DynamoLedger(ledger_table("focuswatch-ledger"))
        ledger.update(
            lambda entries, suppressions: decide(entries, suppressions, run(finding())), evaluated=()
        )
        place = ("--ledger", "dynamodb://focuswatch-ledger")
        assert (
            run_in_process(
                monkeypatch,
                "snooze",
                finding().fingerprint[:8],
                "--until",
                "2026-05-01",
                "--reason",
                "a test",
                *place,
            )
            == 0
        )
        (suppression,) = ledger.suppressions()
        assert suppression.value == finding().fingerprint
        assert run_in_process(monkeypatch, "unsuppress", str(suppression.id), *place) == 0
        assert ledger.suppressions() == []
        assert run_in_process(monkeypatch, "findings", "--ledger", "dynamodb://another") == 1
    assert "dynamodb://another cannot be read" in capsys.readouterr().err


def test_minor_first_charges_are_one_line(tmp_path):
    """In a bill of one month, each first charge on day 29 costs a thousandth of a cent."""
    path = tmp_path / "may.csv"

    def line(cost: float, day: int, service: str, resource: str = "") -> str:
        days = f"2026-05-{day:02},2026-05-{day + 1:02}"
        return f"{cost},USD,2026-05-01,Usage,{days},1,{cost:f},us-east-1,{resource},{service},Use,111122223333,\n"

    baseline = "".join(line(10, day, "Amazon EC2", "i-1") for day in range(1, 31))
    services = ("AWS Key Management Service", "Amazon Simple Queue Service", "AWS X-Ray", "AWS Lambda")
    path.write_text(HEADER + baseline + "".join(line(0.00001, 29, one) for one in services))
    findings = scan(path, only=None)
    assert {one["service_name"]: one["severity"] for one in findings} == dict.fromkeys(services, "low")
    printed = focuswatch("scan", path, "--state", tmp_path / "other").stdout
    assert printed.count("AWS X-Ray") == 1
    text = " ".join(printed.split())
    assert "4 findings in 1 account, 0.00 USD in total" in text
    assert "30 days" in text and "starting 2026-05-01" in text


@pytest.mark.skipif(sys.platform != "linux", reason="root loses its right to write by a call of Linux's")
def test_read_only_state_can_be_read_and_a_scan_is_one_error(export):
    """For example, the state of a backup or of a colleague."""
    state = export.parent / "state"
    (finding,) = scan(export)
    paths = [state, *state.rglob("*")]
    modes = {path: path.stat().st_mode for path in paths}
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)

    def run(*arguments):
        return subprocess.run(
            [FOCUSWATCH, *map(str, arguments), "--state", str(state)],
            capture_output=True,
            text=True,
            timeout=patience(120),
            preexec_fn=lambda: ctypes.CDLL(None).prctl(24, 1),  # PR_CAPBSET_DROP of CAP_DAC_OVERRIDE
        )

    try:
        done = run("findings", finding["fingerprint"][:8])
        assert (done.returncode, done.stderr) == (0, "")
        assert "OpenSearch" in done.stdout
        done = run("scan", export)
        assert done.returncode in (1, 2)
        assert done.stderr.count("\n") == 1
        assert "unexpected" not in done.stderr
    finally:
        for path, mode in modes.items():
            path.chmod(mode)
