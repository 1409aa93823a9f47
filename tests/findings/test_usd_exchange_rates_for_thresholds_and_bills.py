"""Money thresholds are in USD and mean the same on a bill in any currency."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
import typer.testing

from focuswatch.authoring.detection_cases import CASES_FOLDER, Case, CaseFile, outcome_of, read_cases
from focuswatch.aws_alerts.build_alert_finding import alert_finding as said
from focuswatch.bill.refresh.athena_refresh_queries import rate_of_period
from focuswatch.bill.refresh.switch_glue_partitions_and_read_period_facts import GluePeriod, _period
from focuswatch.catalog.sql_catalog import Catalog, read_entry
from focuswatch.catalog.sql_header_models import DetectionHeader as Header
from focuswatch.cli import app
from focuswatch.detect.run_detection_and_check_rows import Outcome
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.errors import CatalogError, ConfigError
from focuswatch.findings.usd_exchange_rates_for_thresholds_and_bills import (
    TABLE,
    TABLE_DATE,
    converted,
    rate_of,
    usd,
)
from focuswatch.ledger import decide
from focuswatch.owners.owners_file import Owners
from tests.given.one_line_findings import finding, run

CATALOG = Catalog.load()
RUPEES = 83.0
MONEY = (
    "EffectiveCost",
    "BilledCost",
    "billed_cost",
    "effective_cost",
    "estimated_monthly_cost_after_discount",
    "estimated_monthly_savings_after_discount",
)
CASES = [
    pytest.param(id, case, file, id=f"{id}: {case.name}")
    for id in CATALOG.detections
    for file in [read_cases(CASES_FOLDER / f"{id}.toml")]
    for number, case in enumerate(file.cases)
    if number % 12 == 0 or (case.findings and number < 3)  # the first cases of a file test its thresholds
]


def test_rate_of_owners_toml_precedes_the_bill_and_the_table():
    """The note of each rate states its source."""
    assert rate_of("USD", rates={"USD": Decimal(2)}).per_usd == 1
    assert rate_of("INR", rates={"INR": Decimal(90)}, of_bill=91.5).per_usd == 90
    assert rate_of("INR", of_bill=91.5).per_usd == Decimal("91.5")
    assert rate_of("INR").per_usd == TABLE["INR"]
    assert rate_of("INR", of_bill=float("nan")).per_usd == TABLE["INR"]
    notes = [
        rate_of("INR", rates={"INR": Decimal(90)}).note,
        rate_of("INR", of_bill=91.5).note,
        rate_of("INR").note,
    ]
    assert [note and note.partition(" (")[2].partition(")")[0].partition(":")[0] for note in notes] == [
        "owners.toml",
        "from the pricing-currency costs on the bill",
        f"the European Central Bank reference rates of {TABLE_DATE}",
    ]
    assert rate_of("USD").note is None


def test_currency_without_a_rate_is_noted():
    """The amounts are treated as dollars, and the note says so."""
    assert rate_of("XYZ").per_usd == 1
    assert "There is no exchange rate for XYZ" in str(rate_of("XYZ").note)


def test_amounts_are_converted_through_the_dollar():
    rates = {"INR": Decimal(80), "EUR": Decimal("0.8")}
    assert usd(Decimal(8000), "INR", rates) == 100
    assert converted(Decimal(8000), source="INR", target="EUR", rates=rates) == 80
    assert converted(Decimal(7), source="XYZ", target="XYZ") == 7


@pytest.mark.parametrize(
    "stated", ["INR = 0", "INR = -3", "INR = inf", "INR = nan", "rupees = 83", 'INR = "many"']
)
def test_invalid_rate_is_refused(tmp_path, stated):
    path = tmp_path / "owners.toml"
    path.write_text(f"[exchange_rates]\n{stated}\n")
    with pytest.raises(ConfigError, match="exchange_rates"):
        Owners.load(path)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield one connection for all cases; each case replaces every table that it reads."""
    with connect() as connection:
        yield connection


@pytest.mark.parametrize(("id", "case", "file"), CASES)
def test_case_in_rupees_has_the_findings_of_the_case_in_dollars(id, case, file, connection):
    """At 83 rupees per dollar, with all amounts times 83, the findings are the same and cost 83 times as much."""
    dollars = _outcome(id, case, file, connection)
    rupees = _outcome(id, _in_rupees(case, file), file, connection, per_usd=RUPEES)
    assert _identities(rupees) == _identities(dollars)
    for one, other in zip(_sorted(dollars), _sorted(rupees), strict=True):
        if id != "stale_export":  # its amount is 0 or the missing cost
            assert other["monthly_cost"] == pytest.approx(one["monthly_cost"] * RUPEES, rel=1e-6, abs=1e-3)


