"""Charges that are in several files are counted once; different charges that look alike are all counted."""

import itertools
import shutil

import pytest

from focuswatch.errors import ExportError
from tests.given.exports import Reader, deliver, read, write

COPIES = (
    "may (1).csv",
    "may copy.csv",
    "Copy of may.csv",
    "may-2.csv",
    "0.csv",
    "ordner/may.csv",
    "may.CSV",
    "may.csv.2",
)
OTHER_FILES = (
    "may.csv.crc", "may.csv.md5", "may.csv.sha256", "may.csv.tmp", "may.csv.part", "may.csv.bak", "may.csv~",
    ".may.csv", "_may.csv", "._may.csv", "_SUCCESS", ".DS_Store", "_temporary/0/may.csv", "may.csv.old",
)  # fmt: skip


def rows(
    days=range(1, 11), accounts=("111111111111", "222222222222"), hours=(None,), services=("EC2", "S3", "RDS")
):
    """Return charges for each combination of the arguments, with different costs."""
    result = []
    for place, (day, account, hour, service, number) in enumerate(
        itertools.product(days, accounts, hours, services, range(2))
    ):
        start = f"2026-05-{day:02} {hour or 0:02}:00:00"
        end = f"2026-05-{day:02} {hour:02}:59:59" if hour is not None else f"2026-05-{day + 1:02} 00:00:00"
        result.append(
            {
                "ChargePeriodStart": start,
                "ChargePeriodEnd": end,
                "SubAccountId": account,
                "ServiceName": service,
                "ResourceId": f"{service}-{number}",
                "BilledCost": str(1 + (place * 7919 % 1000) / 100),
                "EffectiveCost": str(1 + (place * 104729 % 1000) / 100),
            }
        )
    return result


def total(charges):
    return sum(float(charge["BilledCost"]) for charge in charges)


def warnings_and_total(source, tmp_path, state="state"):
    """Refresh twice, and return the warnings, the total of the bill and the result."""
    reader = read(source, tmp_path / state)
    refreshed = reader.refresh()  # with the state of the first refresh
    return " | ".join(refreshed.summary.warnings), pytest.approx(reader.billed()), refreshed


@pytest.mark.parametrize("name", COPIES)
def test_copy_under_another_name_is_counted_once_with_a_note(tmp_path, name):
    """For example, a file that was downloaded twice or copied in a file manager."""
    folder = tmp_path / "bill"
    path = write(folder / "may.csv", *rows())
    (folder / name).parent.mkdir(exist_ok=True)
    shutil.copy(path, folder / name)
    note, billed, refreshed = warnings_and_total(folder, tmp_path)
    assert billed == total(rows())
    assert refreshed.summary.charges == len(rows())
    assert "contains the same charges as" in note
    assert name in note


@pytest.mark.parametrize("formats", [*itertools.permutations(("csv", "csv.gz", "parquet"), 2)])
@pytest.mark.parametrize("hours", [(None,), range(0, 24, 3)])
def test_same_rows_in_another_format_are_counted_once(tmp_path, formats, hours):
    """The copy may be compressed, converted, or have its rows in another order."""
    folder = tmp_path / "bill"
    inputs = rows(range(1, 5), hours=hours)
    write(folder / f"may.{formats[0]}", *inputs)
    write(folder / f"other.{formats[1]}", *reversed(inputs))
    note, billed, _ = warnings_and_total(folder, tmp_path)
    assert billed == total(inputs)
    assert (
        f"other.{formats[1]} contains the same charges as may.{formats[0]}; these charges are counted once"
        in note
        or (f"may.{formats[0]} contains the same charges as other.{formats[1]}" in note)
    )


def test_three_copies_are_counted_once(tmp_path):
    """The note of each copy names the counted file; if that file is deleted, another copy is counted."""
    folder = tmp_path / "bill"
    for name in ("a.csv", "bb.csv", "ccc.csv"):
        write(folder / name, *rows())
    note, billed, _ = warnings_and_total(folder, tmp_path)
    assert billed == total(rows())
    assert note.count("as a.csv; these charges are counted once") == 2
    (folder / "a.csv").unlink()
    note, billed, _ = warnings_and_total(folder, tmp_path)
    assert billed == total(rows())
    assert note == "ccc.csv contains the same charges as bb.csv; these charges are counted once"
    (folder / "bb.csv").unlink()
    assert warnings_and_total(folder, tmp_path)[:2] == ("", total(rows()))


@pytest.mark.parametrize("name", OTHER_FILES)
def test_other_files_are_not_counted_and_possible_data_is_noted(tmp_path, name):
    """They are not counted even if they contain the same bytes. Files of Spark and macOS are not noted."""
    folder = tmp_path / "bill"
    path = write(folder / "may.csv", *rows())
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, folder / name)
    note, billed, _ = warnings_and_total(folder, tmp_path)
    assert billed == total(rows())
    is_system_file = name in ("_SUCCESS", ".DS_Store", "._may.csv")
    assert note == "" if is_system_file else f"skipped files that are not export data: {name} (" in note


def test_unrelated_json_is_skipped_with_a_note_and_refused_if_it_is_the_only_file(tmp_path):
    """For example, settings of a tool."""
    folder = tmp_path / "bill"
    path = write(folder / "may.csv", *rows())
    (folder / "settings.json").write_text('{"a": 1}')
    note, billed, _ = warnings_and_total(folder, tmp_path)
    assert (note, billed) == ("skipped files that are not export data: settings.json (JSON)", total(rows()))
    path.unlink()
    with pytest.raises(ExportError, match=r"settings\.json is a JSON file"):
        read(folder, tmp_path / "other")


