"""A charge in a wrong year does not change the end of the bill, and a quantity of NaN does not count as usage."""

from datetime import date

import pytest

from tests.given.exports import HOURLY, Reader, deliver, read, write

WRONG_DAY = {"ChargePeriodStart": "2062-05-02", "ChargePeriodEnd": "2062-05-03"}
WRONG_PERIOD = {**WRONG_DAY, "BillingPeriodStart": "2062-05-01"}
NEXT_MONTH = {**WRONG_DAY, "ChargePeriodStart": "2062-06-02", "BillingPeriodStart": "2062-06-01"}


@pytest.mark.parametrize("format_", ["parquet", "csv"])
@pytest.mark.parametrize("wrong", [[WRONG_DAY], [WRONG_PERIOD], [WRONG_PERIOD, NEXT_MONTH]])
def test_charges_of_a_wrong_year_do_not_move_the_end(tmp_path, format_, wrong):
    """Only the day may be wrong, or the billing period too. The charges are read, and a warning is printed."""
    reader = read(write(tmp_path / f"a.{format_}", {}, *wrong), tmp_path / "state")
    refreshed = reader.refresh()
    assert refreshed.summary.last_charge_date == date(2026, 5, 2)
    assert refreshed.summary.charges == 1 + len(wrong)
    (warning,) = refreshed.summary.warnings
    assert wrong[-1]["ChargePeriodStart"] in warning
    assert "assumes that the bill ends on 2026-05-02" in warning


def test_wrong_year_in_a_delivery_does_not_move_the_end(tmp_path):
    """The folder determines the billing period. Charges of other periods do not make the wrong date plausible."""
    deliver(
        tmp_path / "focus", {"ChargePeriodStart": "2026-04-30", "ChargePeriodEnd": None}, period="2026-04"
    )
    deliver(tmp_path / "focus", {}, WRONG_DAY, period="2026-05")
    assert read(tmp_path / "focus", tmp_path / "state").refresh().summary.last_charge_date == date(2026, 5, 2)


def test_prepaid_fee_belongs_to_the_bill(tmp_path):
    """A charge in the month after its billing period is valid, and no warning is printed."""
    ahead = {"ChargePeriodStart": "2026-06-01", "ChargePeriodEnd": "2026-07-01"}
    refreshed = read(write(tmp_path / "a.parquet", {}, ahead), tmp_path / "state").refresh()
    assert (refreshed.summary.last_charge_date, refreshed.summary.warnings) == (date(2026, 6, 1), ())


def test_year_without_charges_is_valid(tmp_path):
    """A gap of more than a year between charges is no reason to ignore the later ones."""
    old = {"ChargePeriodStart": "2024-01-02", "ChargePeriodEnd": None, "BillingPeriodStart": "2024-01-01"}
    late = {"ChargePeriodStart": "2025-06-02", "ChargePeriodEnd": None, "BillingPeriodStart": "2025-06-01"}
    refreshed = read(write(tmp_path / "a.parquet", old, late), tmp_path / "state").refresh()
    assert (refreshed.summary.last_charge_date, refreshed.summary.warnings) == (date(2025, 6, 2), ())


def test_bill_in_the_future_ends_with_its_last_day(tmp_path):
    """Simulated bills can be in the future; the system clock does not matter."""
    months = [
        {
            "ChargePeriodStart": f"2062-0{month}-02",
            "ChargePeriodEnd": None,
            "BillingPeriodStart": f"2062-0{month}-01",
        }
        for month in (4, 5)
    ]
    refreshed = read(write(tmp_path / "a.parquet", *months), tmp_path / "state").refresh()
    assert (refreshed.summary.last_charge_date, refreshed.summary.warnings) == (date(2062, 5, 2), ())


@pytest.mark.parametrize("format_", ["parquet", "csv"])
@pytest.mark.parametrize("hours", [{}, HOURLY])
@pytest.mark.parametrize("quantity", ["NaN", "Infinity"])
def test_nan_quantity_is_null(tmp_path, format_, hours, quantity):
    """In DuckDB, NaN is larger than any number; a NaN quantity must not change the sum of a day."""
    reader: Reader = read(
        write(
            tmp_path / f"a.{format_}", {**hours, "ConsumedQuantity": quantity, "RegionId": "eu-west-1"}, hours
        ),
        tmp_path / "state",
    )
    used = reader.query("SELECT RegionId, coalesce(is_consumed, false) FROM kept_daily_services ORDER BY 1")
    assert used == [("eu-west-1", False), ("us-east-1", True)]
    assert reader.query("SELECT sum(ConsumedQuantity) FROM folded_charges") == [(24.0,)]