def _outcome(
    id: str, case: Case, file: CaseFile, connection: duckdb.DuckDBPyConnection, *, per_usd: float = 1.0
) -> Outcome:
    defaults = {
        name: row | {key: row[key] * per_usd for key in MONEY if key in row}
        for name in ("charge", "recommendation", "principal_row")
        for row in [getattr(file, name)]
    }
    if per_usd != 1 and defaults["recommendation"]:
        defaults["recommendation"]["currency_code"] = "INR"
    return outcome_of(
        case,
        file=file.model_copy(update=defaults),
        detection=CATALOG.detections[id],
        catalog=CATALOG,
        on=connection,
        per_usd=per_usd,
    )


def _in_rupees(case: Case, file: CaseFile) -> Case:
    def in_rupees(row):
        return {
            key: value * RUPEES if key in MONEY and not isinstance(value, str) else value
            for key, value in row.items()
        }

    owners = json.loads(json.dumps(case.owners, default=str))
    for team in owners.get("teams", {}).values():
        if "monthly_budget" in team:
            team["monthly_budget"] = float(team["monthly_budget"]) * RUPEES
    for use_case in owners.get("use_cases", {}).values():
        for key in ("cap", "monthly_budget", "accepted_unit_cost"):
            if key in use_case:
                use_case[key] = float(use_case[key]) * RUPEES
    for budget in owners.get("principal_budgets", {}).values():
        for key in ("daily_budget", "monthly_budget"):
            if key in budget:
                budget[key] = float(budget[key]) * RUPEES
    charges = [in_rupees(row) | {"BillingCurrency": "INR"} for row in case.charges]
    rows = {
        name: [in_rupees(row) for row in getattr(case, name)]
        for name in ("deliveries", "recommendations", "principals")
    }
    return case.model_copy(update={"charges": charges, "owners": owners, **rows})


def _sorted(outcome):
    return sorted(outcome.rows, key=lambda row: str([row.get(key) for key in IDENTITY]))


IDENTITY = ("sub_account_id", "region_id", "resource_id", "service_name")


def _identities(outcome):
    assert outcome.error is None
    return [[row.get(key) for key in IDENTITY] for row in _sorted(outcome)], len(outcome.not_evaluated)


def test_amount_parameter_must_end_in_usd(tmp_path):
    """A parameter whose name suggests an amount of money must have a unit, so that it is converted."""
    text = (
        CASES_FOLDER.parent.parent / "athena_sql" / "detections" / "idle_sagemaker_endpoint.sql"
    ).read_text()
    path = tmp_path / "idle_sagemaker_endpoint.sql"
    path.write_text(text.replace("least_monthly_cost_usd", "least_monthly_cost"))
    with pytest.raises(
        CatalogError, match="must end in _usd: rename least_monthly_cost to least_monthly_cost_usd"
    ):
        read_entry(path, Header)
    path.write_text(text.replace("least_monthly_cost_usd = 1.0", 'least_monthly_cost_usd = "1"'))
    with pytest.raises(CatalogError, match=r"least_monthly_cost_usd: expected a number \(an amount in USD\)"):
        read_entry(path, Header)


def test_material_change_is_measured_in_dollars():
    """An increase by 15 dollars is notified; an increase by 15 rupees is not."""
    first, grown = finding(cost="15"), finding(cost="30")
    entries = {entry.fingerprint: entry for entry in decide({}, [], run(first)).entries}
    assert [one.kind for one in decide(entries, [], run(grown)).notifications] == ["changed"]
    assert decide(entries, [], run(grown, per_usd=Decimal(83))).notifications == ()
    grown = finding(cost="900")
    assert [one.kind for one in decide(entries, [], run(grown, per_usd=Decimal(83))).notifications] == [
        "changed"
    ]


def test_aws_alert_in_another_currency_is_converted_for_its_severity():
    """1,500 rupees are too little for severity medium."""
    more = {"identity": "b", "category": "governance", "title": "A budget", "reason": "r", "action": "a"}
    day = date(2026, 3, 31)
    result = said(
        "aws_budget",
        **more,
        evidence={},
        owner=(None, "fallback"),
        days=(day, day),
        cost=Decimal(1500),
        currency="INR",
    )
    assert result.severity == "low"
    assert result.monthly_cost == 1500


HEADER = (
    "BilledCost",
    "BillingCurrency",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ConsumedQuantity",
    "EffectiveCost",
    "RegionId",
    "ResourceId",
    "ServiceName",
    "SkuMeter",
    "SubAccountId",
    "PricingCurrency",
    "PricingCurrencyEffectiveCost",
)


