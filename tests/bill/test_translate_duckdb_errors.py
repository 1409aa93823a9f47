"""A file that cannot be read is refused with an error that says what was found and expected; nothing is stored."""

import gzip
import json
import os
import re
import zipfile

import duckdb
import pytest

from focuswatch.bill.ingest.translate_duckdb_errors import export_error
from focuswatch.bill.refresh.read_fold_and_store_local_delivery import UnitReader
from focuswatch.bill.schema.columns_of_all_tables import FOLDED_CHARGES
from focuswatch.errors import ExportError
from tests.given.exports import HOURLY, Reader, read, write


def error_of(source, tmp_path):
    """Return the error with which `source` is refused, and check that the state stays empty."""
    reader = Reader(source, tmp_path / "state")
    with pytest.raises(ExportError) as caught:
        reader.refresh()
    assert reader.stored() == {}
    text = str(caught.value)
    assert "\n" not in text
    return text


def many(count, **row):
    return [{"ResourceId": f"i-{number:032}", **row} for number in range(count)]


@pytest.mark.parametrize("format_", ["parquet", "csv", "csv.gz"])
def test_missing_required_column_is_an_error(tmp_path, format_):
    """The error lists all missing columns and the columns of the file."""
    path = write(tmp_path / f"a.{format_}", without=["EffectiveCost", "RegionId"])
    text = error_of(path, tmp_path)
    assert text.startswith(
        f"{path} lacks EffectiveCost, and for AWS charges RegionId; found 13 columns (BilledCost, "
    )
    assert (
        "expected FOCUS 1.0 to 1.4. The columns match FOCUS 1.2; focuswatch requires the columns BilledCost, "
        in text
    )


@pytest.mark.parametrize(
    ("column", "version"),
    [("ServiceProviderName", "1.3"), ("InvoiceDetailId", "1.4"), ("x_own", "1.0")],
)
def test_the_error_for_a_missing_column_names_the_version_of_the_file(tmp_path, column, version):
    path = write(tmp_path / "a.csv", types={column: "VARCHAR"}, without=["ServiceName", "SkuMeter"])
    assert f"The columns match FOCUS {version}; focuswatch requires the columns" in error_of(path, tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"\n \n", "has no header"),
        (json.dumps([{"BilledCost": 1}]).encode(), "is a JSON file"),
        (b' {"BilledCost": 1}', "is a JSON file"),
        (b"ORC\x0a\x0b", "is an ORC file"),
        (b"Obj\x01\x04", "is an Avro file"),
        (b"PARE" + b"\0" * 20 + b"PARE", "is an encrypted Parquet file"),
        ("BilledCost,…".encode("utf-16"), "is UTF-16 text"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "neither Parquet nor UTF-8 text"),
        ("Région,Coût\n".encode("latin-1"), "neither Parquet nor UTF-8 text"),
        (gzip.compress(b'{"BilledCost": 1}', mtime=0), "is a JSON file"),
        (gzip.compress(b"PAR1PAR1", mtime=0), "is a gzip-compressed Parquet file"),
        (b"\x1f\x8b\x08\x00garbage", "is a damaged gzip file"),
        (b"PAR1", "is a truncated Parquet file"),
    ],
)
def test_other_format_is_recognized_by_content(tmp_path, content, message):
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    assert re.match(re.escape(f"{path} ") + ".*" + message, error_of(path, tmp_path))


def test_zip_file_is_not_opened(tmp_path):
    """An Excel workbook is a zip archive too, so the content does not show which of the two it is."""
    path = tmp_path / "bill.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    assert "is a zip archive or an Excel workbook; expected Parquet, CSV or CSV.gz" in error_of(
        path, tmp_path
    )


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_format_is_recognized_despite_a_wrong_extension(tmp_path, name):
    """Tools may change or drop the file extension."""
    path = write(tmp_path / "given.parquet").rename(tmp_path / name)
    assert read(path, tmp_path / "state").billed() == 1.0
    path = write(tmp_path / "given" / name).rename(tmp_path / "b.parquet")
    assert read(path, tmp_path / "state").billed() == 1.0


