"""A scan that fails between the ledger and its output loses no finding: the next scan reports it as new."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli import DETECTION, FOCUSWATCH, HEADER, focuswatch, pools

STOPPED = """
import os, signal
from focuswatch.cli import main, scan_command
scan_command._print = lambda *_, **__: os.kill(os.getpid(), signal.{signal})
main()
"""


@pytest.fixture(scope="module")
def scanned_once(tmp_path_factory) -> Path:
    """Return a bill with an orphaned collection whose name has a Greek letter, which ASCII and Latin-1 lack."""
    path = tmp_path_factory.mktemp("bill") / "march.csv"
    path.write_text(
        HEADER + pools(range(1, 29)).replace("us-east-1,,", "us-east-1,pool-\N{GREEK SMALL LETTER ALPHA},"),
        encoding="utf-8",
    )
    return path


def new_titles(export: Path, state: Path) -> list[str]:
    """Return the titles of the findings that are new in the next scan."""
    done = focuswatch("scan", export, "--state", state, "--format", "json", "--only", DETECTION)
    return [finding["title"] for finding in json.loads(done.stdout) if finding["status"] == "new"]


@pytest.mark.parametrize("format", ["table", "json", "slack"])
def test_output_to_a_full_disk_does_not_count_as_notified(scanned_once, tmp_path, format):
    """The error is one sentence with exit code 1, and only the next scan shows the findings as new."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [FOCUSWATCH, "scan", scanned_once, "--state", tmp_path, "--format", format, "--only", DETECTION],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "No space left" in done.stderr
    assert new_titles(scanned_once, tmp_path)
    assert not new_titles(scanned_once, tmp_path)


def test_closed_pipe_prints_no_error(scanned_once, tmp_path):
    """`| true` closes the pipe before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [FOCUSWATCH, "scan", scanned_once, "--state", tmp_path, "--only", DETECTION],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.returncode != 0 and not done.stderr
    assert new_titles(scanned_once, tmp_path)


@pytest.mark.parametrize("signal_name", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_scan_stopped_before_output_loses_no_finding(scanned_once, tmp_path, signal_name):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            STOPPED.format(signal=signal_name),
            "scan",
            scanned_once,
            "--only",
            DETECTION,
            "--state",
            tmp_path,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (-getattr(signal, signal_name), 130) and not done.stdout
    assert new_titles(scanned_once, tmp_path)
    assert not new_titles(scanned_once, tmp_path)


def test_error_after_the_ledger_was_written_loses_no_finding(scanned_once, tmp_path):
    """If savings cannot be verified, the scan only prints a note. Any other error leaves the findings new."""
    for raised, code in (("focuswatch.errors.QueryError('no')", 0), ("RuntimeError('no')", 1)):
        state = tmp_path / str(code)
        broken = (
            "import focuswatch.errors, focuswatch.detect.record_findings_explanations_and_savings as recording\n"
            "from focuswatch.cli import main\n"
            f"def broken(*_, **__): raise {raised}\nrecording.measured_savings = broken\nmain()"
        )
        done = subprocess.run(
            [sys.executable, "-c", broken, "scan", scanned_once, "--state", state],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert bool(new_titles(scanned_once, state)) == bool(code)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("format", ["table", "json", "slack"])
def test_output_works_in_any_encoding(scanned_once, tmp_path, encoding, format):
    """Characters that the encoding lacks are replaced in a table and escaped in JSON."""
    done = subprocess.run(
        [FOCUSWATCH, "scan", scanned_once, "--state", tmp_path, "--format", format, "--only", DETECTION],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": encoding},
    )
    assert done.returncode == 0, done.stderr
    if format != "table":
        assert json.loads(done.stdout.decode(encoding))
    assert not new_titles(scanned_once, tmp_path)
