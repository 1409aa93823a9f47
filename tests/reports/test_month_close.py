"""The month close: stored forecasts against the actual cost of a month, and the causes of the difference."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.kept_forecast_record_and_merge import KeptForecast, merged
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.detect.forecast.make_and_store_forecasts_for_month_close import store_forecasts_of_day
from focuswatch.errors import ConfigError, QueryError
from focuswatch.ledger import LedgerEntry
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.choose_ended_and_invoiced_month import invoiced_month
from focuswatch.reports.compare_month_with_its_forecasts import close_month
from focuswatch.reports.month_close_slack_message import render_month_close_message
from tests.fakes.slack_as_text import seen
from tests.fakes.slack_rules import blocks_problems
from tests.given.exports import CATALOG, write
from tests.given.one_line_findings import finding
from tests.given.slack_golden_files import assert_slack_golden

MARCH, JUNE, JULY = date(2026, 3, 1), date(2026, 6, 1), date(2026, 7, 1)
DAY = timedelta(days=1)
NEWEST = JULY + 5 * DAY
TYPES = {"InvoiceId": "VARCHAR", "PricingQuantity": "DOUBLE", "PricingUnit": "VARCHAR"}
SEARCH, ML, OTHER = "111122223333", "999900001111", "555566667777"
OWNERS = Owners.model_validate(
    {
        "teams": {
            "search": {"channel": "#search", "owns": {"accounts": [SEARCH]}, "monthly_budget": 3100},
            "ml": {"channel": "#ml", "owns": {"tags": {"team": ["ml"]}}},
        },
        "use_cases": {
            "tickets": {
                "intent": "production", "team": "ml", "rows": {"tags": {"use-case": ["tickets"]}},
                "launches": [{"first_day": date(2026, 6, 8), "last_day": date(2026, 6, 14), "factor": 4}],
            }
        },
    }
)  # fmt: skip


def charge(day, cost, *, account, service, meter, quantity=None, tags="{}", category="Usage", invoiced=False):
    """Return a charge of one day; the unit price is 1 unless `quantity` is passed."""
    return {
        "BilledCost": repr(cost), "EffectiveCost": repr(cost), "BillingPeriodStart": str(day.replace(day=1)),
        "ChargePeriodStart": str(day), "ChargePeriodEnd": str(day + DAY), "SubAccountId": account,
        "ServiceName": service, "SkuMeter": meter, "Tags": tags, "ChargeCategory": category, "ResourceId": None,
        "PricingQuantity": repr(quantity if quantity is not None else cost), "PricingUnit": "units",
        "InvoiceId": "2026061234" if invoiced and day < JULY else None,
    }  # fmt: skip


def charges_before(end, *, invoiced=False):
    """Return the charges that the bill contains on the day `end`.

    In June, search has an incident of 40 a day for five days, the use case tickets a launch of 100 a day for seven, and
    storage costs 22 instead of 20 a day for the same quantity.
    """
    rows = []
    for number in range((end - MARCH).days):
        day = MARCH + number * DAY
        incident = 40.0 if date(2026, 6, 12) <= day <= date(2026, 6, 16) else 0.0
        launch = 100.0 if date(2026, 6, 8) <= day <= date(2026, 6, 14) else 0.0
        price = 2.2 if day >= JUNE else 2.0
        ml = {"account": ML, "invoiced": invoiced}
        rows += [
            charge(day, 100.0 + incident, account=SEARCH, service="Amazon EC2", meter="BoxUsage:m5.large",
                   invoiced=invoiced),
            charge(day, 50.0 + launch, service="Amazon Bedrock", meter="USE1-NovaMicro-input-tokens",
                   tags="{team=ml, use-case=tickets}", **ml),
            charge(day, price * 10, service="Amazon S3", meter="TimedStorage", quantity=10.0, tags="{team=ml}", **ml),
            charge(day, 10.0, account=OTHER, service="AWS Lambda", meter="Lambda-GB-Second", invoiced=invoiced),
        ]  # fmt: skip
    if invoiced:
        late = date(2026, 6, 5)
        rows.append(charge(late, 50.0, account=OTHER, service="AWS Support", meter="Dollar", invoiced=True))
        rows.append(
            charge(JUNE, 300.0, account=OTHER, service="Tax", meter=None, category="Tax", invoiced=True)
        )
        rows.append(
            charge(
                JUNE, -20.0, account=OTHER, service="AWS Lambda", meter=None, category="Credit", invoiced=True
            )
        )
    return rows


def open_bill(folder, *, state, owners=OWNERS):
    return open_local_bill(
        BillInputs(str(folder), state), catalog=CATALOG, owners=owners, progress=lambda _: None
    )


def incident(
    title="Cost anomaly", *, service="Amazon EC2", account=SEARCH, team="search", on=date(2026, 6, 12)
):
    one = finding(title, team=team, category="anomaly", on=NEWEST)
    return LedgerEntry(
        finding=one.model_copy(
            update={"title": title, "service_name": service, "sub_account_id": account, "resource_id": None,
                    "region_id": None, "started_on": on, "ended_on": date(2026, 6, 16),
                    "sub_account_name": "search-prod"}
        )
    )  # fmt: skip


ENTRIES = [
    incident(),
    incident("Unusual cost of the account", service=None),  # the same charges as the first incident
    # The launch already explains these charges.
    incident("Token usage spike", service="Amazon Bedrock", account=ML, team="ml"),
    incident("Cost anomaly in May", on=date(2026, 5, 12)),
]


@pytest.fixture(scope="module")
def bill_with_forecasts(tmp_path_factory):
    """Return the folder of a bill of June, now invoiced, and of its state with forecasts of three days in June."""
    folder = tmp_path_factory.mktemp("kept")
    for day in (1, 10, 20):
        end = JUNE + day * DAY
        write(folder / "bill" / "bill.parquet", *charges_before(end), types=TYPES)
        with open_bill(folder / "bill", state=folder / "state") as bill:
            assert bill.as_of == end and store_forecasts_of_day(bill, catalog=CATALOG) == 5
            assert store_forecasts_of_day(bill, catalog=CATALOG) == 0  # once a day
    write(folder / "bill" / "bill.parquet", *charges_before(NEWEST, invoiced=True), types=TYPES)
    return folder


@pytest.fixture(scope="module")
def closed(bill_with_forecasts):
    with open_bill(bill_with_forecasts / "bill", state=bill_with_forecasts / "state") as bill:
        return close_month(bill, ENTRIES, catalog=CATALOG, owners=OWNERS)


def row(close, of, name):
    (match,) = (row for row in close.rows if (row["of"], row["name"]) == (of, name))
    return match


def test_difference_is_explained_by_launches_incidents_prices_and_late_charges(closed):
    """Each dollar counts once: of two incidents with the same charges one counts, and none that a launch explains."""
    bill = row(closed, "all", "all")
    assert (closed.month, closed.recomputed, bill["recomputed"]) == (JUNE, (), None)
    assert bill["actual"] == pytest.approx(6_410)  # without tax and credit
    assert (bill["launches"], bill["incidents"], bill["price"], bill["late_charges"]) == pytest.approx(
        (700, 200, 60, 50)
    )
    assert bill["difference"] == pytest.approx(bill["actual"] - bill["forecast_day_1"])
    explained = ("launches", "incidents", "price", "late_charges", "other")
    assert sum(bill[name] for name in explained) == pytest.approx(bill["difference"])
    assert abs(bill["other"]) < 0.01 * bill["actual"]
    assert bill["forecast_day_20"] == pytest.approx(bill["actual"], rel=0.05)


def test_causes_are_those_of_the_team_and_the_use_case(closed):
    assert row(closed, "team", "search")["incidents"] == pytest.approx(200)
    assert row(closed, "team", "search")["launches"] == 0
    assert (
        row(closed, "team", "ml")["launches"]
        == row(closed, "use case", "tickets")["launches"]
        == pytest.approx(700)
    )
    assert row(closed, "team", "ml")["price"] == pytest.approx(60)
    assert row(closed, "use case", "tickets")["price"] == 0  # storage does not belong to the use case
    assert row(closed, "team", "(unallocated)")["late_charges"] == pytest.approx(50)
    assert row(closed, "team", "search")["budget"] == 3_100
    teams = [one for one in closed.rows if one["of"] == "team"]
    for name in ("actual", "launches", "incidents", "price", "late_charges"):
        assert sum(one[name] for one in teams) == pytest.approx(row(closed, "all", "all")[name])


def test_account_wide_incident_is_left_out_in_an_account_with_a_launch(bill_with_forecasts):
    """The incident's charges include those of the launch."""
    wide = incident("Dormant account active again", service=None, account=ML, team="ml")
    with open_bill(bill_with_forecasts / "bill", state=bill_with_forecasts / "state") as bill:
        close = close_month(bill, [*ENTRIES, wide], catalog=CATALOG, owners=OWNERS)
    assert (row(close, "team", "ml")["launches"], row(close, "team", "ml")["incidents"]) == (
        pytest.approx(700),
        0,
    )