@pytest.mark.parametrize("share", [0.5, 0.9, 0.999])
@pytest.mark.parametrize("hours", [{}, HOURLY])
def test_truncated_parquet_file_is_refused(tmp_path, share, hours):
    """For example, because the copy was interrupted."""
    path = write(tmp_path / "a.parquet", *many(100, **hours))
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert f"{path} is a truncated Parquet file" in error_of(path, tmp_path)


@pytest.mark.parametrize("hours", [{}, HOURLY])
def test_parquet_file_without_its_middle_is_refused(tmp_path, hours):
    """Its footer is complete and refers to missing data."""
    path = write(tmp_path / "a.parquet", *many(100, **hours))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 4] + content[len(content) // 2 :])
    assert error_of(path, tmp_path).startswith(f"{path}: the data cannot be read")


@pytest.mark.parametrize("lost", [1, 8, 9, 100, 1000])
def test_truncated_gzip_file_is_refused(tmp_path, lost):
    """This holds even if only the checksum at the end is missing."""
    path = write(tmp_path / "a.csv.gz", *many(500))
    path.write_bytes(path.read_bytes()[:-lost])
    assert f"{path}: the gzip stream ends too early" in error_of(path, tmp_path)


@pytest.mark.parametrize("lost", [4, 20, 60, 200])
@pytest.mark.parametrize("hours", [{}, HOURLY])
def test_csv_truncated_in_a_row_is_refused(tmp_path, lost, hours):
    """The row may end within tags, within a number or between two columns."""
    path = write(tmp_path / "a.csv", *many(2, **hours))
    content = path.read_bytes()
    path.write_bytes(content[:-lost])
    text = error_of(path, tmp_path)
    assert re.match(re.escape(str(path)) + r"(, line [23]: .* truncated or damaged|: Tags contains '{)", text)


@pytest.mark.parametrize("format_", ["csv", "csv.gz"])
@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("BilledCost", "1,5", "a number"),
        ("EffectiveCost", "twelve", "a number"),
        ("ChargePeriodStart", "02/05/2026", "a date and time like 2026-05-01 00:00:00"),
    ],
)
def test_invalid_value_in_csv_is_an_error_with_file_and_line(tmp_path, format_, column, value, expected):
    """The value does not become null, and the row is not skipped."""
    folder = tmp_path / "bill"
    write(folder / f"a.{format_}", types={column: "VARCHAR"})
    path = write(folder / f"b.{format_}", {}, {column: value}, types={column: "VARCHAR"})
    assert (
        error_of(folder, tmp_path)
        == f"{path}, line 3: {column} has the value '{value}'; expected {expected}. Correct the file"
    )


@pytest.mark.parametrize("format_", ["parquet", "csv"])
@pytest.mark.parametrize("hours", [{}, HOURLY])
def test_tags_that_are_not_json_are_refused(tmp_path, format_, hours):
    """A resource without its tags would have no owner."""
    path = write(
        tmp_path / f"a.{format_}", {"Tags": "{'team': 'search'}", **hours}, types={"Tags": "VARCHAR"}
    )
    assert error_of(path, tmp_path).startswith(
        f"{path}: Tags contains \"{{'team': 'search'}}\"; expected a JSON object"
    )


@pytest.mark.parametrize("hours", [{}, HOURLY])
@pytest.mark.parametrize(
    ("row", "text"),
    [
        ({"ChargePeriodStart": None}, "some charges have no ChargePeriodStart"),
        (
            {"ChargePeriodStart": None, "BillingPeriodStart": None},
            "some charges have no ChargePeriodStart",
        ),
        ({"BilledCost": "NaN"}, "BilledCost or EffectiveCost contains NaN or infinity"),
        ({"EffectiveCost": "-Infinity"}, "BilledCost or EffectiveCost contains NaN or infinity"),
    ],
)
def test_charge_without_a_day_or_a_cost_is_refused(tmp_path, hours, row, text):
    """No detection would evaluate it, or each of its sums would be null."""
    path = write(tmp_path / "a.parquet", hours, {**hours, **row})
    assert error_of(path, tmp_path).startswith(f"{path}: {text}")


@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_monthly_export_is_refused(tmp_path, format_):
    """A monthly total contains no days; a monthly fee in a daily export is valid."""
    month = {"ChargePeriodStart": "2026-05-01", "ChargePeriodEnd": "2026-06-01"}
    path = write(tmp_path / f"a.{format_}", month, {**month, "ChargeCategory": "Tax"})
    assert f"{path}: charges have monthly granularity; expected daily or hourly granularity" in error_of(
        path, tmp_path
    )
    assert read(write(path, month, {}), tmp_path / "state").refresh().grain == "DAILY"