def bill(path: Path, *, rate: float = 1.0, currency: str = "USD", prices: bool = False) -> Path:
    """Write a bill with an orphaned collection, another one that costs a cent, and machines with a one-day spike."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(HEADER)
        for number in range(60):
            start = date.fromordinal(date(2026, 2, 1).toordinal() + number)
            end = date.fromordinal(start.toordinal() + 1)
            machines = 60.0 if number == 52 else 10.0
            for service, meter, region, usd_ in (
                ("Amazon OpenSearch Service", "USE1-SearchOCU", "us-east-1", 5.76),
                ("Amazon OpenSearch Service", "EU-SearchOCU", "eu-west-1", 0.01),
                ("Amazon Elastic Compute Cloud", "BoxUsage:m5.large", "us-east-1", machines),
            ):  # fmt: skip
                cost = usd_ * rate
                rows.writerow(
                    (
                        cost,
                        currency,
                        start.replace(day=1),
                        "Usage",
                        start,
                        end,
                        24,
                        cost,
                        region,
                        "",
                        service,
                        meter,
                        "111122223333",
                        "USD" if prices else "",
                        usd_ if prices else "",
                    )
                )
    return path


def scanned(export: Path, state: Path, *more: object) -> tuple[list[dict], str]:
    done = typer.testing.CliRunner().invoke(
        app, ["scan", str(export), "--state", str(state), *map(str, more), "--format", "json"]
    )
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), done.stderr


def identities_and_severities(findings: list[dict]) -> list[tuple]:
    return sorted(
        (one["fingerprint"], one["severity"], one["started_on"], one["ended_on"]) for one in findings
    )


@pytest.mark.parametrize("source", ["owners.toml", "the bill"])
def test_bill_in_rupees_has_the_findings_and_severities_of_dollars(tmp_path, source):
    """With the command, the findings and severities equal those of the bill in dollars; amounts are in rupees."""
    dollars, _ = scanned(bill(tmp_path / "usd.csv"), tmp_path / "usd")
    assert {one["detection"] for one in dollars} == {
        "orphaned_opensearch_collection",
        "cost_anomaly",
        "untagged_ai_spend",
    }
    owners = tmp_path / "owners.toml"
    owners.write_text("[exchange_rates]\nINR = 83\n" if source == "owners.toml" else "")
    export = bill(tmp_path / "inr.csv", rate=83.0, currency="INR", prices=source == "the bill")
    rupees, _ = scanned(export, tmp_path / "inr", "--owners", owners)
    assert identities_and_severities(rupees) == identities_and_severities(dollars)
    assert {one["currency"] for one in rupees} == {"INR"}
    by_id = {one["fingerprint"]: one for one in rupees}
    for one in dollars:
        assert by_id[one["fingerprint"]]["monthly_cost"] == pytest.approx(one["monthly_cost"] * 83, rel=1e-5)
    again, _ = scanned(export, tmp_path / "inr", "--owners", owners)  # the rate is stored with the charges
    assert {one["status"] for one in again} == {"open"}


def test_scan_prints_the_exchange_rate_of_thresholds(tmp_path):
    export = bill(tmp_path / "inr.csv", rate=83.0, currency="INR", prices=True)
    done = typer.testing.CliRunner().invoke(app, ["scan", str(export), "--state", str(tmp_path / "state")])
    output = " ".join(done.stdout.split())
    assert (
        "Thresholds in USD are converted at 83 INR per USD (from the pricing-currency costs on the bill)"
        in output
    )


def test_athena_reads_the_rate_from_the_raw_export():
    """The rate is computed from rows priced in US dollars; refunds and free usage are ignored."""
    connection = connect()
    connection.execute("""
        CREATE TABLE focus_export AS
        SELECT * FROM (VALUES
            ('2026-05', 830.0, 10.0, 'USD'), ('2026-05', -83.0, -2.0, 'USD'), ('2026-05', 0.0, 0.0, 'USD'),
            ('2026-05', 500.0, 500.0, 'INR'), ('2026-05', 40.0, NULL, NULL), ('2026-04', 900.0, 10.0, 'USD')
        ) AS rows (billing_period, EffectiveCost, PricingCurrencyEffectiveCost, PricingCurrency)
    """)
    assert connection.execute(rate_of_period("2026-05")).fetchall() == [(830.0, 10.0)]
    assert connection.execute(rate_of_period("2026-03")).fetchall() == [(0.0, 0.0)]


@pytest.mark.parametrize("per_usd", [83.25, None])
def test_billing_period_stores_its_rate(per_usd):
    """The rate is in the partition's parameters, next to the currency."""
    day = date(2026, 5, 31)
    period = GluePeriod(
        "2026-05", "s3://b/", "d", datetime(2026, 6, 1, tzinfo=UTC), 1, 1.0, "INR", day, day, per_usd=per_usd
    )
    result = {
        "Values": ["2026-05"],
        "StorageDescriptor": {"Location": "s3://b/"},
        "Parameters": period.parameters(),
    }
    assert _period(result) == period
