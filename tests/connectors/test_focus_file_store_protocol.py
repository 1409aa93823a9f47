"""Stores of FOCUS files in a folder and in a bucket: both replace days and contain the same rows."""

from datetime import date
from decimal import Decimal

import boto3
import duckdb
import pytest
from moto import mock_aws

from focuswatch.connectors.focus_row_of_vendor_charge import BillingAccount
from focuswatch.connectors.store_focus_files_in_folder import FocusFolder
from focuswatch.connectors.store_focus_files_in_s3 import FocusBucket
from focuswatch.connectors.vendor_charge_record import VendorCharge
from focuswatch.errors import ConfigError

ACCOUNT = BillingAccount("OpenAI", "org-example")
BUCKET, PREFIX = "focuswatch-data", "vendors/openai"


@pytest.fixture(scope="module")
def s3():
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


class InFolder:
    """A store in a folder, and the rows of its files."""

    def __init__(self, folder):
        self.folder, self.files = folder, FocusFolder(folder)

    def periods(self):
        return sorted(path.parent.name for path in self.folder.glob("data/*/*.parquet"))

    def rows(self, columns="* EXCLUDE (Tags)"):
        files = f"read_parquet('{self.folder}/data/*/focus.parquet', hive_partitioning = false)"
        return duckdb.sql(f"SELECT {columns} FROM {files} ORDER BY ALL").fetchall()


class InBucket(InFolder):
    """A store below a prefix of a bucket, and the rows of its files."""

    def __init__(self, folder, s3):
        super().__init__(folder)
        self.s3, self.files = s3, FocusBucket(s3, BUCKET, PREFIX)
        for key in self.keys():
            s3.delete_object(Bucket=BUCKET, Key=key)

    def keys(self):
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]

    def periods(self):
        return sorted(key.split("/")[-2] for key in self.keys())

    def rows(self, columns="* EXCLUDE (Tags)"):
        for key in self.keys():
            path = self.folder / key.removeprefix(f"{PREFIX}/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
        return super().rows(columns)


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path):
    if request.param == "folder":
        return InFolder(tmp_path)
    return InBucket(tmp_path, request.getfixturevalue("s3"))


def charge(day, billed="1.5", **changes):
    values = {
        "day": day,
        "service": "OpenAI API",
        "meter": "gpt-4o, input",
        "description": "gpt-4o, input",
        "billed": Decimal(billed),
        "listed": Decimal(billed),
        "currency": "USD",
        "model": "gpt-4o",
    }
    return VendorCharge(**{**values, **changes})


def replace(store, *charges, first, until, account=ACCOUNT):
    store.files.replace_days(charges, account=account, first=first, until=until)


def test_days_are_replaced_and_other_days_stay(store):
    """The days span two months, each of which has its own file."""
    days = [date(2026, 10, 30), date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 2)]
    replace(store, *(charge(day) for day in days), first=days[0], until=date(2026, 11, 3))
    assert store.files.newest_day() == date(2026, 11, 2)
    replace(store, charge(days[1], "7"), charge(days[2], "8"), first=days[1], until=date(2026, 11, 2))
    assert store.periods() == ["billing_period=2026-10", "billing_period=2026-11"]
    assert store.rows("CAST(ChargePeriodStart AS DATE), BilledCost") == [
        (days[0], Decimal("1.5")),
        (days[1], Decimal(7)),
        (days[2], Decimal(8)),
        (days[3], Decimal("1.5")),
    ]


def test_a_month_without_charges_has_no_file(store):
    days = {"first": date(2026, 10, 31), "until": date(2026, 11, 2)}
    replace(store, charge(date(2026, 10, 31)), charge(date(2026, 11, 1)), **days)
    replace(store, charge(date(2026, 10, 31)), **days)
    assert (store.periods(), store.files.newest_day()) == (["billing_period=2026-10"], date(2026, 10, 31))
    replace(store, **days)
    assert (store.periods(), store.files.newest_day()) == ([], None)


def test_files_of_another_account_are_refused(store):
    day = {"first": date(2026, 11, 1), "until": date(2026, 11, 2)}
    store.files.check_account(ACCOUNT)
    replace(store, charge(date(2026, 11, 1)), **day)
    store.files.check_account(ACCOUNT)
    with pytest.raises(
        ConfigError, match="contains charges of OpenAI org-example; expected OpenAI org-other"
    ):
        store.files.check_account(BillingAccount("OpenAI", "org-other"))


def test_a_folder_and_a_bucket_have_the_same_rows_and_types(tmp_path, s3):
    charges = [
        charge(date(2026, 11, 1), "0.000000000000000001", user="ana@acme.example", resource_id="key-1"),
        charge(
            date(2026, 11, 2), "-3", quantity=Decimal(1200), unit="Tokens", account_id="p", account_name="P"
        ),
    ]
    folder, bucket = InFolder(tmp_path / "local"), InBucket(tmp_path / "s3", s3)
    for store in (folder, bucket):
        replace(store, *charges, first=date(2026, 11, 1), until=date(2026, 11, 3))
    assert folder.rows() == bucket.rows() and len(folder.rows()) == 2
    types = [
        duckdb.sql(f"DESCRIBE SELECT * FROM read_parquet('{store.folder}/data/*/*.parquet')").fetchall()
        for store in (folder, bucket)
    ]
    assert types[0] == types[1]


def test_all_files_of_a_bucket_are_listed(s3, monkeypatch):
    """S3 lists at most a thousand keys in one response."""
    store, page = InBucket(None, s3), s3.list_objects_v2
    for month in range(1, 6):
        replace(store, charge(date(2026, month, 1)), first=date(2026, month, 1), until=date(2026, month, 2))
    monkeypatch.setattr(s3, "list_objects_v2", lambda **arguments: page(**arguments, MaxKeys=2))
    assert store.files.newest_day() == date(2026, 5, 1)