def test_launch_that_a_commitment_covers_adds_only_its_billed_cost(tmp_path):
    """EffectiveCost includes the commitment, which was paid earlier; the forecast is in BilledCost."""
    rows = charges_before(NEWEST, invoiced=True)
    for one in rows:
        if "use-case" in one["Tags"] and one["BilledCost"] == "150.0":
            one["BilledCost"] = "80.0"
    write(tmp_path / "bill" / "bill.parquet", *rows, types=TYPES)
    with open_bill(tmp_path / "bill", state=tmp_path / "state") as bill:
        close = close_month(bill, ENTRIES, catalog=CATALOG, owners=OWNERS)
    assert row(close, "use case", "tickets")["launches"] == pytest.approx(7 * 30)
    assert (
        abs(row(close, "use case", "tickets")["other"]) < 0.01 * row(close, "use case", "tickets")["actual"]
    )


def test_price_change_counts_for_the_team_that_owned_the_account_on_the_day(tmp_path):
    """Charges are allocated by day as well. The account moved to another OU on 16 June."""
    teams = {"old": {"owns": {"ous": ["/old"]}}, "new": {"owns": {"ous": ["/new"]}}}
    owners = Owners.model_validate({"teams": {name: {"channel": "#c", **one} for name, one in teams.items()}})
    rows = [
        charge(
            day,
            22.0 if day >= JUNE else 20.0,
            account=ML,
            service="Amazon S3",
            meter="TimedStorage",
            quantity=10.0,
        )
        for day in (date(2026, 5, 1) + number * DAY for number in range(65))
    ]
    write(tmp_path / "bill" / "bill.parquet", *rows, types=TYPES)
    (tmp_path / "accounts.csv").write_text(
        "sub_account_id,name,email,ou_path,tags,joined_on,closed_on,valid_from,valid_to\n"
        f"{ML},ml,,/old,{{}},,,,2026-06-16\n{ML},ml,,/new,{{}},,,2026-06-16,\n"
    )
    inputs = BillInputs(
        str(tmp_path / "bill"), tmp_path / "state", accounts=tmp_path / "accounts.csv", as_of=NEWEST
    )
    with open_local_bill(inputs, catalog=CATALOG, owners=owners, progress=lambda _: None) as bill:
        close = close_month(bill, [], catalog=CATALOG, owners=owners, month=JUNE)
    price = {one["name"]: one["price"] for one in close.rows if one["of"] == "team"}
    assert price == pytest.approx({"old": 15 * 2, "new": 15 * 2})


