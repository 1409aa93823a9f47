"""Reports name the basis of their amounts (cost column and kinds of charges) and run with each basis they offer."""

import json
from datetime import date, timedelta
from itertools import combinations

import pytest
from typer.testing import CliRunner

from focuswatch.catalog.sql_header_models import CHARGES, ReportHeader, charges_text
from focuswatch.cli import app
from focuswatch.errors import ConfigError
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.reports.run_report_with_other_cost_or_charge_kinds import (
    Basis,
    basis_of,
    basis_text,
    engine_with_basis,
    offered_bases,
    rows_with_basis,
)
from tests.cli.test_cli import SAMPLE
from tests.reports.test_ai_by_team import engine_over
from tests.reports.test_reports import AS_OF, CATALOG, TEAM_OWNERS

DAY = date(2026, 3, 20)
KINDS = {
    "usage": {"EffectiveCost": 1.0, "BilledCost": 10.0},
    "fees": {"ChargeCategory": "Purchase", "EffectiveCost": 2.0, "BilledCost": 20.0},
    "credits": {"ChargeCategory": "Credit", "EffectiveCost": -4.0, "BilledCost": -40.0},
    "tax": {"ChargeCategory": "Tax", "EffectiveCost": 8.0, "BilledCost": 80.0},
}
COSTS = {"usage": 1.0, "fees": 2.0, "credits": -4.0, "tax": 8.0}


@pytest.fixture(scope="module")
def engine():
    """Return an engine over one Bedrock charge of each kind on one day. Each cost is a different power of two."""
    before = {"charge_date": AS_OF - timedelta(days=60), "EffectiveCost": 0.0, "BilledCost": 0.0}
    unallocated = {"charge_date": DAY, "SubAccountId": "999900001111"}
    return engine_over([before, *({**unallocated, **kind} for kind in KINDS.values())])


def rows(name, engine, basis):
    report = CATALOG.report(name)
    engine_of_basis = engine_with_basis(
        engine, basis, report=report, catalog=CATALOG, owners=TEAM_OWNERS, as_of=AS_OF
    )
    default_rows = report_rows(report, engine=engine_of_basis, as_of=AS_OF, owners=TEAM_OWNERS)
    return rows_with_basis(default_rows, basis, report=report)


OFFERED = [
    (name, cost, charges)
    for name in ("ai_spend", "portfolio", "unowned_spend", "weekly_deltas")
    for cost in ("effective", "billed")
    for number in range(1, 5)
    for charges in combinations(CHARGES, number)
    if set(CATALOG.report(name).header.offers.charges) <= set(charges)
]


@pytest.mark.parametrize(("name", "cost", "charges"), OFFERED)
def test_report_counts_the_named_charges_in_the_named_cost(engine, name, cost, charges):
    """The sum of the rows identifies the charges that the report counted."""
    basis = basis_of(CATALOG.report(name), cost=cost, charges=charges)
    expected = sum(COSTS[kind] for kind in charges) * (10 if cost == "billed" else 1)
    counted = rows(name, engine, basis)
    if name == "portfolio":  # the portfolio lists spend and no net credits
        expected = max(expected, 0)
    assert sum(row[f"{cost}_cost"] for row in counted) == pytest.approx(expected)
    text = basis_text(CATALOG.report(name), basis)
    assert ("BilledCost" if cost == "billed" else "EffectiveCost") in text and charges_text(charges) in text


def test_default_basis_changes_nothing(engine):
    """Naming the report's default basis does not change the report."""
    report = CATALOG.report("portfolio")
    assert basis_of(report, cost="effective", charges=("usage", "fees")).is_default
    assert basis_text(report, Basis()) == report.header.basis


@pytest.mark.parametrize("name", sorted(CATALOG.reports))
def test_every_report_offers_other_bases_or_states_why_not(name):
    offers, text = CATALOG.report(name).header.offers, offered_bases(CATALOG.report(name))
    assert ("--cost" in text) == (len(offers.cost) == 2)
    assert offers.limits is None or offers.limits in text
    assert offers.limits or (len(offers.cost) == 2 and {*offers.charges, *offers.more} == set(CHARGES))


def test_basis_that_a_report_does_not_offer_is_refused_with_what_it_offers():
    with pytest.raises(ConfigError, match="credits is not available for month_forecast.*are not forecast"):
        basis_of(CATALOG.report("month_forecast"), cost=None, charges=["usage", "credits"])
    with pytest.raises(ConfigError, match="--cost billed is not available for savings"):
        basis_of(CATALOG.report("savings"), cost="billed", charges=None)


def test_forecast_in_effective_cost_uses_only_effective_cost(engine):
    """In this bill, EffectiveCost is a tenth of BilledCost."""
    billed, effective = (
        rows("month_forecast", engine, basis_of(CATALOG.report("month_forecast"), cost=cost, charges=None))[0]
        for cost in ("billed", "effective")
    )
    assert effective["spent"] == pytest.approx(billed["spent"] / 10) and effective["spent"] > 0


def test_header_without_its_default_basis_is_refused():
    """Otherwise the text of another basis would name the default."""
    with pytest.raises(
        ValueError, match="must contain these exact texts for the default cost column and charges"
    ):
        ReportHeader.model_validate(
            {"title": "Spend by team", "why": "It shows what each team spent.", "basis": "Some cost of something",
             "offers": {"cost": ["effective", "billed"], "charges": ["usage"], "more": ["fees", "credits", "tax"]}}
        )  # fmt: skip


def test_output_names_the_basis_and_the_others(tmp_path):
    """In the JSON document and in the table."""
    command = [
        "report",
        "portfolio",
        str(SAMPLE),
        "--state",
        str(tmp_path),
        "--cost",
        "billed",
        "--charges",
        "usage,tax",
    ]
    document = json.loads(CliRunner().invoke(app, [*command, "--format", "json"]).stdout)
    assert document["basis"] == "BilledCost of usage and tax, excluding fees and credits"
    assert document["other_bases"] == (
        "Available options: --cost effective or billed; --charges usage,fees,credits,tax."
    )
    assert document["currency"] == "USD" and "billed_cost" in document["rows"][0]
    table = " ".join(CliRunner().invoke(app, command).stdout.split())
    assert document["basis"] in table and document["other_bases"] in table


@pytest.mark.parametrize("charges", ["", "usage,vat"])
def test_unknown_kind_of_charges_is_refused(tmp_path, charges):
    done = CliRunner().invoke(
        app, ["report", "portfolio", str(SAMPLE), "--state", str(tmp_path), "--charges", charges]
    )
    assert isinstance(done.exception, ConfigError)
    assert "expected one or more of usage, fees, credits, tax" in str(done.exception)
