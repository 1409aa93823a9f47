"""What a scan did not write out is shown by the next one: real processes that fail between ledger and output."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_cli import FOCUSWATCH, HEADER, focuswatch, pools

DIES = """
import os, signal
from focuswatch.command import main, scan
scan._print = lambda *_: os.kill(os.getpid(), signal.{signal})
main()
"""


@pytest.fixture(scope="module")
def scanned_once(tmp_path_factory) -> Path:
    """A bill with a forgotten pool whose name no narrow encoding has, read once: the scans after it are quick."""
    path = tmp_path_factory.mktemp("bill") / "march.csv"
    path.write_text(
        HEADER + pools(range(1, 29)).replace("us-east-1,,", "us-east-1,pool-\N{GREEK SMALL LETTER ALPHA},"),
        encoding="utf-8",
    )
    return path


def news(export: Path, state: Path) -> list[str]:
    """The titles that the next scan shows as new."""
    done = focuswatch("scan", export, "--state", state, "--format", "json")
    return [one["title"] for one in json.loads(done.stdout) if one["status"] == "new"]


@pytest.mark.parametrize("format", ["table", "json", "slack"])
def test_output_to_a_full_disk_is_no_notification(scanned_once, tmp_path, format):
    """One sentence, exit 1, and the next scan shows all of it, once."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [FOCUSWATCH, "scan", scanned_once, "--state", tmp_path, "--format", format],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "No space left" in done.stderr
    assert news(scanned_once, tmp_path)
    assert not news(scanned_once, tmp_path)


def test_a_reader_that_left_is_no_error_to_speak_of(scanned_once, tmp_path):
    """`| true` closes the pipe before anything is written."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [FOCUSWATCH, "scan", scanned_once, "--state", tmp_path], stdout=writing, stderr=subprocess.PIPE, text=True,
        check=False,
    )  # fmt: skip
    os.close(writing)
    assert done.returncode != 0 and not done.stderr
    assert news(scanned_once, tmp_path)


@pytest.mark.parametrize("by", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_a_scan_that_is_stopped_before_it_prints_loses_nothing(scanned_once, tmp_path, by):
    done = subprocess.run(
        [sys.executable, "-c", DIES.format(signal=by), "scan", scanned_once, "--state", tmp_path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in (-getattr(signal, by), 130) and not done.stdout
    assert news(scanned_once, tmp_path)
    assert not news(scanned_once, tmp_path)


def test_an_error_after_the_ledger_was_written_hides_nothing(scanned_once, tmp_path):
    """Savings that cannot be verified are a note; any other error leaves the news for the next scan."""
    for raised, code in (("focuswatch.errors.QueryError('no')", 0), ("RuntimeError('no')", 1)):
        state = tmp_path / str(code)
        broken = (
            "import focuswatch.errors, focuswatch.detect.scan\nfrom focuswatch.cli import main\n"
            f"def broken(*_, **__): raise {raised}\nfocuswatch.scan.verify_saved = broken\nmain()"
        )
        done = subprocess.run(
            [sys.executable, "-c", broken, "scan", scanned_once, "--state", state], capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        assert bool(news(scanned_once, state)) == bool(code)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("format", ["table", "json", "slack"])
def test_any_encoding_of_the_output_works(scanned_once, tmp_path, encoding, format):
    """What it lacks is marked in a table and escaped in JSON, and the news is told."""
    done = subprocess.run(
        [FOCUSWATCH, "scan", scanned_once, "--state", tmp_path, "--format", format],
        capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": encoding},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    if format != "table":
        assert json.loads(done.stdout.decode(encoding))
    assert not news(scanned_once, tmp_path)
