"""A chargeback adds up to each invoice to the cent, whatever the bill, and splits shared costs as owners.toml says."""

import csv
import json
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from random import Random

import duckdb
import pytest
from typer.testing import CliRunner

from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.bill.query_invoices_and_their_charges import InvoiceCharge
from focuswatch.cli import app
from focuswatch.errors import ConfigError
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.chargeback import chargeback, chargeback_lines, team_rows
from tests.given.exports import CATALOG, deliver, write
from tests.given.random_invoice_charges import MAY, TYPES, random_charges

INVOICED = """
SELECT InvoiceId, BillingCurrency, sum(CAST(BilledCost AS decimal(38, 10)))
FROM {source}
WHERE BillingPeriodStart = TIMESTAMP '2026-05-01'
GROUP BY ALL
"""
TEAMS = {
    "search": {"channel": "#search", "owns": {"accounts": ["111122223333"]}},
    "ml": {"channel": "#ml", "owns": {"tags": {"team": ["ml", "training"]}}},
    "platform": {"channel": "#platform"},
}


def owners_with(*shared, **more):
    """Return owners with three teams and these shared costs."""
    return Owners.model_validate({"teams": TEAMS, "chargeback": {"shared": list(shared)}, **more})


def charge(cost, *, team=None, kind="usage", account="999900001111", service="Amazon EC2", invoice="INV-1"):
    """Return a charge, unallocated unless it has a team tag."""
    tags = {"team": team} if team else {}
    return InvoiceCharge(invoice, "USD", account, service, kind, tags, Decimal(cost))


def totals(charges, owners, *, tokens=None):
    """Return the total of each team."""
    sums = defaultdict(Decimal)
    for line in chargeback_lines(charges, owners=owners, accounts={}, tokens=tokens or {}):
        sums[line.team] += line.amount
    return dict(sums)


SHARED_BY_RULE = [
    {"name": "platform", "teams": ["platform"], "split": "usage"},
    {"name": "support", "services": ["AWS Support"], "split": "even"},
    {"name": "gateway", "accounts": ["555566667777"], "split": "shares", "shares": {"search": 2, "ml": 1}},
]


@pytest.mark.parametrize("seed", range(12))
def test_teams_and_unallocated_add_up_to_every_invoice(seed, tmp_path):
    """Per invoice and currency, to the cent: compared with plain SQL over the delivered file."""
    random = Random(seed)
    rows = random_charges(random)
    name = random.choice(["focus-00001.snappy.parquet", "focus-00001.csv", "focus-00001.csv.gz"])
    path = deliver(tmp_path / "export", *rows, listed=[name], types=TYPES)
    owners = owners_with(*random.sample(SHARED_BY_RULE, k=random.randint(0, 3)))
    with open_local_bill(
        BillInputs(str(tmp_path / "export"), tmp_path / "state"),
        catalog=CATALOG,
        owners=owners,
        progress=lambda _: None,
    ) as bill:
        lines = chargeback(bill, billing_period=MAY, owners=owners, catalog=CATALOG)
    sums = defaultdict(Decimal)
    for line in lines:
        assert line.amount == round(line.amount, 2)
        sums[line.invoice_id, line.currency] += line.amount
    invoices = duckdb.sql(INVOICED.format(source=f"'{path}'")).fetchall()
    cents = {
        (id, currency): total.quantize(Decimal("0.01"), ROUND_HALF_UP) for id, currency, total in invoices
    }
    assert len(cents) > 1
    assert sums == {key: total for key, total in cents.items() if total or key in sums}
    for row in team_rows(lines):
        kinds = ("usage", "fees", "credits", "tax", "refunds", "shared")
        assert row["total"] == sum(row[kind] for kind in kinds)


def test_remaining_cent_of_a_split_in_three_is_allocated_once():
    """The teams' amounts differ by at most one cent and add up to the invoice's 100.00."""
    rule = {"name": "rest", "unallocated": True, "split": "even"}
    assert totals([charge("100")], owners_with(rule)) == {
        "ml": Decimal("33.34"),
        "platform": Decimal("33.33"),
        "search": Decimal("33.33"),
    }


def test_shared_team_pays_no_part_of_its_own_costs():
    """Usage of 30 and 10 splits 8 as 6 and 2; platform pays none."""
    owners = owners_with({"name": "platform", "teams": ["platform"], "split": "usage"})
    charges = [charge("30", account="111122223333"), charge("10", team="ml"), charge("8", team="platform")]
    assert totals(charges, owners) == {"search": 36, "ml": 12}


def test_credits_and_tax_do_not_change_the_shares_of_usage():
    owners = owners_with({"name": "platform", "teams": ["platform"], "split": "usage"})
    charges = [
        charge("30", account="111122223333"),
        charge("-29", account="111122223333", kind="credit"),
        charge("10", team="ml"),
        charge("50", team="ml", kind="tax"),
        charge("8", team="platform"),
    ]
    assert totals(charges, owners) == {"search": 7, "ml": 62}


def test_tokens_split_the_cost_of_models():
    owners = owners_with({"name": "gateway", "accounts": ["555566667777"], "split": "tokens"})
    charges = [charge("9", account="555566667777")]
    assert totals(charges, owners, tokens={"ml": Fraction(2), "search": Fraction(1)}) == {
        "ml": 6,
        "search": 3,
    }
    assert totals(charges, owners) == {None: 9}  # no team has tokens


