"""A refresh reads only changed files, and leaves a consistent state wherever it is interrupted."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from focuswatch.errors import ExportError
from tests.given.exports import HOURLY, Reader, deliver, read, write

FORMATS = ("parquet", "csv", "csv.gz")


def hourly(cost):
    return {**HOURLY, "BilledCost": cost}


@pytest.fixture
def export(tmp_path):
    """Write two billing periods of hourly charges."""
    deliver(tmp_path / "focus", hourly("1"), period="2026-04")
    deliver(tmp_path / "focus", hourly("2"), period="2026-05")
    return tmp_path / "focus"


def test_refresh_without_changes_reads_no_file(export, tmp_path):
    """It only lists the files."""
    reader = read(export, tmp_path / "state")
    before = {name: (reader.state / name).stat().st_mtime_ns for name in reader.stored() if "part-" in name}
    again = reader.refresh()
    assert (again.changed, again.unchanged) == ((), ("2026-04", "2026-05"))
    assert again.summary.charges == 2
    assert reader.billed() == 3.0
    assert reader.said[-1] == "0 of 2 deliveries changed: 0 files, 0.00 GiB to read"
    assert {name: (reader.state / name).stat().st_mtime_ns for name in before} == before


def test_only_the_changed_period_is_folded_again(export, tmp_path):
    """The files of the other period are unchanged."""
    reader = read(export, tmp_path / "state")
    kept = [path for path in reader.state.rglob("part-*") if path.parent.name.startswith("2026-04")]
    deliver(export, hourly("2"), hourly("5"), period="2026-05")
    again = reader.refresh()
    assert (again.changed, again.unchanged) == (("2026-05",), ("2026-04",))
    assert reader.billed() == 8.0
    assert all(path.exists() for path in kept)
    assert len(list(reader.state.rglob("part-*"))) == 2  # the old charges of 2026-05 were deleted


@pytest.mark.parametrize("format_", FORMATS)
def test_digest_changes_with_the_data(tmp_path, format_):
    """Without a change, the digest stays the same."""
    path = write(tmp_path / f"a.{format_}")
    reader = read(path, tmp_path / "state")
    first = reader.refresh().summary.data_digest
    assert reader.refresh().summary.data_digest == first
    write(path, {"BilledCost": "7"})
    assert reader.refresh().summary.data_digest != first
    assert reader.billed() == 7.0


def test_period_missing_from_the_export_is_dropped(export, tmp_path):
    """It stays in the delivery history."""
    reader = read(export, tmp_path / "state")
    shutil.rmtree(export / "data/billing_period=2026-04")
    shutil.rmtree(export / "metadata/billing_period=2026-04")
    reader.refresh()
    assert reader.billed() == 2.0
    assert len(list(reader.state.rglob("part-*"))) == 1
    assert reader.query("SELECT billing_period, charges FROM deliveries") == [
        (date(2026, 4, 1), 1),
        (date(2026, 5, 1), 1),
    ]


def test_history_keeps_each_delivery(tmp_path):
    """A decrease is computed from the previous delivery; a refresh without changes adds no entry."""
    source = tmp_path / "focus"
    for day, charges in ((2, 3), (3, 5), (4, 1)):
        path = deliver(source, *[hourly("2")] * charges, period="2026-05")
        manifest = next(source.rglob("*-Manifest.json"))
        delivered = datetime(2026, 5, day, 6, tzinfo=UTC).timestamp()
        os.utime(manifest, (delivered, delivered))
        os.utime(path, (delivered, delivered))
        reader = Reader(source, tmp_path / "state")
        reader.refresh()
        reader.refresh()
    assert reader.query("SELECT billing_period, delivered_at, charges, billed_cost FROM deliveries") == [
        (date(2026, 5, 1), datetime(2026, 5, 2, 6), 3, 6.0),
        (date(2026, 5, 1), datetime(2026, 5, 3, 6), 5, 10.0),
        (date(2026, 5, 1), datetime(2026, 5, 4, 6), 1, 2.0),
    ]
    refreshed = reader.query("SELECT refreshed_at FROM deliveries")
    assert refreshed == sorted(refreshed)


def test_flat_files_of_one_period_are_one_delivery(tmp_path):
    """The charges of a period are counted over all its files."""
    folder = tmp_path / "bill"
    write(folder / "a.csv", {}, {"BillingPeriodStart": "2026-04-01"})
    write(folder / "b.csv")
    reader = read(folder, tmp_path / "state")
    assert reader.query("SELECT billing_period, charges, billed_cost FROM deliveries") == [
        (date(2026, 4, 1), 1, 1.0),
        (date(2026, 5, 1), 2, 2.0),
    ]


def test_empty_delivery_is_recorded(tmp_path):
    """An empty delivery reduces a period to nothing."""
    source = tmp_path / "focus"
    deliver(source, period="2026-04")
    deliver(source, period="2026-05").unlink()
    manifest = source / "metadata/billing_period=2026-05/focus-Manifest.json"
    manifest.write_text('{"dataFiles": []}')
    reader = read(source, tmp_path / "state")
    assert reader.query("SELECT billing_period, charges FROM deliveries") == [
        (date(2026, 4, 1), 1),
        (date(2026, 5, 1), 0),
    ]


def test_progress_states_the_files_before_they_are_read(export, tmp_path):
    """Their number and size are reported before the first file is opened."""
    reader = Reader(export, tmp_path / "state")
    for file in export.rglob("*.parquet"):
        file.write_bytes(b"PAR1")
    with pytest.raises(ExportError):
        reader.refresh()
    assert reader.said == ["2 of 2 deliveries changed: 2 files, 0.00 GiB to read"]


def test_failed_refresh_leaves_the_state_unchanged(export, tmp_path):
    """A valid period is already folded when the invalid period fails."""
    reader = read(export, tmp_path / "state")
    before = reader.stored()
    deliver(export, hourly("7"), period="2026-04")
    path = deliver(export, hourly("9"), period="2026-05")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ExportError, match="truncated"):
        reader.refresh()
    assert reader.stored() == before


KILLED = """
import os, signal, sys
from pathlib import Path
from focuswatch.bill.refresh import read_fold_and_store_local_delivery as units
from tests.given.exports import Reader

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

