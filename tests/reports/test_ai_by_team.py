"""The report ai_by_team: spend, tokens, price, forecast and waste of AI by team, with a total."""

from datetime import date, timedelta

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.bill.schema.columns_of_all_tables import KNOWN_FINDINGS
from focuswatch.engines.duckdb_connection_macros_and_tables import connect, create_table
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.reports.query_report_rows import report_rows
from tests.reports.test_reports import AS_OF, CATALOG, CHARGE, TEAM_OWNERS

DAY = timedelta(days=1)
TOKENS = {
    "SkuMeter": "USE1-NovaMicro-input-tokens",
    "ConsumedUnit": "1K tokens",
    "ConsumedQuantity": 2_000_000.0,
}
ENDPOINT = {
    "ServiceName": "Amazon SageMaker",
    "SkuMeter": "USE1-Host:ml.g5.xlarge",
    "ResourceId": "arn:endpoint/idle",
}
EVERY_DAY = {"days": [AS_OF - 60 * DAY, AS_OF]}


def engine_over(charges, *, findings=()):
    """An engine over these charges and findings."""
    connection = connect()
    case = Case(name="given charges", kind="quiet", charges=list(charges))
    create_input_tables(
        connection, case, file=CaseFile.model_construct(charge=CHARGE, activity_row={}, link_row={})
    )
    rows = [tuple({**FINDING, **one}[name] for name in KNOWN_FINDINGS) for one in findings]
    create_table(connection, "known_findings", KNOWN_FINDINGS, rows)
    create_owner_and_computed_local_tables.load_owners(connection, TEAM_OWNERS.tables)
    create_owner_and_computed_local_tables.create_views(connection, CATALOG, values={"as_of": AS_OF})
    return DuckDbEngine(connection)


def rows_of(name, engine):
    return report_rows(CATALOG.report(name), engine=engine, as_of=AS_OF, owners=TEAM_OWNERS)


FINDING = {
    **dict.fromkeys(KNOWN_FINDINGS), "detection": "idle_sagemaker_endpoint", "category": "waste", "severity": "low",
    "state": "open", "is_silenced": False, "team": "ads", "title": "Idle", "monthly_cost": 100.0,
    "first_seen": date(2026, 3, 1), "is_counted": True, "resource_id": "arn:endpoint/idle",
}  # fmt: skip


@pytest.fixture(scope="module")
def teams():
    """Rows by team: ads has tokens and an endpoint, search has a Marketplace model, and EC2 is not AI."""
    engine = engine_over(
        [
            {**EVERY_DAY, **TOKENS, "Tags": {"team": "ads"}, "EffectiveCost": 4.0, "BilledCost": 4.0},
            {**EVERY_DAY, **ENDPOINT, "Tags": {"team": "ads"}, "EffectiveCost": 20.0, "BilledCost": 20.0},
            {**EVERY_DAY, "Tags": {"team": "search"}, "EffectiveCost": 3.0, "BilledCost": 3.0},
            {**EVERY_DAY, "SubAccountId": "999900001111", "EffectiveCost": 1.0, "BilledCost": 1.0},
            {**EVERY_DAY, "ServiceName": "Amazon EC2", "Tags": {"team": "ads"}, "EffectiveCost": 500.0},
            {"charge_date": AS_OF - 5 * DAY, "ChargeCategory": "Tax", "EffectiveCost": 99.0, "BilledCost": 99.0},
        ],
        findings=[
            {"fingerprint": "idle"},
            {"fingerprint": "batch", "detection": "realtime_batchable", "resource_id": None, "monthly_cost": 30.0,
             "service_name": "Amazon Bedrock", "team": "search"},
            {"fingerprint": "twice", "is_counted": False},
            {"fingerprint": "muted", "is_silenced": True},
            {"fingerprint": "gone", "state": "resolved"},
            {"fingerprint": "volume", "detection": "abandoned_volume", "resource_id": "vol-1", "service_name": "EC2"},
            {"fingerprint": "burst", "category": "anomaly"},
        ],
    )  # fmt: skip
    rows = rows_of("ai_by_team", engine)
    assert [row["team"] for row in rows][-1] == "(total)"
    return {row["team"]: row for row in rows}, engine


def test_teams_add_up_to_the_ai_spend_of_complete_days(teams):
    """30 complete days, without EC2 and tax. The shares and the total cover the same charges."""
    by_team, _ = teams
    spends = {team: row["effective_cost"] for team, row in by_team.items()}
    assert spends == pytest.approx({"ads": 720, "search": 90, "(unallocated)": 30, "(total)": 840})
    assert by_team["ads"]["effective_cost_before"] == pytest.approx(28 * 24)
    assert sum(row["share"] for row in by_team.values()) == pytest.approx(2)


def test_price_is_the_cost_of_tokens_and_not_that_of_endpoints(teams):
    """2,000 million tokens a day for 4 USD."""
    by_team, _ = teams
    assert by_team["ads"]["million_tokens"] == pytest.approx(30 * 2_000)
    assert (
        by_team["ads"]["cost_per_million"] == by_team["(total)"]["cost_per_million"] == pytest.approx(0.002)
    )
    assert by_team["search"]["cost_per_million"] is None


def test_forecast_is_that_of_month_forecast_for_a_team_with_ai_charges_only(teams):
    by_team, engine = teams
    months = {(row["of"], row["name"]): row for row in rows_of("month_forecast", engine)}
    for team in ("search", "(unallocated)"):
        expected = months["team", team]
        assert by_team[team]["month_to_date"] == pytest.approx(expected["spent"])
        assert by_team[team]["forecast"] == pytest.approx(expected["forecast"])
    total = by_team["(total)"]
    assert total["forecast"] == pytest.approx(28 * 31, rel=0.02)
    assert total["low"] <= total["forecast"] <= total["high"]


def test_waste_counts_open_findings_about_ai_once(teams):
    """Muted, resolved and duplicate findings, and findings about other services, are left out."""
    by_team, _ = teams
    assert (by_team["ads"]["idle_monthly"], by_team["ads"]["waste_monthly"]) == (100, 100)
    assert (by_team["search"]["idle_monthly"], by_team["search"]["waste_monthly"]) == (0, 30)
    assert (by_team["(total)"]["idle_monthly"], by_team["(total)"]["waste_monthly"]) == (100, 130)


def test_bill_without_ai_has_no_rows():
    assert rows_of("ai_by_team", engine_over([{"ServiceName": "Amazon EC2"}])) == []
