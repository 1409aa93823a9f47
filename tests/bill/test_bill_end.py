"""A charge of a wrong year is not the day up to which a bill is judged; a quantity that is no number is not used."""

from datetime import date

import pytest

from tests.given.exports import HOURLY, Reader, deliver, read, write

STRANGE_DAY = {"ChargePeriodStart": "2062-05-02", "ChargePeriodEnd": "2062-05-03"}
STRANGE_PERIOD = {**STRANGE_DAY, "BillingPeriodStart": "2062-05-01"}
NEXT_MONTH = {**STRANGE_DAY, "ChargePeriodStart": "2062-06-02", "BillingPeriodStart": "2062-06-01"}


@pytest.mark.parametrize("format_", ["parquet", "csv"])
@pytest.mark.parametrize("strange", [[STRANGE_DAY], [STRANGE_PERIOD], [STRANGE_PERIOD, NEXT_MONTH]])
def test_charges_of_a_wrong_year_do_not_move_the_end(tmp_path, format_, strange):
    """Whether their day alone is wrong or their billing period too; they are read, and the user hears of them."""
    reader = read(write(tmp_path / f"a.{format_}", {}, *strange), tmp_path / "state")
    refreshed = reader.refresh()
    assert refreshed.summary.last_charge_date == date(2026, 5, 2)
    assert refreshed.summary.charges == 1 + len(strange)
    (warning,) = refreshed.summary.warnings
    assert strange[-1]["ChargePeriodStart"] in warning
    assert "assumed to end on 2026-05-02" in warning


def test_a_wrong_year_within_a_delivery_does_not_move_the_end(tmp_path):
    """Its billing period is the folder's, and other periods do not hide it."""
    deliver(
        tmp_path / "focus", {"ChargePeriodStart": "2026-04-30", "ChargePeriodEnd": None}, period="2026-04"
    )
    deliver(tmp_path / "focus", {}, STRANGE_DAY, period="2026-05")
    assert read(tmp_path / "focus", tmp_path / "state").refresh().summary.last_charge_date == date(2026, 5, 2)


def test_a_fee_paid_ahead_is_of_the_bill(tmp_path):
    """What begins in the month after its billing period is a day like others, and nobody is warned."""
    ahead = {"ChargePeriodStart": "2026-06-01", "ChargePeriodEnd": "2026-07-01"}
    refreshed = read(write(tmp_path / "a.parquet", {}, ahead), tmp_path / "state").refresh()
    assert (refreshed.summary.last_charge_date, refreshed.summary.warnings) == (date(2026, 6, 1), ())


def test_a_year_without_a_bill_is_no_mistake(tmp_path):
    """What was delivered after it began can have been billed, however long nothing was."""
    old = {"ChargePeriodStart": "2024-01-02", "ChargePeriodEnd": None, "BillingPeriodStart": "2024-01-01"}
    late = {"ChargePeriodStart": "2025-06-02", "ChargePeriodEnd": None, "BillingPeriodStart": "2025-06-01"}
    refreshed = read(write(tmp_path / "a.parquet", old, late), tmp_path / "state").refresh()
    assert (refreshed.summary.last_charge_date, refreshed.summary.warnings) == (date(2025, 6, 2), ())


def test_a_bill_all_of_the_future_ends_with_its_last_day(tmp_path):
    """As simulated ones may, wherever the clock stands."""
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
def test_a_quantity_that_is_no_number_is_not_used(tmp_path, format_, hours, quantity):
    """To DuckDB NaN is more than any number; here it is unknown, and spoils no sum of the day."""
    reader: Reader = read(
        write(
            tmp_path / f"a.{format_}", {**hours, "ConsumedQuantity": quantity, "RegionId": "eu-west-1"}, hours
        ),
        tmp_path / "state",
    )
    used = reader.query("SELECT RegionId, coalesce(is_consumed, false) FROM kept_daily_services ORDER BY 1")
    assert used == [("eu-west-1", False), ("us-east-1", True)]
    assert reader.query("SELECT sum(ConsumedQuantity) FROM folded_charges") == [(24.0,)]