place, source, state = sys.argv[1:]
module = sys.modules["focuswatch.bill.refresh.local_refresh"]
if place == "while folding":
    units.probe_services = die
if place == "before the index":
    module.store_index = die
if place == "after the index":
    store_index = module.store_index
    module.store_index = lambda *arguments: (store_index(*arguments), die())
Reader(Path(source), Path(state)).refresh()
"""


@pytest.mark.parametrize("place", ["while folding", "before the index", "after the index"])
def test_killed_refresh_leaves_a_valid_state(export, tmp_path, place):
    """Files in the index are complete, and the next refresh removes the others."""
    reader = read(export, tmp_path / "state")
    before = reader.stored()
    deliver(export, hourly("4"), period="2026-05")
    command = [sys.executable, "-c", KILLED, place, str(export), str(reader.state)]
    assert subprocess.run(command, cwd=Path.cwd(), check=False).returncode == -9
    left = reader.stored()
    if place != "after the index":
        assert before.items() <= left.items()
    assert left != before
    assert reader.refresh().changed == (("2026-05",) if place != "after the index" else ())
    assert reader.billed() == 5.0
    assert len(list(reader.state.rglob("part-*"))) == 2
    assert not list(reader.state.rglob("unfinished-*"))


def test_files_folded_by_another_version_are_folded_again(export, tmp_path, monkeypatch):
    """This happens after an upgrade of focuswatch. The delivery history is kept."""
    reader = read(export, tmp_path / "state")
    monkeypatch.setattr(sys.modules["focuswatch.bill.refresh.local_refresh"], "READING_VERSION", "another")
    assert reader.refresh().changed == ("2026-04", "2026-05")
    assert reader.query("SELECT count(*) FROM deliveries") == [(2,)]


def test_deleted_folded_charges_are_created_again(export, tmp_path):
    reader = read(export, tmp_path / "state")
    shutil.rmtree(next(reader.state.rglob("part-*")).parent)
    assert len(reader.refresh().changed) == 1
    assert reader.billed() == 3.0


def test_damaged_index_is_refused(export, tmp_path):
    """focuswatch does not guess its content."""
    reader = read(export, tmp_path / "state")
    (reader.state / "export.json").write_text("{")
    with pytest.raises(
        ExportError,
        match=r"export\.json is damaged: focuswatch cannot read the index of the last scan\. Delete this file",
    ):
        reader.refresh()


def test_moved_export_is_recognized(export, tmp_path):
    """The same files in another folder are the same export."""
    reader = read(export, tmp_path / "state")
    moved = Reader(export.rename(tmp_path / "moved"), reader.state)
    assert moved.refresh().changed == ()
    assert moved.billed() == 3.0


def test_periods_of_several_formats_are_read(tmp_path):
    """The settings of the export changed; each period is read in its format."""
    for period, row, format_ in (
        ("2026-03", {}, "parquet"),
        ("2026-04", HOURLY, "parquet"),
        ("2026-05", HOURLY, "csv.gz"),
        ("2026-06", {}, "csv"),
    ):
        path = tmp_path / f"data/billing_period={period}/focus-00001.{format_}"
        write(path, {**row, "BillingPeriodStart": f"{period}-01"})
    reader = Reader(tmp_path / "data", tmp_path / "state")
    assert reader.refresh().grain == "HOURLY"
    assert reader.billed() == 4.0
    folded = {path.parent.name[:7] for path in reader.state.rglob("part-*")}
    assert folded == {"2026-04", "2026-05", "2026-06"}


def test_large_parquet_file_is_folded_by_row_group(tmp_path, monkeypatch):
    """Each row is counted once; a day in two row groups has two rows."""
    path = write(tmp_path / "given.parquet", without=["ChargePeriodStart"])
    grouped = tmp_path / "a.parquet"
    hours = "TIMESTAMP '2026-05-01' + INTERVAL 1 HOUR * (hours % 720) AS ChargePeriodStart"
    Reader.connection.execute(
        f"COPY (SELECT *, {hours} FROM read_parquet('{path}'), range(5000) AS given (hours)) "
        f"TO '{grouped}' (FORMAT parquet, ROW_GROUP_SIZE 2048)"
    )
    monkeypatch.setattr("focuswatch.bill.refresh.fold_to_daily_parquet.PIECE_ROWS", 2000)
    reader = read(grouped, tmp_path / "state")
    assert len(list(reader.state.rglob("part-*"))) == 3
    assert reader.query("SELECT sum(charges), sum(BilledCost), min(charges) > 1 FROM folded_charges") == [
        (5000, 5000.0, True)
    ]


def test_hundreds_of_files_are_read_in_one_statement(tmp_path):
    """One statement reads all footers, and one view reads all charges."""
    folder = tmp_path / "data/billing_period=2026-05"
    path = write(folder / "focus-00000.parquet")
    for number in range(1, 300):
        shutil.copy(path, folder / f"focus-{number:05}.parquet")
    reader = read(tmp_path / "data", tmp_path / "state")
    assert reader.billed() == 300.0
