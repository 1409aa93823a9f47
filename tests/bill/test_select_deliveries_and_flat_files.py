"""Which files of a folder belong to the export, and which must not be read."""

import json
import os

import pytest

from focuswatch.bill.ingest.list_local_files import list_source
from focuswatch.bill.ingest.select_deliveries_and_flat_files import deliveries_of
from focuswatch.errors import ExportError
from tests.given.exports import deliver, read, write


def deliveries_in(source, *, warn=print):
    return deliveries_of(list_source(source, without=source / "state"), warn=warn)


def selected_files(source):
    warnings = []
    deliveries = deliveries_in(source, warn=warnings.append)
    return {one.unit: [file.path.name for file in one.files] for one in deliveries}, warnings


@pytest.mark.parametrize("part", ["", "focus", "focus/data", "focus/data/billing_period=2026-05"])
def test_export_is_found_from_its_parent_folder_to_a_period(tmp_path, part):
    """The root, the parent folder, data/ and the folder of a billing period lead to the same delivery."""
    deliver(tmp_path / "focus")
    write(tmp_path / "activity.parquet")  # a file next to the export is ignored
    assert selected_files(tmp_path / part)[0] == {"2026-05": ["focus-00001.snappy.parquet"]}


def test_folder_of_a_period_reads_only_that_period(tmp_path):
    deliver(tmp_path / "focus", period="2026-04")
    deliver(tmp_path / "focus", period="2026-05")
    assert list(selected_files(tmp_path / "focus/data/billing_period=2026-04")[0]) == ["2026-04"]
    assert list(selected_files(tmp_path / "focus/data")[0]) == ["2026-04", "2026-05"]


@pytest.mark.parametrize("folder", ["billing_period", "BILLING_PERIOD"])
def test_partition_folders_are_found_in_either_case(tmp_path, folder):
    """AWS documents upper case and delivers lower case."""
    deliver(tmp_path / "focus", folder=folder)
    assert list(selected_files(tmp_path)[0]) == ["2026-05"]


def test_manifest_address_matches_folders_in_either_case(tmp_path):
    """The address has BILLING_PERIOD=, the local copy billing_period=."""
    deliver(tmp_path / "focus")
    manifest = next(tmp_path.rglob("*-Manifest.json"))
    manifest.write_text(manifest.read_text().replace("billing_period=", "BILLING_PERIOD="))
    assert selected_files(tmp_path)[0] == {"2026-05": ["focus-00001.snappy.parquet"]}


def test_only_files_of_the_manifest_are_read(tmp_path):
    """A leftover chunk of an earlier delivery, additional files and other manifests are not data."""
    root = tmp_path / "focus"
    deliver(root)
    write(root / "data/billing_period=2026-05/focus-00002.snappy.parquet")
    metadata = root / "metadata/billing_period=2026-05"
    (metadata / "focus-Manifest-FOCUS.json").write_text(json.dumps({"dataFiles": ["s3://b/never"]}))
    (root / "data/billing_period=2026-05/focus-create-table.sql").write_text("CREATE TABLE …")
    assert selected_files(tmp_path)[0] == {"2026-05": ["focus-00001.snappy.parquet"]}


def test_only_the_newest_execution_of_a_period_is_read(tmp_path):
    """CREATE_NEW delivers the whole period each time; all executions together would count charges twice."""
    root = tmp_path / "focus"
    deliver(root, {"BilledCost": "1"}, execution="20260502T060000Z-aaaa")
    deliver(root, {"BilledCost": "3"}, execution="20260503T060000Z-0000")
    deliver(root, {"BilledCost": "5"}, period="2026-04", execution="20260502T060000Z-bbbb")
    for manifest in root.rglob("20260502T060000Z-aaaa/*-Manifest.json"):
        os.utime(manifest, (2e9, 2e9))  # the name of the folder counts, not the date of a copy
    reader = read(tmp_path, tmp_path / "state")
    assert reader.billed() == 8.0


def test_newest_execution_is_read_without_manifests(tmp_path):
    """For example, if only data/ was copied."""
    for execution in ("2026-05-02T06:00:00.000Z-aaaa", "2026-05-03T06:00:00.000Z-0000"):
        write(tmp_path / f"billing_period=2026-05/{execution}/focus-00001.snappy.parquet")
    (delivery,) = deliveries_in(tmp_path)
    assert [file.name.parts[1] for file in delivery.files] == ["2026-05-03T06:00:00.000Z-0000"]
    assert delivery.delivered_at.isoformat() == "2026-05-03T06:00:00+00:00"


def test_all_chunks_of_an_overwritten_period_are_read_without_manifests(tmp_path):
    """OVERWRITE keeps one delivery in several chunks."""
    for chunk in (1, 2):
        write(tmp_path / f"data/billing_period=2026-05/focus-0000{chunk}.snappy.parquet")
    assert len(selected_files(tmp_path)[0]["2026-05"]) == 2


