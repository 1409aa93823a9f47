"""Recency metadata of FOCUS 1.3 states which days are complete; without it, a number of days is assumed."""

import json
from contextlib import contextmanager
from datetime import date, timedelta

import pytest

from focuswatch.bill.bill_inputs_and_digest import BillInputs, OtherBill
from focuswatch.bill.joint_bill import open_joint_bill
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.owners.owners_file import Owners
from tests.given.exports import write

OPTIONS = {"catalog": Catalog.load(), "owners": Owners.load(None), "progress": lambda _: None}
FIRST, DAYS = date(2026, 5, 1), 10


def sector(day, *, complete, hours=24):
    return {
        "TimeSectorStart": f"{day}T00:00:00Z",
        "TimeSectorEnd": f"{day + timedelta(hours=hours)}T00:00:00Z",
        "TimeSectorComplete": complete,
        "TimeSectorLastUpdated": "2026-05-11T04:00:00Z",
    }


def recency(folder, *, complete_days, name="metadata/recency/recency-1234.json", wrapped=False):
    sectors = [
        sector(FIRST + timedelta(days=number), complete=number < complete_days) for number in range(DAYS)
    ]
    content = {"DatasetInstanceId": "1", "RecencyLastUpdated": "2026-05-11T04:00:00Z", "TimeSectors": sectors}
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"Recency": [{"DatasetInstanceId": "2"}, content]} if wrapped else content))
    return path


def bill_of_ten_days(folder, **columns):
    rows = [
        {
            "ChargePeriodStart": f"{FIRST + timedelta(days=day)} 00:00:00",
            "ChargePeriodEnd": f"{FIRST + timedelta(days=day + 1)} 00:00:00",
            **columns,
        }
        for day in range(DAYS)
    ]
    return write(folder / "data.csv", *rows)


@contextmanager
def opened(folder):
    with open_local_bill(BillInputs(str(folder), state=folder.parent / "state"), **OPTIONS) as bill:
        yield bill


def last_settled_day(bill):
    (row,) = bill.engine.query("SELECT max(last_settled_day) AS d FROM completeness", label="last day")
    return row["d"]


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize(("complete_days", "expected"), [(10, 10), (9, 9), (4, 4), (0, None)])
def test_days_that_the_provider_states_complete_are_settled(tmp_path, wrapped, complete_days, expected):
    """They may end earlier or later than the default. Both forms of the metadata are read."""
    bill_of_ten_days(tmp_path / "bill")
    recency(tmp_path / "bill", complete_days=complete_days, wrapped=wrapped)
    with opened(tmp_path / "bill") as bill:
        assert last_settled_day(bill) == (date(2026, 5, expected) if expected else None)
        assert not any("JSON" in warning or "recency" in warning for warning in bill.summary.warnings)


def test_without_recency_metadata_the_last_two_days_are_incomplete(tmp_path):
    """This is the default for AWS bills."""
    bill_of_ten_days(tmp_path / "bill")
    with opened(tmp_path / "bill") as bill:
        assert last_settled_day(bill) == date(2026, 5, 8)


def test_new_metadata_alone_changes_the_bill(tmp_path):
    """The charges are the same, but detections may now read one more day."""
    bill_of_ten_days(tmp_path / "bill")
    digests = set()
    for complete_days in (8, 9, 9):
        recency(tmp_path / "bill", complete_days=complete_days)
        with opened(tmp_path / "bill") as bill:
            assert last_settled_day(bill) == date(2026, 5, complete_days)
            digests.add(bill.data_digest)
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        (
            '{"TimeSectors": [{"TimeSectorStart": "2026-05-01T0:00:00z", "TimeSectorEnd": "2026-05-02T00:00:00Z", '
            '"TimeSectorComplete": true}]}',
            "TimeSectorStart: ",
        ),
    ],
)
def test_metadata_that_cannot_be_read_is_reported_in_a_note(tmp_path, text, reason):
    """The bill is read as if it had no metadata."""
    bill_of_ten_days(tmp_path / "bill")
    recency(tmp_path / "bill", complete_days=1).write_text(text)
    with opened(tmp_path / "bill") as bill:
        assert last_settled_day(bill) == date(2026, 5, 8)
        (note,) = [one for one in bill.summary.warnings if "recency" in one]
    assert note.startswith(f"metadata/recency/recency-1234.json is not FOCUS recency metadata ({reason}")


def test_each_of_several_bills_has_its_own_complete_days(tmp_path):
    bill_of_ten_days(tmp_path / "a")
    bill_of_ten_days(tmp_path / "b", SubAccountId="2", ProviderName="MongoDB")
    recency(tmp_path / "b", complete_days=10)
    inputs = BillInputs(
        str(tmp_path / "a"), state=tmp_path / "s1", others=(OtherBill(str(tmp_path / "b"), tmp_path / "s2"),)
    )
    with open_joint_bill(inputs, **OPTIONS) as bill:
        rows = bill.engine.query(
            "SELECT sub_account_id AS a, max(last_settled_day) AS d FROM completeness GROUP BY 1",
            label="days",
        )
    days = {row["a"]: row["d"] for row in rows}
    assert days.pop("2") == date(2026, 5, 10)
    assert list(days.values()) == [date(2026, 5, 8)]
