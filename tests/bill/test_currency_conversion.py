"""An export with several billing currencies is converted to one of them, at rates that are reported."""

from contextlib import ExitStack
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from focuswatch.bill.bill_inputs_and_digest import BillInputs, OtherBill
from focuswatch.bill.bill_protocol import Bill
from focuswatch.bill.joint_bill import open_joint_bill
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.bill.query_invoices_and_their_charges import month_invoices
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.errors import ConfigError
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.chargeback import chargeback
from tests.given.exports import HOURLY, write

CATALOG = Catalog.load()
EURO = {"BillingCurrency": "EUR", "ProviderName": "Microsoft", "SubAccountId": "s-1"}
PRICED = {"PricingCurrency": "VARCHAR", "PricingCurrencyEffectiveCost": "DOUBLE"}


def owners(tmp_path: Path, rates: str = "") -> Owners:
    path = tmp_path / "owners.toml"
    path.write_text(f"[exchange_rates]\n{rates}" if rates else "")
    return Owners.load(path)


@pytest.fixture
def opened(tmp_path):
    """Return a function that opens a bill with rates in owners.toml, until the test ends."""
    with ExitStack() as stack:

        def open_bill(path: Path, rates: str = "") -> Bill:
            inputs = BillInputs(str(path), state=tmp_path / "state")
            return stack.enter_context(
                open_local_bill(
                    inputs, catalog=CATALOG, owners=owners(tmp_path, rates), progress=lambda _: None
                )
            )

        yield open_bill


def sums(bill: Bill, table: str) -> dict[str, tuple[str, float]]:
    rows = bill.engine.query(
        f"SELECT ProviderName AS p, max(BillingCurrency) AS c, sum(BilledCost) AS b FROM {table} GROUP BY 1",
        label="sums",
    )
    return {row["p"]: (row["c"], row["b"]) for row in rows}


@pytest.mark.parametrize("hours", [{}, HOURLY])
@pytest.mark.parametrize("table", ["folded_charges", "daily_services", "tagged_days"])
def test_each_charge_is_converted_from_its_own_currency(tmp_path, opened, hours, table):
    """This holds for daily charges, for hourly charges that are summed, and in each table that a refresh stores."""
    yen = {"BillingCurrency": "JPY", "ProviderName": "Google Cloud", "BilledCost": "300"}
    path = write(tmp_path / "a.parquet", hours, {**EURO, "BilledCost": "8", **hours}, {**yen, **hours})
    bill = opened(path, "EUR = 0.8\nJPY = 150")
    assert sums(bill, table) == {
        "AWS": ("USD", 1.0),
        "Microsoft": ("USD", pytest.approx(10.0)),
        "Google Cloud": ("USD", pytest.approx(2.0)),
    }
    assert bill.summary.currency == "USD"
    assert bill.summary.conversions == (
        "amounts in EUR are converted to USD: 1 EUR is 1.25 USD (owners.toml)",
        "amounts in JPY are converted to USD: 1 JPY is 0.00666667 USD (owners.toml)",
    )
    assert set(bill.summary.conversions) <= set(bill.summary.warnings)


def test_rate_of_the_bill_comes_before_the_built_in_rate(tmp_path, opened):
    """The rate of a currency is computed from the charges in that currency only."""
    path = write(
        tmp_path / "a.csv",
        {"PricingCurrency": "USD", "PricingCurrencyEffectiveCost": "1"},
        {**EURO, "EffectiveCost": "5", "PricingCurrency": "USD", "PricingCurrencyEffectiveCost": "10"},
        types=PRICED,
    )
    bill = opened(path)
    assert bill.summary.conversions == (
        "amounts in EUR are converted to USD: 1 EUR is 2 USD (from the pricing-currency costs on the bill)",
    )
    (row,) = bill.engine.query("SELECT sum(EffectiveCost) AS e FROM folded_charges", label="sum")
    assert row["e"] == pytest.approx(0.5 + 10)