def test_period_without_a_manifest_is_skipped_with_a_note(tmp_path):
    """AWS writes the manifest last, so the delivery is incomplete."""
    deliver(tmp_path / "focus", period="2026-04")
    write(tmp_path / "focus/data/billing_period=2026-05/focus-00001.snappy.parquet")
    units, warnings = selected_files(tmp_path)
    assert list(units) == ["2026-04"]
    assert "2026-05 is skipped, because its manifest is missing" in warnings[0]


def test_two_exports_in_one_folder_are_refused(tmp_path):
    """Both contain the same bill, so charges would be counted twice."""
    deliver(tmp_path / "focus-daily")
    deliver(tmp_path / "focus-hourly")
    with pytest.raises(ExportError, match="found two exports, focus-daily and focus-hourly"):
        selected_files(tmp_path)


def test_missing_listed_file_is_refused(tmp_path):
    """An incomplete month would look like a cost decrease."""
    deliver(tmp_path / "focus", listed=("focus-00001.snappy.parquet", "focus-00002.snappy.parquet"))
    with pytest.raises(
        ExportError, match=r"Manifest\.json: the manifest lists s3://.*focus-00002.*Copy the export"
    ):
        selected_files(tmp_path)


@pytest.mark.parametrize("text", ["{", "{}", '{"dataFiles": "x"}'])
def test_damaged_manifest_is_refused(tmp_path, text):
    """The manifest decides which files are read."""
    deliver(tmp_path / "focus")
    next(tmp_path.rglob("*-Manifest.json")).write_text(text)
    with pytest.raises(ExportError, match=r"focus-Manifest\.json is not an AWS Data Exports manifest"):
        selected_files(tmp_path)


def test_folder_without_manifests_is_read_file_by_file(tmp_path):
    """Files of several formats are read, in subfolders too; other files are ignored."""
    folder = tmp_path / "bill"
    write(folder / "a.parquet", {"ResourceId": "i-a"})
    write(folder / "2026/b.csv", {"ResourceId": "i-b"})
    write(folder / "2026/c.csv.gz", {"ResourceId": "i-c"})
    for name in ("README.md", "_SUCCESS", ".DS_Store", "export-Manifest.json", "2026/.b.csv.crc"):
        (folder / name).write_text("{}")
    assert list(selected_files(folder)[0]) == ["2026/b.csv", "2026/c.csv.gz", "a.parquet"]
    assert read(folder, tmp_path / "state").billed() == 3.0


def test_file_names_are_neither_patterns_nor_sql(tmp_path):
    """Names may contain quotes, brackets, asterisks and emoji."""
    folder = tmp_path / "a[b] 'q' {x} 🙂"
    write(folder / "*.parquet", {"BilledCost": "1"})
    write(folder / "y=1" / "?.csv", {"BilledCost": "2"})
    write(folder / "[c].csv.gz", {"BilledCost": "4"})
    write(tmp_path / "ab 'q' {x} 🙂" / "a.parquet", {"BilledCost": "8"})
    assert read(folder, tmp_path / "state 'q' 🙂").billed() == 7.0


def test_state_inside_the_export_folder_is_not_read(tmp_path):
    write(tmp_path / "a.csv")
    reader = read(tmp_path, tmp_path / "state")
    assert reader.refresh().changed == ()
    assert reader.billed() == 1.0


def test_linked_folder_is_read_once_and_a_cycle_ends(tmp_path):
    """Months may be on another disk, and a link may lead to its own parent folder."""
    write(tmp_path / "elsewhere" / "a.csv")
    folder = tmp_path / "bill"
    folder.mkdir()
    (folder / "one").symlink_to(tmp_path / "elsewhere")
    (folder / "two").symlink_to(tmp_path / "elsewhere")
    (folder / "self").symlink_to(folder)
    assert list(selected_files(folder)[0]) == ["one/a.csv"]


def test_unreadable_folder_is_refused(tmp_path, monkeypatch):
    """Otherwise each sum would lack its files."""
    write(tmp_path / "locked" / "a.csv")
    write(tmp_path / "b.csv")
    scandir = os.scandir

    def guarded(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    with pytest.raises(ExportError, match="locked cannot be listed: Permission denied"):
        selected_files(tmp_path)


def test_single_file_is_an_export(tmp_path):
    """Other files in its folder are not read."""
    write(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"")
    assert selected_files(tmp_path / "a.parquet")[0] == {"a.parquet": ["a.parquet"]}


@pytest.mark.parametrize("name", ["", "nowhere"])
def test_folder_without_data_and_missing_path_are_refused(tmp_path, name):
    """An export without files is an error, not an empty bill."""
    with pytest.raises(ExportError, match="found no data files|no such file or folder"):
        selected_files(tmp_path / name)
