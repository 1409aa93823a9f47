"""action.yml: its structure, and its steps run as on GitHub, with a `gh` and a `python` that record their calls."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from focuswatch.cli import app
from tests.cli.test_cli import FOCUSWATCH, HEADER, pools
from tests.fakes.waiting import patience

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "name" in step}
INSTALL, SCAN, COMMENT, FAIL = STEPS.values()
# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail"]
HOSTILE = "arn:pool/```<br>@everyone$(touch hacked)"
GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$GH_LOG"
case "$*" in
*PATCH*|*POST*) exit "${GH_EXIT:-0}" ;;
esac
printf '%s' "$GH_COMMENTS"
"""
PYTHON = """#!/usr/bin/env bash
mkdir -p "$3/bin"
printf '#!/usr/bin/env bash\\nprintf "%%s\\\\n" "$@" >>"$PIP_LOG"\\n' >"$3/bin/pip"
chmod +x "$3/bin/pip"
"""


@dataclass
class Runner:
    """The folders and files of a runner; `run` runs a step's script with the values of its inputs."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tools = self.folder / "tools"
        tools.mkdir()
        for name, script in (("gh", GH), ("python", PYTHON)):
            (tools / name).write_text(script)
            (tools / name).chmod(0o755)
        self.environment = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "RUNNER_TEMP": str(self.folder),
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_REPOSITORY": "shop/bills",
            "GH_LOG": str(self.folder / "gh.log"),
            "GH_COMMENTS": "",
            "PIP_LOG": str(self.folder / "pip.log"),
        }

    def run(self, step: dict[str, Any], *, code: int = 0, **inputs: str) -> str:
        """Run a step and return its output; its variables without a value are empty, like inputs on GitHub."""
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        own = {name: inputs.get(name, "") for name in step.get("env", {}) if name != "COLUMNS"}
        done = subprocess.run(
            [*BASH, script],
            cwd=self.folder,
            env={**self.environment, **own, **inputs},
            capture_output=True,
            text=True,
            timeout=patience(120),
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def text(self, name: str) -> str:
        """Return the text of a file in the runner's folder."""
        return (self.folder / name).read_text()


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """Return a runner on which focuswatch is installed."""
    runner = Runner(tmp_path)
    installed = tmp_path / "focuswatch" / "bin"
    installed.mkdir(parents=True)
    (installed / "focuswatch").symlink_to(FOCUSWATCH)
    return runner


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Write a bill with an orphaned pool; the names of file and pool try to run commands on the runner."""
    export = tmp_path / "a bill; touch hacked.csv"
    export.write_text(
        HEADER + pools(range(1, 29)).replace(",us-east-1,,Amazon Open", f",us-east-1,{HOSTILE},Amazon Open")
    )
    return export


def test_scripts_have_no_expressions():
    """`${{ }}` in a script runs text of a pull request as code."""
    assert all("${{" not in step["run"] for step in STEPS.values())
    assert all(step["shell"] == "bash" for step in STEPS.values())


def test_every_input_is_described_and_used():
    """Every input that a step uses exists, and optional inputs have a default."""
    text = (ROOT / "action.yml").read_text()
    used = set(re.findall(r"\$\{\{ inputs\.([a-z-]+)", text))
    assert used == ACTION["inputs"].keys()
    for definition in ACTION["inputs"].values():
        assert definition["description"].endswith(".")
        assert definition.get("required") or "default" in definition


def test_every_variable_of_a_script_is_set():
    """Its step or GitHub sets it."""
    set_by_github = {
        "RUNNER_TEMP",
        "GITHUB_ACTION_PATH",
        "GITHUB_OUTPUT",
        "GITHUB_STEP_SUMMARY",
        "GITHUB_REPOSITORY",
    }
    for step in STEPS.values():
        names = set(re.findall(r"\$\{?([A-Z_]+)", step["run"]))
        assert names <= set_by_github | step.get("env", {}).keys()


def test_scan_writes_a_summary_in_which_names_are_text(runner, export):
    """Commands in an input or on the bill do not run, and no name ends the code block."""
    runner.run(SCAN, EXPORT=str(export))
    summary = runner.text("summary.md")
    assert summary.startswith("<!-- focuswatch -->\n### focuswatch\n")
    assert "Orphaned OpenSearch Serverless collection" in summary
    assert summary.count("```") == 2 and summary.rstrip().endswith("```")
    assert not (runner.folder / "hacked").exists()
    output = dict(line.split("=", 1) for line in runner.text("output").splitlines())
    assert output["exit-code"] == "0"
    (finding,) = json.loads(Path(output["findings"]).read_text())
    assert finding["detection"] == "orphaned_opensearch_collection"


@pytest.mark.parametrize(("severity", "code"), [("low", "3"), ("critical", "0")])
def test_scan_passes_fail_on_and_leaves_the_failure_to_the_last_step(runner, export, severity, code):
    """The summary and the comment are written before the job fails."""
    runner.run(SCAN, EXPORT=str(export), FAIL_ON=severity)
    assert f"exit-code={code}" in runner.text("output")
    assert runner.text("summary.md")
    assert STEPS["Fail on new findings"]["if"] == "${{ steps.scan.outputs.exit-code == '3' }}"
    assert "severity low or higher" in runner.run(FAIL, FAIL_ON="low", code=3)


def test_scan_passes_date_and_state(runner, export):
    """With the state of the previous run, the same finding is not new."""
    options = {"EXPORT": str(export), "AS_OF": "2026-03-29", "STATE": str(runner.folder / "kept")}
    runner.run(SCAN, **options, FAIL_ON="low")
    runner.run(SCAN, **options, FAIL_ON="low")
    assert runner.text("output").count("exit-code=3") == 1 and "exit-code=0" in runner.text("output")


def test_every_option_of_a_scan_is_an_input():
    """Exceptions are the options for Trino and a remote ledger, and options that the action sets itself."""
    shown = CliRunner().invoke(app, ["scan", "--help"]).output
    options = set(re.findall(r"^  --([a-z-]+)", shown, re.MULTILINE))
    not_inputs = {"engine", "trino", "trino-auth", "ledger", "format", "forget-files", "help"}
    assert "token-hours" in options and options - not_inputs <= ACTION["inputs"].keys()


def test_scan_passes_other_bills_files_and_detections(runner, export, tmp_path):
    """A later run without EVENTS does not use the events of the earlier run, whose files its runner may not have."""
    events = tmp_path / "the events; touch hacked.jsonl"
    events.write_text(
        '{"occurred_at": "2026-03-10T08:00:00Z", "kind": "deployment", "sub_account_id": "111122223333"}\n'
    )
    azure = tmp_path / "azure.csv"
    azure.write_text(HEADER + pools(range(1, 29), account="sub-1"))
    state = {"EXPORT": str(export), "STATE": str(tmp_path / "kept")}
    files = {"EVENTS": str(events), "ONLY": "orphaned_opensearch_collection\ncost_anomaly\n"}
    printed = runner.run(SCAN, **state, **files, OTHERS=f"{azure}\n\n")
    assert "Orphaned OpenSearch Serverless collection" in printed
    (input_files,) = (tmp_path / "kept").glob("*/given_files.json")
    assert json.loads(input_files.read_text()) == {"events": str(events)}
    latest = json.loads((tmp_path / "kept" / "latest.json").read_text())
    assert latest["others"] == [str(azure)]
    runner.run(SCAN, **state)
    assert json.loads(input_files.read_text()) == {}
    assert not (runner.folder / "hacked").exists()


@pytest.mark.parametrize(
    ("inputs", "code"),
    [
        ({"FAIL_ON": "severe"}, 2),
        ({"ONLY": "no_such_detection"}, 2),
        ({"EVENTS": "/nowhere/events.csv"}, 2),
        ({"AS_OF": "yesterday"}, 2),
        ({"OWNERS": "/nowhere/owners.toml"}, 2),
    ],
    ids=str,
)
def test_scan_with_a_wrong_input_fails_at_once(runner, export, inputs, code):
    """The step has the exit code of the command and writes no summary."""
    runner.run(SCAN, EXPORT=str(export), **inputs, code=code)
    assert not (runner.folder / "summary.md").exists()


def test_missing_export_fails_at_once(runner):
    """EXPORT is passed as an argument, so `--version` is the name of a missing file and not an option."""
    runner.run(SCAN, EXPORT="--version", code=1)


def test_comment_is_written_once_and_then_updated(runner):
    """The action finds its comment by the first line, among comments of bots."""
    (runner.folder / "focuswatch.md").write_text("<!-- focuswatch -->")
    runner.run(COMMENT, NUMBER="7")
    (search, creation) = runner.text("gh.log").splitlines()
    assert search.startswith("api --paginate repos/shop/bills/issues/7/comments --jq ")
    assert '.user.type == "Bot"' in search
    body = f"--field body=@{runner.folder}/focuswatch.md"
    assert creation == f"api --method POST repos/shop/bills/issues/7/comments {body}"
    runner.run(COMMENT, NUMBER="7", GH_COMMENTS="11\n12\n")
    assert runner.text("gh.log").splitlines()[-1] == (
        f"api --method PATCH repos/shop/bills/issues/comments/11 {body}"
    )


def test_comment_without_permission_is_a_warning(runner):
    """Pull requests from forks lack the permission; the result is still in the summary."""
    printed = runner.run(COMMENT, NUMBER="7", GH_EXIT="1")
    assert printed.startswith("::warning::The comment was not written.")


def test_run_without_a_pull_request_writes_no_comment(runner):
    """Scheduled runs and pushes have no pull request."""
    assert runner.run(COMMENT).startswith("::notice::No comment was written")
    assert not (runner.folder / "gh.log").exists()


@pytest.mark.parametrize(
    ("inputs", "packages"),
    [
        ({"EXPORT": "./focus"}, ["--constraint", f"{ROOT}/constraints.txt", str(ROOT)]),
        ({"EXPORT": "s3://bills/focus"}, ["--constraint", f"{ROOT}/constraints.txt", f"{ROOT}[aws]"]),
        (
            {"EXPORT": "./focus", "OTHERS": "./azure\ns3://b"},
            ["--constraint", f"{ROOT}/constraints.txt", f"{ROOT}[aws]"],
        ),
        ({"EXPORT": "./focus", "VERSION": "1.2.3"}, ["focuswatch==1.2.3"]),
        ({"EXPORT": "s3://x", "VERSION": "1.2.3; touch hacked"}, ["focuswatch[aws]==1.2.3; touch hacked"]),
    ],
    ids=str,
)
def test_install_takes_the_source_of_the_action_or_a_version(tmp_path, inputs, packages):
    """An export in S3 also needs the AWS libraries."""
    runner = Runner(tmp_path)
    runner.run(INSTALL, **inputs)
    assert runner.text("pip.log").splitlines() == [
        "install",
        "--quiet",
        "--disable-pip-version-check",
        *packages,
    ]
    assert not (tmp_path / "hacked").exists()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_grant_reading_only_and_publish_from_one_job(path):
    """Only the job that publishes may request an identity, and it runs no script."""
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        assert job.get("permissions", {}) == ({"id-token": "write"} if name == "publish" else {})
        if name == "publish":
            assert all("run" not in step for step in job["steps"])
        assert all("${{" not in step.get("run", "") for step in job["steps"])


def test_docs_list_every_input_and_output():
    """They are in the order of action.yml, and the example uses only existing inputs."""
    page = (ROOT / "docs" / "github-action.md").read_text()
    for kind in ("input", "output"):
        table = page.partition(f"| {kind} | meaning |")[2].partition("\n\n")[0]
        assert re.findall(r"^\| `([a-z-]+)`", table, re.MULTILINE) == list(ACTION[f"{kind}s"])
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (*_, step) = yaml.safe_load(block)["jobs"]["scan"]["steps"]
    assert step["with"].keys() <= ACTION["inputs"].keys()