def test_first_matching_rule_applies_and_later_ones_do_not():
    owners = owners_with(
        {"name": "support", "services": ["AWS Support"], "split": "shares", "shares": {"ml": 1}},
        {"name": "rest", "unallocated": True, "split": "shares", "shares": {"search": 1}},
    )
    lines = chargeback_lines(
        [charge("5", service="AWS Support"), charge("7")], owners=owners, accounts={}, tokens={}
    )
    assert {(line.team, line.shared_cost, line.amount) for line in lines} == {
        ("ml", "support", Decimal(5)),
        ("search", "rest", Decimal(7)),
    }


def test_shared_use_case_is_selected_by_tag():
    owners = owners_with(
        {"name": "gateway", "use_cases": ["gateway"], "split": "shares", "shares": {"ml": 1}},
        use_cases={"gateway": {"intent": "shared", "rows": {"tags": {"team": ["gateway"]}}}},
    )
    assert totals([charge("5", team="gateway")], owners) == {"ml": 5}


def test_yen_have_no_decimals():
    (line,) = chargeback_lines(
        [InvoiceCharge("I", "JPY", None, None, "tax", None, Decimal("1234.5"))],
        owners=owners_with(), accounts={}, tokens={},
    )  # fmt: skip
    assert line.amount == Decimal(1235) and line.team is None


@pytest.mark.parametrize(
    ("shared", "mistake"),
    [
        ({"teams": ["platfrom"], "split": "even"}, "chargeback.shared.x.teams: found 'platfrom'"),
        ({"accounts": ["12"], "split": "even"}, "chargeback.shared.x.accounts: found '12'"),
        ({"use_cases": ["a"], "split": "even"}, "chargeback.shared.x.use_cases: found 'a'"),
        ({"use_cases": ["by resource"], "split": "even"}, "selects charges by resource"),
        (
            {"teams": ["ml"], "split": "shares", "shares": {"ml": 1}},
            "the charges of ml are themselves shared",
        ),
        ({"teams": ["ml", "search", "platform"], "split": "even"}, "owners.toml has no other team"),
    ],
)
def test_mistakes_in_shared_cost_rules_are_reported(shared, mistake):
    rows = {"by resource": {"intent": "shared", "rows": {"resources": ["arn:x*"]}}}
    assert mistake in " ".join(owners_with({"name": "x", **shared}, use_cases=rows).mistakes())


@pytest.mark.parametrize(
    ("shared", "mistake"),
    [
        ({"split": "even"}, "found no key that selects charges"),
        ({"services": ["a"], "split": "shares"}, "without `shares`"),
        ({"services": ["a"], "split": "even", "shares": {"ml": 1}}, "with `shares`"),
    ],
)
def test_incomplete_rule_is_refused(shared, mistake):
    with pytest.raises(ValueError, match=mistake):
        owners_with({"name": "x", **shared})


def run(*arguments):
    """Return the result of `focuswatch chargeback`."""
    return CliRunner().invoke(app, ["chargeback", *map(str, arguments)])


@pytest.fixture
def export(tmp_path: Path):
    """Return the folder of a bill with two teams' invoiced charges and an unallocated tax that is not invoiced yet."""
    rows = [
        {"BilledCost": "10.004", "InvoiceId": "INV-1", "Tags": "{team=search}"},
        {"BilledCost": "5.5", "InvoiceId": "INV-1", "Tags": "{team=\"=cmd\"}"},
        {"BilledCost": "1.25", "InvoiceId": None, "Tags": "{}", "ChargeCategory": "Tax", "SubAccountId": None},
    ]  # fmt: skip
    write(tmp_path / "export" / "bill.parquet", *rows, types={"InvoiceId": "VARCHAR"})
    return tmp_path / "export"


def test_files_have_the_rows_of_the_table(export, tmp_path):
    """One CSV and one Parquet file for all teams and for each team.

    A team name that begins with = is escaped in CSV, so that a spreadsheet does not run it as a formula.
    """
    state, out = ("--state", tmp_path / "state"), tmp_path / "out"
    result = run(export, "--month", "2026-05", "--out", out, *state)
    assert result.exit_code == 0, result.output
    for text in ("INV-1", "(not invoiced)", "(unallocated)", "10.00", "Unallocated", "15.50"):
        assert text in result.output
    stem = "chargeback-2026-05"
    names = ("", "-cmd", "-search", "-unallocated")
    expected = {f"{stem}{name}.{suffix}" for name in names for suffix in ("csv", "parquet")}
    assert {path.name for path in out.iterdir()} == expected
    (row,) = csv.DictReader((out / f"{stem}-cmd.csv").open())
    assert (row["team"], row["amount"], row["invoice_id"]) == ("'=cmd", "5.50", "INV-1")
    parquet = duckdb.sql(f"SELECT team, amount FROM '{out / f'{stem}-cmd.parquet'}'").fetchall()
    assert parquet == [("=cmd", Decimal("5.50"))]
    rows = list(csv.DictReader((out / f"{stem}.csv").open()))
    assert [(row["team"], row["total"]) for row in rows] == [
        ("search", "10.00"),
        ("'=cmd", "5.50"),
        ("", "1.25"),
    ]
    as_json = json.loads(run(export, "--month", "2026-05", "--format", "json", *state).stdout)
    assert [row["total"] for row in as_json] == [10.0, 5.5, 1.25]


def test_output_folder_with_the_file_of_a_removed_team_is_refused(export, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "chargeback-2026-05-gone.csv").write_text("")
    result = run(export, "--month", "2026-05", "--out", out, "--state", tmp_path / "state")
    assert isinstance(result.exception, ConfigError) and "gone.csv" in str(result.exception)
    assert [path.name for path in out.iterdir()] == ["chargeback-2026-05-gone.csv"]


def test_month_without_charges_is_refused(export, tmp_path):
    result = run(export, "--month", "2026-04", "--state", tmp_path / "state")
    assert isinstance(result.exception, ConfigError) and "2026-04" in str(result.exception)
