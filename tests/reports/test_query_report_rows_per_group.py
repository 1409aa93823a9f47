"""Reports split by team, use case and intent: each charge counts once, and SQL and Python agree on its group."""

import json
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.owners.assign_owner_and_use_case import assigned_owner, assigned_purpose
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.reports.query_report_rows_per_group import split_rows, unsplittable
from tests.given.one_line_findings import DAY
from tests.given.page_inputs import CATALOG
from tests.reports.test_page import bill, focuswatch

OWNERS = Owners.model_validate(
    {
        "routing": {"intent_tags": ["intent", "purpose"]},
        "teams": {
            "search": {"channel": "#search", "owns": {"accounts": ["111122223333"]}},
            "lab": {"channel": "#lab", "owns": {"tags": {"team": ["laboratory"]}}},
        },
        "use_cases": {
            "tickets": {"intent": "production", "rows": {"tags": {"app": ["tickets"]}}},
            "first": {"intent": "sandbox", "rows": {"tags": {"app": ["both"]}}},
            "second": {"intent": "shared", "rows": {"tags": {"job": ["both"]}}},
            "begins": {"intent": "shared", "rows": {"resources": ["arn:x*"]}},
            "longer": {"intent": "experiment", "cap": 5, "rows": {"resources": ["arn:x/long*"]}},
            "as long": {"intent": "sandbox", "rows": {"resources": ["arn:x/longer*"]}},
            "whole": {"intent": "production", "rows": {"resources": ["arn:x/longer"]}},
            "account": {"intent": "sandbox", "rows": {"accounts": ["444455556666"]}},
            "all of the lab": {"intent": "experiment", "cap": 9, "team": "lab"},
        },
    }
)
TAGS = (
    {}, {"App": "Tickets "}, {"resourceTags/user:app": "both", "job": "both"}, {"job": "both"},
    {"intent": "Production"},
    {"purpose": "sandbox", "intent": "nonsense"}, {"team": "laboratory"}, {"app": "", "team": "laboratory"},
)  # fmt: skip
ACCOUNT_TAGS = ({}, {"app": "tickets"}, {"intent": "shared"})
ACCOUNTS = ("111122223333", "444455556666", "777788889999", None)
RESOURCES = (None, "arn:x", "arn:x/longer", "arn:x/longest", "arn:y")


def engine_over(charges, *, accounts=()):
    """Return an engine over these charges and OWNERS."""
    engine = bill(*charges)
    create_owner_and_computed_local_tables.load_owners(engine.connection, OWNERS.tables)
    for id, tags in accounts:
        engine.connection.execute("INSERT INTO accounts (sub_account_id, tags) VALUES (?, ?)", [id, tags])
    return engine


@pytest.mark.parametrize("account_tags", ACCOUNT_TAGS)
def test_use_case_and_intent_are_the_same_in_sql_and_python(account_tags):
    """SQL assigns charges and Python assigns findings. Each charge costs a different power of two."""
    charges, expected = [], {}
    combinations = list(product(TAGS, ACCOUNTS, RESOURCES))
    for number, (tags, account_id, resource_id) in enumerate(combinations):
        cost = 2.0 ** (number % 40)
        charges.append(
            {
                "Tags": tags,
                "SubAccountId": account_id,
                "ResourceId": resource_id,
                "EffectiveCost": cost,
                "ServiceName": f"service {number // 40}",
            }
        )
        tags_of_account = account_tags if account_id else {}
        arguments = {"tags": tags, "account_id": account_id, "account_tags": tags_of_account}
        team, _ = assigned_owner(OWNERS, **arguments, ou_path=None)
        use_case, intent = assigned_purpose(OWNERS, **arguments, resource_id=resource_id, team=team)
        key = (f"service {number // 40}", team, use_case, intent)
        expected[key] = expected.get(key, 0) + cost
    engine = engine_over(charges, accounts=[(id, account_tags) for id in ACCOUNTS if id])
    rows = engine.query(
        "SELECT service_name, team, use_case, intent, sum(effective_cost) AS cost FROM owned_days GROUP BY ALL",
        label="all",
    )
    assert {tuple(row.values())[:4]: row["cost"] for row in rows} == expected


