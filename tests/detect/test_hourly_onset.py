"""On an hourly bill, the text says whether an event is before, in or after the first hour of a cost increase."""

from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import export_with_hours, open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.detect.explain.explain_cost_increases import explain_cost_increases
from focuswatch.detect.explain.hourly_onset import first_hour
from focuswatch.detect.explain.read_cost_increase_from_finding import CostIncrease
from focuswatch.findings.cost_increase_explanation_text import explanation_sentences
from focuswatch.owners.owners_file import Owners

CATALOG, OWNERS = Catalog.load(), Owners.load(None)
ACCOUNT, INCREASE_DAY, END = "111122223333", date(2026, 5, 25), date(2026, 5, 29)
INCREASE = CostIncrease(
    fingerprint="f" * 20,
    sub_account_id=ACCOUNT,
    region_id=None,
    service_name="AWS Lambda",
    resource_id=None,
    first_day=INCREASE_DAY,
    end_day=END,
    excess=None,
)
EVENT = (
    "occurred_at,sub_account_id,region_id,service_name,kind,reference\n"
    "{at},111122223333,eu-west-1,AWS Lambda,deployment,v2\n"
)
# Lambda costs 1 USD an hour, and 11 USD from `began` on, plus a daily fee; S3 costs 1 USD an hour.
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
    """Yield the explanation of an increase that began at `began`, with one operational event, and the open bill."""
    folder.mkdir(exist_ok=True)
    path = folder / "bill.parquet"
    duckdb.execute(
        CHARGES.format(path=path, began=began, risen=INCREASE_DAY, end=END, account=ACCOUNT, hours=hours)
    )
    events = folder / "events.csv"
    events.write_text(EVENT.format(at=event))
    inputs = BillInputs(str(path), folder / "state", events=events)
    with open_local_bill(inputs, catalog=CATALOG, owners=OWNERS, progress=lambda _: None) as bill:
        explanations = explain_cost_increases(
            [INCREASE], engine=bill.engine, catalog=CATALOG, as_of=bill.as_of, hourly=export_with_hours(bill)
        )
        yield explanations[INCREASE.fingerprint], bill


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
    """The hour is that of the increased service; neither a daily charge nor another service counts."""
    with explained(tmp_path, began="2026-05-25 15:00:00", event=event) as (explanation, _):
        assert explanation.first_hour == datetime(2026, 5, 25, 15, tzinfo=UTC)
        sentences = explanation_sentences(explanation, currency="USD")
    assert f"{text} (AWS Lambda)" in sentences


def test_first_hour_can_be_on_the_day_before(tmp_path):
    """The first day has most of the increase, but the increase can begin on the evening before."""
    with explained(tmp_path, began="2026-05-24 22:00:00", event="2026-05-24 21:30:00") as (explanation, _):
        assert explanation.first_hour == datetime(2026, 5, 24, 22, tzinfo=UTC)


@pytest.mark.parametrize(("began", "hours"), [("2026-05-24 10:00:00", 1), ("2026-05-25 00:00:00", 24)])
def test_without_a_first_hour_the_day_is_stated(tmp_path, began, hours):
    """The increase began before the compared hours, or the bill is daily."""
    with explained(tmp_path, began=began, event="2026-05-25 14:20:00", hours=hours) as (explanation, _):
        assert explanation.first_hour is None
        sentences = explanation_sentences(explanation, currency="USD")
    assert "deployment on the same day, 14:20 UTC: v2 (AWS Lambda)" in sentences


def test_hours_are_read_only_for_increases_with_an_event(tmp_path):
    """For an increase without an event on its first day, the export is not queried."""
    with explained(tmp_path, began="2026-05-25 15:00:00", event="2026-05-20 12:00:00") as (explanation, bill):
        assert explanation.first_hour is None

        class NotRead:
            def hours(self, first_day: date, end_day: date) -> str:
                raise AssertionError("read")

        explain_cost_increases(
            [INCREASE], engine=bill.engine, catalog=CATALOG, as_of=bill.as_of, hourly=NotRead()
        )


def test_hours_of_deleted_files_are_not_read(tmp_path):
    """Files from a bucket are deleted once their days are stored; a month of hours is not downloaded again."""
    with explained(tmp_path, began="2026-05-25 15:00:00", event="2026-05-25 14:20:00") as (_, bill):
        export = export_with_hours(bill)
        assert export is not None and export.hours(INCREASE_DAY, END)
        (tmp_path / "bill.parquet").unlink()
        assert export.hours(INCREASE_DAY, END) is None


def test_gradual_increase_has_no_first_hour():
    """A cost that rises over the day has no first hour, and neither has a rise that also happened a week before."""
    midnight = datetime(2026, 5, 25, tzinfo=UTC)
    gradual = {midnight + timedelta(hours=hour): float(hour) for hour in range(24)}
    assert first_hour(gradual, first_day=INCREASE_DAY) is None
    sudden = {midnight + timedelta(hours=hour): 10.0 if hour >= 9 else 0.1 for hour in range(24)}
    assert first_hour(sudden, first_day=INCREASE_DAY) == midnight + timedelta(hours=9)
    weekly = sudden | {hour - timedelta(days=7): cost for hour, cost in sudden.items()}
    assert first_hour(weekly, first_day=INCREASE_DAY) is None
    assert first_hour({}, first_day=INCREASE_DAY) is None