def test_baseline_of_the_next_month_is_forecast_from_the_closed_month(closed):
    """31 days without the incident and the launch, at the new price of storage."""
    assert row(closed, "all", "all")["next_month"] == pytest.approx(31 * 182, rel=0.05)


def test_forecasts_are_recomputed_if_none_were_stored(bill_with_forecasts, closed, tmp_path):
    """As of the same days, from the charges before each day. Late charges cannot be identified then."""
    with open_bill(bill_with_forecasts / "bill", state=tmp_path / "state") as bill:
        close = close_month(bill, ENTRIES, catalog=CATALOG, owners=OWNERS)
    assert close.recomputed == (1, 10, 20)
    again, before = row(close, "all", "all"), row(closed, "all", "all")
    assert again["recomputed"] == "day 1, day 10, day 20" and again["late_charges"] is None
    assert again["forecast_day_1"] == pytest.approx(before["forecast_day_1"])
    # The bill now contains the late charge.
    assert again["forecast_day_20"] == pytest.approx(before["forecast_day_20"] + 50)


def test_month_is_closed_once_its_days_are_complete_and_it_is_invoiced(bill_with_forecasts, tmp_path):
    with open_bill(bill_with_forecasts / "bill", state=bill_with_forecasts / "state") as bill:
        assert invoiced_month(bill, catalog=CATALOG, is_closed=lambda _: False) == JUNE
        assert invoiced_month(bill, catalog=CATALOG, is_closed=lambda month: month == JUNE) is None
        early = replace(bill, as_of=JULY + DAY)
        assert invoiced_month(early, catalog=CATALOG, is_closed=lambda _: False) is None
        with pytest.raises(ConfigError, match="2026-07 is not a complete month on this bill"):
            close_month(bill, [], catalog=CATALOG, owners=OWNERS, month=JULY)
    write(tmp_path / "bill" / "bill.parquet", *charges_before(NEWEST), types=TYPES)
    with open_bill(tmp_path / "bill", state=tmp_path / "state") as bill:
        assert invoiced_month(bill, catalog=CATALOG, is_closed=lambda _: False) is None
        close = close_month(bill, [], catalog=CATALOG, owners=OWNERS)
    assert close.month == JUNE
    assert close.notes[0] == "June 2026 is not invoiced yet: its charges can still change."