@pytest.mark.parametrize("format_", ["parquet", "csv", "csv.gz"])
def test_file_without_rows_is_accepted_with_others_and_refused_if_it_is_the_only_file(tmp_path, format_):
    """A month that has just started has no charges yet."""
    folder = tmp_path / "bill"
    path = write(folder / f"a.{format_}", {"BilledCost": "0"})
    empty = folder / f"b.{format_}"
    if format_ == "parquet":
        columns = ", ".join(f"CAST(NULL AS {type_}) AS {name}" for name, type_ in FOLDED_CHARGES.items())
        source = f"SELECT {columns}, NULL::TIMESTAMP AS ChargePeriodStart LIMIT 0"
        Reader.connection.execute(f"COPY ({source}) TO '{empty}' (FORMAT parquet)")
    else:
        opened = gzip.open if format_ == "csv.gz" else open
        with opened(path, "rt") as inputs, opened(empty, "wt") as written:
            written.write(inputs.readline())
    assert read(folder, tmp_path / "other").refresh().summary.charges == 1
    path.unlink()
    assert f"{folder}: no charges found" in error_of(folder, tmp_path)


@pytest.mark.parametrize("day", ["0001-01-01", "1970-01-01", "2100-01-01", "9999-12-31", "infinity"])
@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_impossible_day_is_refused(tmp_path, format_, day):
    """With one charge of the year 9999, all other charges would be too old to be evaluated."""
    row = {"ChargePeriodStart": day, "ChargePeriodEnd": None}
    path = write(tmp_path / f"a.{format_}", {}, row)
    text = error_of(path, tmp_path)
    assert re.match(
        rf"{re.escape(str(path))}: some charges are dated (infinity|{day}); expected years 2000 to", text
    )


def test_impossible_billing_period_is_refused(tmp_path):
    """Deliveries are distinguished by billing period."""
    path = write(tmp_path / "a.parquet", {}, {"BillingPeriodStart": "9999-12-01"})
    assert f"{path}: some charges are dated 9999-12-01" in error_of(path, tmp_path)


@pytest.mark.parametrize(
    ("column", "type_", "value", "message"),
    [
        ("Tags", "VARCHAR", "[1]", r"Tags contains '\[1\]'; expected a JSON object or a map"),
        ("Tags", "VARCHAR", '"x"', "Tags contains '\"x\"'; expected a JSON object or a map"),
        ("Tags", "INTEGER[]", "[1]", r"Tags contains 'INTEGER\[\]'; expected a JSON object or a map"),
        ("Tags", "VARCHAR", '{"a": "b", "a": "c"}', "Tags contains the same key twice"),
        ("EffectiveCost", "VARCHAR", "much", "found the value 'much', expected a number"),
        ("EffectiveCost", "INTEGER[]", "[1]", r"EffectiveCost has the type INTEGER\[\]; expected a number"),
        (
            "ChargePeriodStart",
            "INTEGER[]",
            "[1]",
            "ChargePeriodStart has the type .*; expected a date and time",
        ),
    ],
)
def test_value_of_another_type_is_not_reported_as_damage(tmp_path, column, type_, value, message):
    """Copying the file again would not fix it."""
    path = write(tmp_path / "a.parquet", {column: value}, types={column: type_})
    assert re.search(message, error_of(path, tmp_path))


def test_csv_with_carriage_returns_only_is_an_error(tmp_path):
    """DuckDB would read it as one line without rows."""
    path = write(tmp_path / "a.csv")
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r"))
    assert "lines end with carriage returns" in error_of(path, tmp_path)


def test_row_that_is_not_utf_8_is_an_error(tmp_path):
    """The row may be anywhere in the file."""
    path = write(tmp_path / "a.csv", *many(3000), {"ServiceName": "Cafe"})
    path.write_bytes(path.read_bytes().replace(b"Cafe", b"Caf\xe9"))
    assert re.search(r"line 3002: the row is not UTF-8 text", error_of(path, tmp_path))