def test_copy_in_the_folder_of_a_period_is_counted_once(tmp_path):
    """Without a manifest, it is unknown which files belong to the delivery."""
    path = write(tmp_path / "data/billing_period=2026-05/focus-00001.snappy.parquet", *rows())
    shutil.copy(path, path.with_name("focus-00001.snappy (1).parquet"))
    write(
        tmp_path / "data/billing_period=2026-04/focus-00001.snappy.parquet",
        {"BillingPeriodStart": "2026-04-01"},
    )
    note, billed, _ = warnings_and_total(tmp_path / "data", tmp_path)
    assert billed == total(rows()) + 1
    assert "focus-00001.snappy (1).parquet contains the same charges as" in note


def test_copy_that_the_manifest_does_not_list_is_not_read(tmp_path):
    path = deliver(tmp_path / "focus", *rows())
    shutil.copy(path, path.with_name("copy.parquet"))
    assert warnings_and_total(tmp_path / "focus", tmp_path)[:2] == ("", total(rows()))


def hourly_of(daily):
    """Return the same costs as charges of four hours each day."""
    return [
        {
            **row,
            "ChargePeriodStart": row["ChargePeriodStart"].replace("00:00:00", f"{hour:02}:00:00"),
            "ChargePeriodEnd": row["ChargePeriodStart"].replace("00:00:00", f"{hour + 1:02}:00:00"),
            "BilledCost": str(float(row["BilledCost"]) / 4),
            "EffectiveCost": str(float(row["EffectiveCost"]) / 4),
        }
        for row in daily
        for hour in range(4)
    ]


def monthly_of(daily):
    """Return the same costs as one charge a month for each resource."""
    sums = {}
    for row in daily:
        key = (row["SubAccountId"], row["ServiceName"], row["ResourceId"])
        kept = sums.setdefault(
            key,
            {
                **row,
                "ChargePeriodStart": "2026-05-01",
                "ChargePeriodEnd": "2026-06-01",
                "BilledCost": "0",
                "EffectiveCost": "0",
            },
        )
        for cost in ("BilledCost", "EffectiveCost"):
            kept[cost] = str(float(kept[cost]) + float(row[cost]))
    return list(sums.values())


@pytest.mark.parametrize("format_", ["csv", "parquet"])
@pytest.mark.parametrize(
    "others",
    [
        hourly_of(rows()),
        monthly_of(rows()),
        rows(range(1, 6)),
        rows()[: len(rows()) // 2] + rows(range(11, 15)),
        [row for row in rows() if row["SubAccountId"] == "222222222222"]
        + rows(range(1, 4), accounts=("3" * 12,)),
        [row for row in rows() if row["ServiceName"] == "EC2"],
        rows()[:-3],
        [*rows(), {"ResourceId": "i-late", "ChargePeriodStart": "2026-05-09 00:00:00"}],
    ],
    ids=[
        "hourly",
        "monthly",
        "half a month",
        "shifted",
        "another account too",
        "a service",
        "some missing",
        "one more",
    ],
)
def test_overlapping_exports_are_refused_with_both_names(tmp_path, format_, others):
    """For example, a daily and an hourly export of one month, or a filtered or older export."""
    folder = tmp_path / "bill"
    first = write(folder / f"may.{format_}", *rows())
    second = write(folder / f"other.{format_}", *others)
    with pytest.raises(ExportError, match="contain the same charges .* Remove one of the files") as caught:
        read(folder, tmp_path / "state")
    assert str(first) in str(caught.value)
    assert str(second) in str(caught.value)
    assert Reader(folder, tmp_path / "state").stored() == {}
    second.unlink()
    assert read(folder, tmp_path / "state").billed() == pytest.approx(total(rows()))


def test_executions_without_manifest_or_period_folder_are_refused(tmp_path):
    """CREATE_NEW delivers the whole period each time, and it is unknown which of the copied folders is the newest."""
    for place, days in (("20260509T060000Z-a", range(1, 9)), ("20260510T060000Z-b", range(1, 10))):
        write(tmp_path / "bill" / place / "focus-00001.snappy.parquet", *rows(days))
    with pytest.raises(ExportError, match="contain the same charges"):
        read(tmp_path / "bill", tmp_path / "state")


EQUAL_COSTS = [{**row, "BilledCost": "2.4", "EffectiveCost": "2.4"} for row in rows(hours=range(0, 24, 6))]


@pytest.mark.parametrize("format_", ["csv", "parquet"])
@pytest.mark.parametrize(
    "parts",
    [
        [rows(range(1, 6)), rows(range(6, 11))],
        [rows(accounts=("1" * 12,)), rows(accounts=("2" * 12,))],
        [rows()[0::2], rows()[1::2]],
        [rows()[: len(rows()) // 2 + 3], rows()[len(rows()) // 2 + 3 :]],
        [EQUAL_COSTS[0::2], EQUAL_COSTS[1::2]],
        [
            [row for row in EQUAL_COSTS if f" {hour:02}:" in row["ChargePeriodStart"]]
            for hour in (0, 6, 12, 18)
        ],
        [[row for row in EQUAL_COSTS if row["ResourceId"].endswith(end)] for end in ("-0", "-1")],
    ],
    ids=[
        "days",
        "accounts",
        "every other row",
        "within a day",
        "of equal cost",
        "a file an hour",
        "equal resources",
    ],
)
def test_parts_of_one_bill_are_all_counted(tmp_path, format_, parts):
    """This includes parts that look alike: an instance costs the same each hour, and so does another of its type."""
    folder = tmp_path / "bill"
    for place, part in enumerate(parts):
        write(folder / f"{place}.{format_}", *part)
    note, billed, _ = warnings_and_total(folder, tmp_path)
    assert (note, billed) == ("", total([row for part in parts for row in part]))