def test_forecasts_as_of_an_earlier_day_are_not_stored(bill_with_forecasts, tmp_path):
    """The bill has charges that had not been delivered by that day."""
    with open_bill(bill_with_forecasts / "bill", state=bill_with_forecasts / "state") as bill:
        assert store_forecasts_of_day(replace(bill, as_of=JULY + DAY), catalog=CATALOG) == 0


def test_stored_forecast_is_not_overwritten_and_is_deleted_after_a_year():
    first = KeptForecast(JUNE, JUNE, "all", "all", JUNE, 1.0, 1.0, 2.0, 3.0)
    again = replace(first, forecast=9.0)
    old = replace(first, made_on=JUNE - 401 * DAY)
    assert merged([old, first], [again], made_on=JUNE) == [first]


def test_error_names_a_damaged_file_of_forecasts(tmp_path):
    write(tmp_path / "bill.parquet", types=TYPES)
    with open_bill(tmp_path / "bill.parquet", state=tmp_path / "state") as bill:
        (tmp_path / "state" / "forecasts.csv").write_text("made_on,month\nnever,2026-06-01\n")
        with pytest.raises(QueryError, match=r"forecasts\.csv: the stored forecasts cannot be read"):
            bill.kept_forecasts(JUNE)


@pytest.mark.parametrize("name", ["kept", "recomputed"])
def test_message_matches_its_golden_file(name, bill_with_forecasts, closed, tmp_path):
    """With forecasts that scans stored, and with recomputed forecasts."""
    close = closed
    if name == "recomputed":
        with open_bill(bill_with_forecasts / "bill", state=tmp_path / "state") as bill:
            close = close_month(bill, [], catalog=CATALOG, owners=OWNERS)
    payload = render_month_close_message(close)
    assert not blocks_problems(payload["blocks"])
    text = f"Notification: {payload['text']}\n\n{seen(payload)}"
    assert_slack_golden(f"month_close.{name}", payload=payload, text=text)
