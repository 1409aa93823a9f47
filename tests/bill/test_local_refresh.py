"""Only what changed is read, and whenever a refresh ends, what it leaves is whole."""

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
    """Two billing periods by the hour."""
    deliver(tmp_path / "focus", hourly("1"), period="2026-04")
    deliver(tmp_path / "focus", hourly("2"), period="2026-05")
    return tmp_path / "focus"


def test_a_refresh_with_nothing_new_reads_no_file(export, tmp_path):
    """The charges are known already; only the names are looked at."""
    reader = read(export, tmp_path / "state")
    before = {name: (reader.state / name).stat().st_mtime_ns for name in reader.stored() if "part-" in name}
    again = reader.refresh()
    assert (again.changed, again.unchanged) == ((), ("2026-04", "2026-05"))
    assert again.summary.charges == 2
    assert reader.billed() == 3.0
    assert reader.said[-1] == "0 of 2 deliveries changed: 0 files, 0.00 GiB to read"
    assert {name: (reader.state / name).stat().st_mtime_ns for name in before} == before


def test_only_the_period_that_changed_is_folded_again(export, tmp_path):
    """The other one's file is the very same."""
    reader = read(export, tmp_path / "state")
    kept = [path for path in reader.state.rglob("part-*") if path.parent.name.startswith("2026-04")]
    deliver(export, hourly("2"), hourly("5"), period="2026-05")
    again = reader.refresh()
    assert (again.changed, again.unchanged) == (("2026-05",), ("2026-04",))
    assert reader.billed() == 8.0
    assert all(path.exists() for path in kept)
    assert len(list(reader.state.rglob("part-*"))) == 2  # of 2026-05 the new one alone


@pytest.mark.parametrize("format_", FORMATS)
def test_the_digest_changes_when_the_data_does(tmp_path, format_):
    """And is the same on another machine's copy of the same state of files."""
    path = write(tmp_path / f"a.{format_}")
    reader = read(path, tmp_path / "state")
    first = reader.refresh().summary.data_digest
    assert reader.refresh().summary.data_digest == first
    write(path, {"BilledCost": "7"})
    assert reader.refresh().summary.data_digest != first
    assert reader.billed() == 7.0


def test_a_period_that_vanished_is_dropped(export, tmp_path):
    """What the export no longer holds is no longer true; that it was there stays told."""
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


def test_every_delivery_of_a_period_stays_in_the_history(tmp_path):
    """A period that shrank is told from what it was before; a refresh without news adds nothing."""
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
    """A period's charges are counted over all files that hold some of it."""
    folder = tmp_path / "bill"
    write(folder / "a.csv", {}, {"BillingPeriodStart": "2026-04-01"})
    write(folder / "b.csv")
    reader = read(folder, tmp_path / "state")
    assert reader.query("SELECT billing_period, charges, billed_cost FROM deliveries") == [
        (date(2026, 4, 1), 1, 1.0),
        (date(2026, 5, 1), 2, 2.0),
    ]


def test_a_period_delivered_without_charges_is_told_too(tmp_path):
    """An empty delivery is how a period shrinks to nothing."""
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


def test_what_is_said_before_reading_is_what_will_be_read(export, tmp_path):
    """How many files and how much, before the first of them is opened."""
    reader = Reader(export, tmp_path / "state")
    for file in export.rglob("*.parquet"):
        file.write_bytes(b"PAR1")
    with pytest.raises(ExportError):
        reader.refresh()
    assert reader.said == ["2 of 2 deliveries changed: 2 files, 0.00 GiB to read"]


def test_a_refresh_that_fails_leaves_the_state_byte_for_byte(export, tmp_path):
    """One period is fine and folded already when the other proves broken."""
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
from focuswatch.bill.ingest import read_units as units
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
    module.store_index = lambda *given: (store_index(*given), die())
Reader(Path(source), Path(state)).refresh()
"""


@pytest.mark.parametrize("place", ["while folding", "before the index", "after the index"])
def test_a_refresh_that_is_killed_leaves_a_state_that_works(export, tmp_path, place):
    """Power fails: what stands in the index is whole, and the next refresh cleans up."""
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


def test_what_another_way_of_reading_left_is_read_anew(export, tmp_path, monkeypatch):
    """After an update of focuswatch; the history is kept."""
    reader = read(export, tmp_path / "state")
    monkeypatch.setattr(sys.modules["focuswatch.bill.refresh.local_refresh"], "READING", "another")
    assert reader.refresh().changed == ("2026-04", "2026-05")
    assert reader.query("SELECT count(*) FROM deliveries") == [(2,)]


def test_folded_charges_that_were_lost_are_made_again(export, tmp_path):
    """Somebody cleaned up."""
    reader = read(export, tmp_path / "state")
    shutil.rmtree(next(reader.state.rglob("part-*")).parent)
    assert len(reader.refresh().changed) == 1
    assert reader.billed() == 3.0


def test_a_damaged_index_is_refused_by_name(export, tmp_path):
    """It is never guessed what it said."""
    reader = read(export, tmp_path / "state")
    (reader.state / "export.json").write_text("{")
    with pytest.raises(
        ExportError,
        match=r"export\.json: is damaged; expected the index of an earlier scan\. Delete the file",
    ):
        reader.refresh()


def test_an_export_may_move(export, tmp_path):
    """The same files in another place are the same export."""
    reader = read(export, tmp_path / "state")
    moved = Reader(export.rename(tmp_path / "moved"), reader.state)
    assert moved.refresh().changed == ()
    assert moved.billed() == 3.0


def test_days_hours_and_text_stand_side_by_side(tmp_path):
    """A payer who changed the export's settings: each period is read as it is."""
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


def test_a_large_parquet_file_is_folded_by_its_row_groups(tmp_path, monkeypatch):
    """Every row once, whatever the pieces; what a piece cannot see of a day is another row of it."""
    path = write(tmp_path / "given.parquet", without=["ChargePeriodStart"])
    grouped = tmp_path / "a.parquet"
    hours = "TIMESTAMP '2026-05-01' + INTERVAL 1 HOUR * (hours % 720) AS ChargePeriodStart"
    Reader.connection.execute(
        f"COPY (SELECT *, {hours} FROM read_parquet('{path}'), range(5000) AS given (hours)) "
        f"TO '{grouped}' (FORMAT parquet, ROW_GROUP_SIZE 2048)"
    )
    monkeypatch.setattr("focuswatch.bill.refresh.local_folding.PIECE_ROWS", 2000)
    reader = read(grouped, tmp_path / "state")
    assert len(list(reader.state.rglob("part-*"))) == 3
    assert reader.query("SELECT sum(charges), sum(BilledCost), min(charges) > 1 FROM folded_charges") == [
        (5000, 5000.0, True)
    ]


def test_hundreds_of_files_are_read_at_once(tmp_path):
    """Their footers in one statement, their charges in one view."""
    folder = tmp_path / "data/billing_period=2026-05"
    path = write(folder / "focus-00000.parquet")
    for number in range(1, 300):
        shutil.copy(path, folder / f"focus-{number:05}.parquet")
    reader = read(tmp_path / "data", tmp_path / "state")
    assert reader.billed() == 300.0