def test_broken_link_is_refused(tmp_path):
    """A month that was moved is missing, and must not count as empty."""
    folder = tmp_path / "bill"
    write(folder / "a.parquet")
    (folder / "b.parquet").symlink_to(tmp_path / "gone.parquet")
    assert "b.parquet is a broken symbolic link" in error_of(folder, tmp_path)


def test_full_disk_is_not_reported_as_damage():
    """This is the error of DuckDB when it cannot write."""
    error = duckdb.IOException('Could not write file "/state/a.parquet": No space left on device')
    assert "the disk that holds the state folder is full" in str(export_error(error, files=[]))


def test_file_name_that_is_not_utf_8_is_refused(tmp_path):
    """DuckDB cannot open such a file."""
    path = write(tmp_path / "bill" / "a.csv")
    path.rename(os.fsdecode(os.fsencode(path.parent) + b"/caf\xe9.csv"))
    assert "the file name is not valid UTF-8" in error_of(path.parent, tmp_path)


CUR_2 = "line_item_usage_start_date,line_item_usage_account_id,bill_payer_account_id,line_item_unblended_cost"
LEGACY_CUR = "lineItem/UsageStartDate,lineItem/UsageAccountId,bill/PayerAccountId,lineItem/UnblendedCost"
FOCUS_0_5 = (
    "BilledCost,AmortizedCost,ChargeType,BilledCurrency,Provider,Region,ChargePeriodStart,SubAccountId"
)
CONTRACT_COMMITMENT = (
    "BillingCurrency,ContractCommitmentId,ContractCommitmentCategory,ContractId,ContractPeriodStart"
)
INVOICE_DETAIL = "BilledCost,BillingCurrency,ChargeCategory,InvoiceDetailId,InvoiceDetailGrain,InvoiceId"
BILLING_PERIOD = "BillingPeriodStart,BillingPeriodEnd,BillingPeriodStatus,InvoiceIssuerName"
AZURE_EA = "InvoiceSectionName,SubscriptionId,Date,MeterCategory,MeterId,Quantity,CostInBillingCurrency"
GOOGLE = "billing_account_id,service.description,sku.id,usage_start_time,cost,currency"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (
            CUR_2,
            "is a Cost and Usage Report (CUR 2.0; line_item_… columns), not FOCUS. In AWS Data Exports, create",
        ),
        (
            LEGACY_CUR,
            "is a legacy Cost and Usage Report (lineItem/… columns), not FOCUS. In AWS Data Exports, create",
        ),
        (FOCUS_0_5, "is a FOCUS 0.5 file (column AmortizedCost or ChargeType); expected FOCUS 1.0"),
        (CONTRACT_COMMITMENT, "is the FOCUS Contract Commitment dataset. Use the Cost and Usage dataset"),
        (INVOICE_DETAIL, "is the FOCUS Invoice Detail dataset. Use the Cost and Usage dataset"),
        (BILLING_PERIOD, "is the FOCUS Billing Period dataset. Use the Cost and Usage dataset"),
        (AZURE_EA, "is an Azure cost and usage details file (EA or MCA), not FOCUS"),
        (GOOGLE, "is a Google Cloud billing export, not FOCUS"),
        ("name,email,joined", "lacks BilledCost, BillingCurrency"),
    ],
)
def test_other_billing_format_is_recognized(tmp_path, header, message):
    """The remedy differs: a CUR has no FOCUS columns to select."""
    path = tmp_path / "a.csv"
    path.write_text(header + "\n" + ",".join("x" for _ in header.split(",")) + "\n")
    assert error_of(path, tmp_path).startswith(f"{path} {message}")
    Reader.connection.execute(f"COPY (FROM read_csv('{path}')) TO '{path}.parquet' (FORMAT parquet)")
    assert error_of(f"{path}.parquet", tmp_path).startswith(f"{path}.parquet {message}")