def test_without_us_dollars_the_currency_of_most_charges_is_used(tmp_path, opened):
    path = write(tmp_path / "a.csv", EURO, EURO, {"BillingCurrency": "GBP"})
    bill = opened(path, "EUR = 0.8\nGBP = 0.4")
    assert bill.summary.currency == "EUR"
    assert sums(bill, "folded_charges")["AWS"] == ("EUR", pytest.approx(2.0))


def test_without_an_exchange_rate_the_scan_stops(tmp_path, opened):
    """The error names the currency and both remedies."""
    path = write(tmp_path / "a.csv", {}, {"BillingCurrency": "XTS"}, EURO)
    with pytest.raises(ConfigError) as caught:
        opened(path)
    assert str(caught.value) == (
        f"{path}: charges are billed in EUR and USD and XTS, but there is no exchange rate for XTS. "
        "Set the exchange rate for XTS under [exchange_rates] in owners.toml, or scan the files of each currency "
        "separately."
    )


def test_delivered_sums_are_in_one_currency(tmp_path, opened):
    """The history of deliveries compares a month with itself, and an unchanged bill adds no row."""
    path = write(tmp_path / "a.csv", {}, {**EURO, "BilledCost": "8"})
    for _ in range(2):
        inputs = BillInputs(str(path), state=tmp_path / "state")
        options = {"catalog": CATALOG, "owners": owners(tmp_path, "EUR = 0.8"), "progress": lambda _: None}
        with open_local_bill(inputs, **options) as bill:
            rows = bill.engine.query("SELECT charges, billed_cost FROM deliveries", label="deliveries")
        assert rows == [{"charges": 2, "billed_cost": pytest.approx(11.0)}]


def test_a_bill_of_two_currencies_is_one_of_several_bills(tmp_path):
    """It is converted to US dollars first, and then to the currency of the first bill."""
    first = write(tmp_path / "first/a.csv", {"BillingCurrency": "EUR"})
    mixed = write(
        tmp_path / "mixed/a.csv",
        {"SubAccountId": "2", "BilledCost": "10"},
        {**EURO, "BilledCost": "8"},
    )
    inputs = BillInputs(
        str(first), state=tmp_path / "s1", others=(OtherBill(str(mixed), state=tmp_path / "s2"),)
    )
    options = {"catalog": CATALOG, "owners": owners(tmp_path, "EUR = 0.8"), "progress": lambda _: None}
    with open_joint_bill(inputs, **options) as bill:
        assert sums(bill, "folded_charges") == {
            "AWS": ("EUR", pytest.approx(9.0)),
            "Microsoft": ("EUR", pytest.approx(8.0)),
        }
        (aws,) = bill.aws_engine.query("SELECT sum(BilledCost) AS b FROM folded_charges", label="sum")
        assert aws["b"] == pytest.approx(9.0)
        assert [note for note in bill.summary.warnings if "converted" in note] == [
            "mixed/a.csv: amounts in EUR are converted to USD: 1 EUR is 1.25 USD (owners.toml)",
            "amounts in the bill mixed/a.csv are converted from USD to EUR: 1 USD is 0.8 EUR (owners.toml)",
        ]


def test_an_invoice_stays_in_its_own_currency(tmp_path, opened):
    """A chargeback must equal the invoice, so nothing is converted there."""
    ids = {"InvoiceId": "VARCHAR"}
    path = write(
        tmp_path / "a.csv", {"InvoiceId": "i-1"}, {**EURO, "BilledCost": "8", "InvoiceId": "i-2"}, types=ids
    )
    bill = opened(path, "EUR = 0.8")
    lines = chargeback(bill, billing_period=date(2026, 5, 1), owners=owners(tmp_path), catalog=CATALOG)
    assert [(line.invoice_id, line.currency, line.amount) for line in lines] == [
        ("i-1", "USD", Decimal("1.00")),
        ("i-2", "EUR", Decimal("8.00")),
    ]
    invoices = month_invoices(bill, date(2026, 5, 1), catalog=CATALOG)
    assert [(one.invoice_id, one.currency, one.billed_cost) for one in invoices] == [
        ("i-2", "EUR", 8.0),
        ("i-1", "USD", 1.0),
    ]