CHARGES = [
    {"EffectiveCost": 10.0, "Tags": {"app": "tickets"}},
    {"EffectiveCost": 20.0, "ResourceId": "arn:x/longer", "SubAccountId": "777788889999"},
    {"EffectiveCost": 40.0, "ServiceName": "Amazon Kendra"},
    {"EffectiveCost": 80.0, "ServiceName": "Amazon Kendra", "SubAccountId": None, "ResourceId": None, "Tags": None},
    {
        "EffectiveCost": 160.0, "Tags": {"team": "laboratory"}, "ServiceName": "Amazon SageMaker",
        "SkuMeter": "USE1-Host:ml.g5.xlarge", "ResourceId": "arn:aws:sagemaker:us-east-1:1:endpoint/lab",
    },
]  # fmt: skip
EVERY_DAY = [{**one, "days": [DAY - timedelta(days=20), DAY]} for one in CHARGES]


def split(engine, name, by):
    """Return the rows of a report, split by a column."""
    return split_rows(CATALOG.report(name), by=by, engine=engine, catalog=CATALOG, owners=OWNERS, as_of=DAY)


@pytest.mark.parametrize("by", ["team", "use_case", "intent"])
@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("ai_spend", "effective_cost"),
        ("ai_spend_by_layer", "effective_cost"),
        ("spend_by_team", "effective_cost"),
        ("weekly_deltas", "effective_cost"),
        ("gpu_utilisation", "effective_cost"),
        ("portfolio", "effective_cost"),
        ("unowned_spend", "effective_cost"),
    ],
)
def test_parts_add_up_to_the_total(name, column, by):
    """Also with a charge whose account, resource and tags are null."""
    last_week = [{**one, "days": [DAY - timedelta(days=7), DAY]} for one in CHARGES]
    engine = engine_over([*EVERY_DAY, *last_week])
    whole = report_rows(CATALOG.report(name), engine=engine, as_of=DAY, owners=OWNERS)
    rows = split(engine, name, by)
    assert sum(row[column] for row in rows) == pytest.approx(sum(row[column] for row in whole))
    assert all(next(iter(row)) == by for row in rows)


def test_parts_have_the_names_of_the_portfolio():
    """Experiments, production, spend without intent, and unallocated spend of 18 complete days; highest cost first."""
    rows = split(engine_over(EVERY_DAY), "ai_spend_by_layer", "intent")
    assert {row["intent"]: row["effective_cost"] for row in rows} == {
        "experiment": 160 * 18,
        "(unallocated)": 80 * 18,
        "(no intent)": 40 * 18,
        "production": 30 * 18,
    }
    assert [row["intent"] for row in rows][0] == "experiment"
    teams = {row["team"] for row in split(engine_over(EVERY_DAY), "ai_spend_by_layer", "team")}
    assert teams == {"search", "lab", "(unallocated)"}


@pytest.mark.parametrize("name", sorted(CATALOG.reports))
def test_each_report_can_be_split(name):
    """This includes forecasts."""
    split(engine_over(EVERY_DAY), name, "use_case")


def test_forecast_covers_only_its_part():
    """The total and the services are those of the use case."""
    rows = split(engine_over(EVERY_DAY), "month_forecast", "use_case")
    (whole,) = [row for row in rows if row["of"] == "all" and row["use_case"] == "all of the lab"]
    (service,) = [row for row in rows if row["of"] == "service" and row["use_case"] == "all of the lab"]
    assert service["name"] == "Amazon SageMaker"
    assert whole["forecast"] == pytest.approx(service["forecast"])


def test_command_splits_reports_and_reads_the_ledger(tmp_path):
    """The first column is the group. The savings report of an export that was never scanned is an error."""
    sample, state = Path(__file__).parents[1] / "data" / "focus_sample.csv", ("--state", tmp_path / "state")
    refused = focuswatch("report", "savings", sample, *state, code=2)
    assert "Scan the export first" in refused.stderr
    focuswatch("scan", sample, "--only", "orphaned_opensearch_collection", "--format", "json", *state)
    for format in ("json", "csv", "table"):
        assert focuswatch("report", "savings", "--format", format, *state).stdout.strip()
    whole = json.loads(focuswatch("report", "spend_by_team", "--format", "json", *state).stdout)["rows"]
    split = json.loads(
        focuswatch("report", "spend_by_team", "--by", "intent", "--format", "json", *state).stdout
    )["rows"]
    assert {row["intent"] for row in split} <= {"(no intent)", "(unallocated)"}
    for column in ("effective_cost", "billed_cost"):
        assert sum(row[column] for row in split) == pytest.approx(sum(row[column] for row in whole))


def test_reports_that_read_callers_or_findings_beside_charges_cannot_be_split():
    """A split selects charges, which do not include callers, findings or hourly token counts."""
    assert [id for id, report in CATALOG.reports.items() if unsplittable(report, CATALOG)] == [
        "ai_by_team",
        "ai_spend_by_principal",
        "cost_per_execution",
        "spend_rate",
    ]
