"""The reports: what they count, and that SQL and Python agree on who owns what."""

import tomllib
from collections import Counter
from datetime import date
from itertools import product

import pytest

from focuswatch import tables
from focuswatch.cases import Case, CaseFile, give
from focuswatch.catalog import Catalog
from focuswatch.engine.duckdb import DuckDbEngine, connect
from focuswatch.owners import Owners
from focuswatch.report import rows_of
from tests.test_owners import OWNERS

AS_OF = date(2026, 3, 31)
CATALOG = Catalog.load()
CHARGE = {
    "SubAccountId": "111122223333",
    "RegionId": "us-east-1",
    "ServiceName": "Amazon Bedrock",
    "EffectiveCost": 10.0,
    "ConsumedQuantity": 1.0,
    "charge_date": date(2026, 3, 20),
}
KNOWN = Owners.model_validate(tomllib.loads(OWNERS))


def report(name, charges, *, accounts=(), owners=KNOWN):
    """Rows of a report over these charges, keyed by column."""
    connection = connect()
    given = Case(name="given charges", kind="quiet", charges=list(charges), accounts=list(accounts))
    give(connection, given, file=CaseFile.model_construct(charge=CHARGE, activity_row={}))
    tables.load_rules(connection, owners.rules)
    tables.create_views(connection, CATALOG, values={"as_of": AS_OF})
    return rows_of(CATALOG.report(name), engine=DuckDbEngine(connection), as_of=AS_OF, owners=owners)


def test_a_bedrock_filter_misses_what_other_names_hide():
    """OpenSearch, a Marketplace model and a log group cost 40 where the filter shows 10."""
    rows = report(
        "ai_spend",
        [
            {},
            {
                "ServiceName": "Amazon OpenSearch Service",
                "SkuMeter": "USE1-SearchOCU",
                "x_ServiceCode": "AmazonES",
            },
            {
                "ServiceName": "Claude Haiku 4.5 (Amazon Bedrock Edition)",
                "SkuMeter": "USE1-MP:USE1_InputTokenCount-Units",
            },
            {
                "ServiceName": "AmazonCloudWatch",
                "ResourceId": "arn:aws:logs:us-east-1:1:log-group:/aws/bedrock/calls",
            },
            {"ServiceName": "Amazon Simple Storage Service", "ResourceId": "arn:aws:s3:::holiday-pictures"},
        ],
    )
    assert sum(row["effective_cost"] for row in rows) == pytest.approx(40)
    assert sum(row["seen_by_bedrock_filter"] for row in rows) == pytest.approx(10)
    assert sum(row["share"] for row in rows) == pytest.approx(1)


@pytest.mark.parametrize(
    ("charge", "layer"),
    [
        ({"SkuMeter": "USE1-NovaMicro-input-tokens"}, "model inference"),
        ({"SkuMeter": "Guardrail-ContentPolicyUnitsConsumed"}, "tools and data"),
        ({"SkuMeter": "USE1-cohere.rerank-english-v3-search-units"}, "retrieval"),
        ({"ServiceName": "Amazon Kendra"}, "retrieval"),
        ({"ServiceName": "Amazon OpenSearch Service", "SkuMeter": "USE1-IndexingOCU"}, "retrieval"),
        ({"ServiceName": "Amazon SageMaker", "SkuMeter": "USE1-Host:ml.g5.xlarge"}, "model inference"),
        (
            {"ServiceName": "Amazon SageMaker", "SkuMeter": "USE1-Train:ml.g5.xlarge"},
            "orchestration and compute",
        ),
        (
            {"ServiceName": "Amazon Elastic Compute Cloud", "SkuMeter": "BoxUsage:p4d.24xlarge"},
            "orchestration and compute",
        ),
        (
            {"ServiceName": "Amazon Bedrock AgentCore", "SkuMeter": "USE1-Runtime:Consumption-based:vCPU"},
            "orchestration and compute",
        ),
        (
            {
                "ServiceName": "Amazon Bedrock AgentCore",
                "SkuMeter": "USE1-CodeInterpreter:Consumption-based:vCPU",
            },
            "tools and data",
        ),
        (
            {
                "ServiceName": "AmazonCloudWatch",
                "ResourceId": "arn:aws:logs:us-east-1:1:log-group:/aws/sagemaker/x",
            },
            "observability",
        ),
        (
            {"ServiceName": "AWS Lambda", "ResourceId": "arn:aws:lambda:us-east-1:1:function:bedrock-agent"},
            "orchestration and compute",
        ),
    ],
)
def test_every_ai_charge_has_its_layer(charge, layer):
    """Five layers, decided by service and meter."""
    assert [row["layer"] for row in report("ai_spend_by_layer", [charge])] == [layer]


def test_a_movement_compares_settled_weeks():
    """Seven settled days at 30 against seven at 10; the two newest days are not looked at."""
    (row,) = report(
        "weekly_deltas",
        [
            {"days": [date(2026, 3, 15), date(2026, 3, 22)]},
            {"days": [date(2026, 3, 22), date(2026, 3, 29)], "EffectiveCost": 30.0},
            {"days": [date(2026, 3, 29), date(2026, 3, 31)], "EffectiveCost": 999.0},
        ],
    )
    assert (row["effective_cost"], row["effective_cost_before"], row["movement"]) == (210, 70, 140)


TAGS = (
    {},
    {"team": "ads"},
    {"team": "SRCH "},
    {"team": "who"},
    {"user:owner": "ads"},
    {"team": "", "owner": "search"},
)
ACCOUNT_TAGS = ({}, {"resourceTags/user:team": "ads"}, {"application": "finder"}, {"team": "who"})
ACCOUNT_IDS = ("111122223333", "444455556666", "777788889999")
OU_PATHS = (None, "/prod/search/ads", "/prod/search/x/", "prod/other", "/production")


@pytest.mark.parametrize("owners", [KNOWN, Owners()], ids=["with owners.toml", "without"])
def test_the_report_and_the_findings_agree_on_owners(owners):
    """The owner chain is told twice, in SQL and in Python; over every combination both name the same team.

    Each charge costs another power of two, so that a team's sum says which charges it was given.
    """
    for account_tags, ou_path in product(ACCOUNT_TAGS, OU_PATHS):
        accounts = [{"sub_account_id": id, "tags": account_tags, "ou_path": ou_path} for id in ACCOUNT_IDS]
        charges, expected = [], Counter()
        for number, (tags, account_id) in enumerate(product(TAGS, ACCOUNT_IDS)):
            charges.append({"SubAccountId": account_id, "Tags": tags, "EffectiveCost": 2.0**number})
            team, _ = owners.owner(
                tags=tags, account_id=account_id, account_tags=account_tags, ou_path=ou_path
            )
            expected[team or "(nobody)"] += 2**number
        rows = report("spend_by_team", charges, accounts=accounts, owners=owners)
        assert {row["team"]: row["effective_cost"] for row in rows} == expected, (account_tags, ou_path)


def test_the_teams_spend_adds_up_to_the_bill():
    """A charge with a null account or null tags is somebody's or nobody's, never lost."""
    rows = report("spend_by_team", [{}, {"SubAccountId": None}, {"Tags": {"team": "ads"}}, {"Tags": {}}])
    assert sum(row["effective_cost"] for row in rows) == pytest.approx(40)
