"""On an hourly bill, an event is stated to be before, in or after the first hour of a cost increase."""

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from focuswatch.bill.bill_input_files import BillInputs
from focuswatch.bill.local_bill import hourly_charges, open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.cost_increase_of_finding import CostIncrease
from focuswatch.detect.explain.driver_queries import explain_cost_increases
from focuswatch.detect.explain.hourly_onset import first_hour
from focuswatch.findings.explanation_text import explanation_sentences
from focuswatch.owners.owners_file_and_assignment import Owners

CATALOG, OWNERS = Catalog.load(), Owners.load(None)
ACCOUNT, RISEN, END = "111122223333", date(2026, 5, 25), date(2026, 5, 29)
RISE = CostIncrease(
    fingerprint="f" * 20, sub_account_id=ACCOUNT, region_id=None, service_name="AWS Lambda", resource_id=None,
    first_day=RISEN, end_day=END, excess=None,
)  # fmt: skip
EVENT = (
    "occurred_at,sub_account_id,region_id,service_name,kind,reference\n"
    "{at},111122223333,eu-west-1,AWS Lambda,deployment,v2\n"
)
# 1 USD an hour, and 10 USD more from `began` on; a fee of a whole day; another service that costs more all day.
CHARGES = """
COPY (
    SELECT
        service AS "ServiceName", hour AS "ChargePeriodStart", hour + INTERVAL {hours} HOUR AS "ChargePeriodEnd",
        CASE WHEN service = 'AWS Lambda' AND hour >= TIMESTAMP '{began}' THEN 11.0 ELSE 1.0 END AS "EffectiveCost",
        1.0 AS "BilledCost", 'USD' AS "BillingCurrency", DATE '2026-05-01' AS "BillingPeriodStart",
        'Usage' AS "ChargeCategory", 1.0 AS "ConsumedQuantity", 'AWS' AS "ProviderName", 'eu-west-1' AS "RegionId",
        'r-1' AS "ResourceId", '{account}' AS "SubAccountId", 'EU-Lambda-GB-Second' AS "SkuMeter"
    FROM range(TIMESTAMP '2026-04-20', TIMESTAMP '{end}', INTERVAL {hours} HOUR) AS given (hour)
    CROSS JOIN (VALUES ('AWS Lambda'), ('Amazon Simple Storage Service')) AS services (service)
    UNION ALL
    SELECT 'AWS Lambda', TIMESTAMP '{risen}', TIMESTAMP '{risen}' + INTERVAL 1 DAY, 500.0, 0.0, 'USD',
        DATE '2026-05-01', 'Usage', 1.0, 'AWS', 'eu-west-1', 'r-2', '{account}', 'fee'
) TO '{path}' (FORMAT parquet)
"""


@contextmanager
def explained(folder: Path, *, began: str, event: str, hours: int = 1):
    """Yield the explanation of an increase that began in an hour, beside one event, and the open bill."""
    folder.mkdir(exist_ok=True)
    path = folder / "bill.parquet"
    duckdb.execute(CHARGES.format(path=path, began=began, risen=RISEN, end=END, account=ACCOUNT, hours=hours))
    events = folder / "events.csv"
    events.write_text(EVENT.format(at=event))
    inputs = BillInputs(str(path), folder / "state", events=events)
    with open_local_bill(inputs, catalog=CATALOG, owners=OWNERS, progress=lambda _: None) as bill:
        found = explain_cost_increases(
            [RISE], engine=bill.engine, catalog=CATALOG, as_of=bill.as_of, hourly=hourly_charges(bill)
        )
        yield found[RISE.fingerprint], bill


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ("2026-05-25 14:20:00", "deployment 40 minutes before the first hour of the increase, 14:20 UTC: v2"),
        ("2026-05-25 12:10:00", "deployment 3 hours before the first hour of the increase, 12:10 UTC: v2"),
        ("2026-05-24 21:00:00", "deployment 18 hours before the first hour of the increase, 21:00 UTC: v2"),
        ("2026-05-25 15:00:00", "deployment in the first hour of the increase, 15:00 UTC: v2"),
        ("2026-05-25 16:20:00", "deployment 80 minutes after the increase started, 16:20 UTC: v2"),
    ],
)
def test_event_is_stated_beside_the_first_hour_of_the_increase(tmp_path, event, text):
    """The hour of the service in question: neither a daily charge nor another service counts."""
    with explained(tmp_path, began="2026-05-25 15:00:00", event=event) as (explanation, _):
        assert explanation.first_hour == datetime(2026, 5, 25, 15, tzinfo=UTC)
        sentences = explanation_sentences(explanation, currency="USD")
    assert f"{text} (AWS Lambda)" in sentences


def test_increase_of_the_evening_before_is_found(tmp_path):
    """The day on which most of the increase falls is the first day; the hour may be on the day before."""
    with explained(tmp_path, began="2026-05-24 22:00:00", event="2026-05-24 21:30:00") as (explanation, _):
        assert explanation.first_hour == datetime(2026, 5, 24, 22, tzinfo=UTC)


@pytest.mark.parametrize(("began", "hours"), [("2026-05-24 10:00:00", 1), ("2026-05-25 00:00:00", 24)])
def test_without_a_first_hour_the_day_is_stated(tmp_path, began, hours):
    """The increase began earlier than the hours that are compared, or the bill is by day."""
    with explained(tmp_path, began=began, event="2026-05-25 14:20:00", hours=hours) as (explanation, _):
        assert explanation.first_hour is None
        sentences = explanation_sentences(explanation, currency="USD")
    assert "deployment on the same day, 14:20 UTC: v2 (AWS Lambda)" in sentences


def test_hours_are_read_only_for_increases_beside_events(tmp_path):
    """An increase without an event on its first day costs no query of the export."""
    with explained(tmp_path, began="2026-05-25 15:00:00", event="2026-05-20 12:00:00") as (explanation, bill):
        assert explanation.first_hour is None

        class NotRead:
            def hours(self, first_day: date, end_day: date) -> str:
                raise AssertionError("read")

        explain_cost_increases(
            [RISE], engine=bill.engine, catalog=CATALOG, as_of=bill.as_of, hourly=NotRead()
        )


def test_hours_of_files_that_are_gone_are_not_read(tmp_path):
    """Files from a bucket are removed once their days are stored; a month of hours is not fetched again."""
    with explained(tmp_path, began="2026-05-25 15:00:00", event="2026-05-25 14:20:00") as (_, bill):
        export = hourly_charges(bill)
        assert export is not None and export.hours(RISEN, END)
        (tmp_path / "bill.parquet").unlink()
        assert export.hours(RISEN, END) is None


def test_gradual_increase_has_no_first_hour():
    """A cost that doubles over the day began at no hour; the same hour a week before counts as much as yesterday's."""
    midnight = datetime(2026, 5, 25, tzinfo=UTC)
    gradual = {midnight + timedelta(hours=hour): float(hour) for hour in range(24)}
    assert first_hour(gradual, first_day=RISEN) is None
    sudden = {midnight + timedelta(hours=hour): 10.0 if hour >= 9 else 0.1 for hour in range(24)}
    assert first_hour(sudden, first_day=RISEN) == midnight + timedelta(hours=9)
    weekly = sudden | {hour - timedelta(days=7): cost for hour, cost in sudden.items()}
    assert first_hour(weekly, first_day=RISEN) is None
    assert first_hour({}, first_day=RISEN) is None