@pytest.mark.parametrize(
    ("content", "description"),
    [
        ("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "a Git LFS pointer"),
        ("/annex/objects/SHA256E-s12345--4d7a.parquet\n", "a git-annex pointer"),
    ],
)
def test_pointer_to_a_file_is_recognized(tmp_path, content, description):
    """The checkout does not contain the file itself."""
    path = tmp_path / "a.parquet"
    path.write_text(content)
    assert error_of(path, tmp_path).startswith(f"{path} is {description}, not the data file. Run `git ")


@pytest.mark.parametrize("format_", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("days", [range(1, 11), range(1, 20)])
@pytest.mark.parametrize("hours", ["", " 07:00"])
def test_two_digit_year_is_an_error_with_its_first_line(tmp_path, format_, days, hours):
    """DuckDB reads 5/1/26 as a date in the year 5, and fails only from the 13th of a month on."""
    rows = [{"ChargePeriodStart": f"5/{day}/26{hours}", "ChargePeriodEnd": None} for day in days]
    path = write(tmp_path / f"a.{format_}", {}, *rows, types={"ChargePeriodStart": "VARCHAR"})
    line = "" if format_ == "parquet" else ", line 3"
    assert error_of(path, tmp_path) == (
        f"{path}{line}: ChargePeriodStart has the value '5/1/26{hours}'; expected a date and time like 2026-05-01 "
        "00:00:00. "
        "Correct the file"
    )


def test_mixed_line_endings_are_an_error(tmp_path):
    """For example, because two tools wrote to one file."""
    path = write(tmp_path / "a.csv", *many(12))
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"".join(line + (b"\r\n" if place < 7 else b"\n") for place, line in enumerate(lines)))
    assert error_of(path, tmp_path).startswith(f"{path}, line 8: found mixed line endings (LF and CRLF)")


def test_parquet_value_that_is_not_utf_8_is_an_error(tmp_path):
    """It is not reported as a damaged file."""
    path = write(tmp_path / "a.parquet", {"ServiceName": "Caf\u00e9"})
    path.write_bytes(path.read_bytes().replace("Caf\u00e9".encode(), b"Caf\xff\xfe"))
    text = error_of(path, tmp_path)
    assert re.search(r"the value Caf\\xFF\\xFE is not UTF-8 text", text)
    assert "damaged" not in text


@pytest.mark.parametrize("value", ["yesterday", "2026-13-01"])
def test_invalid_time_in_parquet_is_an_error(tmp_path, value):
    """It is not reported as a damaged file."""
    path = write(tmp_path / "a.parquet", {"ChargePeriodStart": value}, types={"ChargePeriodStart": "VARCHAR"})
    assert error_of(path, tmp_path) == (
        f"{path}: found the time '{value}', expected a date and time like 2026-05-01 00:00:00. Correct the file"
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("Could not write file: File too large", "exceed the system's file size limit"),
        ("Could not write file: Disk quota exceeded", "the disk quota"),
        ("Cannot open file: Read-only file system", "read-only file system"),
        ("Out of Memory Error: failed to allocate", "out of memory"),
    ],
)
def test_write_error_is_not_reported_as_damage(error, expected):
    """These errors of DuckDB concern the state folder and not the export."""
    assert expected in str(export_error(duckdb.IOException(error), files=[]))


@pytest.mark.parametrize("column", ["BilledCost", "EffectiveCost"])
@pytest.mark.parametrize("value", ["1e22", "-1e22", "1e300"])
@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_absurd_cost_is_an_error_with_its_day(tmp_path, column, value, format_):
    """Each sum that contains it would be wrong."""
    path = write(tmp_path / f"a.{format_}", {}, {column: value})
    number = value.removeprefix("-").replace("e", "e+")
    assert error_of(path, tmp_path).startswith(
        f"{path}: the sum of {column} on 2026-05-02 is {number}; expected less than"
    )


@pytest.mark.parametrize("how", ["shortened", "replaced", "removed"])
@pytest.mark.parametrize("format_", ["parquet", "csv"])
def test_file_that_changes_during_the_read_is_an_error(tmp_path, how, format_, monkeypatch):
    """Neither the file nor the state is damaged: the delivery was incomplete."""
    path = write(tmp_path / f"a.{format_}", *many(50))
    content = path.read_bytes()

    def change(*arguments):
        if how == "removed":
            path.unlink()
        else:
            path.write_bytes(content[:-100] if how == "shortened" else content + b"\n" * 9)
        return read_periods(*arguments)

    read_periods = UnitReader._periods
    monkeypatch.setattr(UnitReader, "_periods", change)
    error = (
        "was deleted while"
        if how == "removed"
        else "was changed while focuswatch was reading the export. When the delivery is complete, scan again"
    )
    assert f"{path} {error}" in error_of(path, tmp_path)
