"""The reports' totals and columns, and that SQL and Python determine the same owners."""

import tomllib
from collections import Counter
from contextlib import contextmanager
from datetime import date
from itertools import product

import pytest

from focuswatch.authoring.detection_cases import Case, CaseFile, create_input_tables
from focuswatch.bill import create_owner_and_computed_local_tables
from focuswatch.bill.bill_inputs_and_digest import BillInputs
from focuswatch.bill.local_bill import open_local_bill
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect
from focuswatch.engines.duckdb_engine import DuckDbEngine
from focuswatch.owners.assign_owner_and_use_case import assigned_owner
from focuswatch.owners.owners_file import Owners
from focuswatch.reports.query_report_rows import report_rows
from focuswatch.simulate import simulate
from focuswatch.simulate.organization import MIN_ACCOUNTS
from tests.owners.test_owners import OWNERS

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
SHARED = connect()  # each report replaces the tables that it reads
TEAM_OWNERS = Owners.model_validate(tomllib.loads(OWNERS))


def report(name, charges, *, accounts=(), activity=(), links=(), owners=TEAM_OWNERS):
    """Return the rows of a report over these charges, keyed by column."""
    connection = SHARED
    case = Case(
        name="given charges",
        kind="quiet",
        charges=list(charges),
        accounts=list(accounts),
        activity=list(activity),
        links=list(links),
    )
    create_input_tables(
        connection, case, file=CaseFile.model_construct(charge=CHARGE, activity_row={}, link_row={})
    )
    create_owner_and_computed_local_tables.load_owners(connection, owners.tables)
    statements = [CATALOG.report(name).sql]
    create_owner_and_computed_local_tables.create_views(
        connection, CATALOG, values={"as_of": AS_OF}, statements=statements
    )
    return report_rows(CATALOG.report(name), engine=DuckDbEngine(connection), as_of=AS_OF, owners=owners)


def test_bedrock_filter_misses_charges_under_other_names():
    """OpenSearch, a Marketplace model and a log group cost 40 USD; the filter shows 10 USD."""
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
        ({"ServiceName": "Kiro", "SkuMeter": "USE1-KiroEnterprise-Pro"}, "model inference"),
        (
            {
                "ServiceName": "Kiro",
                "SkuMeter": "USE1-KiroEnterprise-Pro",
                "ChargeCategory": "Purchase",
                "ChargeFrequency": "Recurring",
            },
            "model inference",
        ),
        ({"ServiceName": "Amazon Q", "SkuMeter": "USE1-Q-Business-Index-Starter"}, "retrieval"),
        (
            {"ServiceName": "Amazon Q", "SkuMeter": "USE1-Amazon-Q-Developer-Pro-subscription-monthly"},
            "model inference",
        ),
        (
            {
                "ServiceName": "Amazon Quick",
                "x_ServiceCode": "AmazonQuickSuite",
                "SkuMeter": "USE1-Quick-Pro",
            },
            "model inference",
        ),
        (
            {"ServiceName": "Amazon Nova Act", "x_ServiceCode": "NovaAct", "SkuMeter": "USE1-NovaAct-Hours"},
            "orchestration and compute",
        ),
        (
            {"ServiceName": "AWS DevOps Agent", "SkuMeter": "USE1-investigation-seconds"},
            "orchestration and compute",
        ),
    ],
)
def test_each_ai_charge_has_a_layer(charge, layer):
    """Five layers, determined by service and meter."""
    assert [row["layer"] for row in report("ai_spend_by_layer", [charge])] == [layer]


@pytest.mark.parametrize(
    "charge",
    [
        {"ServiceName": "Amazon QuickSight", "x_ServiceCode": "AmazonQuickSight", "SkuMeter": "QS-Reader"},
        {"ServiceName": "Amazon Quick", "x_ServiceCode": "AmazonQuickSight", "SkuMeter": "QS-Reader"},
        {"ServiceName": "AWS Support (Business)", "SkuMeter": "Dollar", "ChargeCategory": "Purchase"},
        {"ServiceName": "Kiro", "SkuMeter": "USE1-KiroEnterprise-Pro", "ChargeCategory": "Tax"},
        {
            "ServiceName": "Amazon SageMaker",
            "SkuMeter": "SageMakerSP:1yrNoUpfront",
            "ChargeCategory": "Purchase",
            "CommitmentDiscountId": "arn:aws:savingsplans::1:savingsplan/a",
        },
    ],
)
def test_dashboards_fees_taxes_and_commitments_are_not_ai_spend(charge):
    assert report("ai_spend", [charge | {"ResourceId": None}]) == []


KNOWLEDGE_BASE = "arn:aws:bedrock:us-east-1:111122223333:knowledge-base/KB1"
LINKED = (  # service, resource on the bill, type and ARN of the link's target, layer
    ("AWS Lambda", "arn:aws:lambda:us-east-1:1:function:tool", None, "orchestration and compute"),
    ("Amazon Simple Storage Service", "manuals", ("S3 bucket", "arn:aws:s3:::manuals"), "tools and data"),
    ("Amazon Simple Storage Service", "arn:aws:s3:::manuals", ("S3 bucket", "arn:aws:s3:::manuals"), "tools and data"),
    ("Amazon Relational Database Service", "arn:aws:rds:us-east-1:1:db:one", ("Aurora instance", None), "retrieval"),
    ("Amazon Neptune", "arn:aws:neptune-graph:us-east-1:1:graph/g", ("Neptune Analytics graph", None), "retrieval"),
    ("Amazon OpenSearch Service", "arn:aws:es:us-east-1:1:domain/docs", ("OpenSearch domain", None), "retrieval"),
)  # fmt: skip


def link(to_arn, to_type="Lambda function", *, key="KB1"):
    """Return a link from a knowledge base to a resource."""
    return {
        "sub_account_id": "111122223333", "region_id": "us-east-1", "from_type": "knowledge base",
        "from_arn": KNOWLEDGE_BASE.replace("KB1", key), "to_type": to_type, "to_arn": to_arn, "read_on": AS_OF,
    }  # fmt: skip


@pytest.mark.parametrize(("service", "resource", "target", "layer"), LINKED)
def test_charge_of_a_linked_resource_is_ai_spend_with_its_link(service, resource, target, layer):
    to_type, to_arn = target or ("Lambda function", None)
    charge = {"ServiceName": service, "ResourceId": resource}
    (row,) = report("ai_spend", [charge], links=[link(to_arn or resource, to_type)])
    assert (row["counted_as"], row["layer"]) == ("used by an AI resource", layer)
    assert row["linked_from"] == f"knowledge base {KNOWLEDGE_BASE}"
    assert report("ai_spend", [charge]) == []


def test_linked_charge_is_counted_once():
    """Also if several AI resources use it, if its name matches as well, or if its service is an AI service."""
    named_for_bedrock = "arn:aws:lambda:us-east-1:1:function:bedrock-tool"
    collection = "arn:aws:aoss:us-east-1:1:collection/c0ffee"
    charges = [
        {"ServiceName": "AWS Lambda", "ResourceId": named_for_bedrock},
        {"ServiceName": "Amazon OpenSearch Service", "SkuMeter": "USE1-SearchOCU", "ResourceId": collection},
        {"ServiceName": "Amazon Simple Storage Service", "ResourceId": "manuals"},
    ]
    links = [
        link(to_arn, to_type, key=key)
        for key in ("KB1", "KB2")
        for to_arn, to_type in (
            (named_for_bedrock, "Lambda function"),
            (collection, "OpenSearch Serverless collection"),
            ("arn:aws:s3:::manuals", "S3 bucket"),
        )
    ]
    rows = report("ai_spend", charges, links=links)
    assert sum(row["effective_cost"] for row in rows) == pytest.approx(30)
    assert {row["service_name"]: (row["counted_as"], row["linked_from"]) for row in rows} == {
        "AWS Lambda": ("used by an AI resource", f"knowledge base {KNOWLEDGE_BASE}"),
        "Amazon OpenSearch Service": ("AI service", None),
        "Amazon Simple Storage Service": ("used by an AI resource", f"knowledge base {KNOWLEDGE_BASE}"),
    }


def test_rows_of_listed_regions_link_no_charges():
    region_row = link(None, "knowledge base") | {"from_type": "region", "from_arn": None}
    charge = {"ServiceName": "Amazon Simple Storage Service", "ResourceId": None}
    assert report("ai_spend", [charge], links=[region_row]) == []


def test_weekly_deltas_compare_settled_weeks():
    """Seven settled days at 30 USD and seven at 10 USD; the two newest days are excluded."""
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


@pytest.mark.parametrize("owners", [TEAM_OWNERS, Owners()], ids=["with owners.toml", "without"])
def test_owner_is_the_same_in_sql_and_python(owners):
    """For each combination of owner rules, SQL and Python determine the same team.

    Each charge costs a different power of two, so that a team's sum identifies its charges.
    """
    for account_tags, ou_path in product(ACCOUNT_TAGS, OU_PATHS):
        accounts = [{"sub_account_id": id, "tags": account_tags, "ou_path": ou_path} for id in ACCOUNT_IDS]
        charges, expected = [], Counter()
        for number, (tags, account_id) in enumerate(product(TAGS, ACCOUNT_IDS)):
            charges.append({"SubAccountId": account_id, "Tags": tags, "EffectiveCost": 2.0**number})
            team, _ = assigned_owner(
                owners, tags=tags, account_id=account_id, account_tags=account_tags, ou_path=ou_path
            )
            expected[team or "(unallocated)"] += 2**number
        rows = report("spend_by_team", charges, accounts=accounts, owners=owners)
        assert {row["team"]: row["effective_cost"] for row in rows} == expected, (account_tags, ou_path)


def test_spend_by_team_adds_up_to_the_bill():
    """A charge with a null account or null tags is allocated or unallocated, never lost."""
    rows = report("spend_by_team", [{}, {"SubAccountId": None}, {"Tags": {"team": "ads"}}, {"Tags": {}}])
    assert sum(row["effective_cost"] for row in rows) == pytest.approx(40)


@pytest.mark.parametrize("name", ["spend_by_service", "spend_by_account"])
def test_spend_by_service_and_account_have_the_total_of_spend_by_team(name):
    """Null accounts and services, credits and tax have a row. Amounts that round to 0.00 share the last row."""
    charges = [
        {},
        {"SubAccountId": None, "ChargeCategory": "Tax", "BilledCost": 3.0, "EffectiveCost": 0.0},
        {"ServiceName": None, "BilledCost": -2.0, "ChargeCategory": "Credit", "EffectiveCost": 0.0},
        {"SubAccountId": "444455556666", "ServiceName": "Amazon SNS", "EffectiveCost": 0.004},
        {"SubAccountId": "777788889999", "ServiceName": "Amazon SQS", "EffectiveCost": 0.003},
        {"SubAccountId": "999900001111", "ServiceName": "AWS KMS", "EffectiveCost": 4.0},
    ]
    accounts = [{"sub_account_id": "999900001111", "name": "lab", "tags": {}}]
    rows, by_team = (report(one, charges, accounts=accounts) for one in (name, "spend_by_team"))
    for column in ("effective_cost", "billed_cost", "credits", "tax"):
        expected = sum(row[column] for row in by_team)
        assert sum(row[column] for row in rows) == pytest.approx(expected), column
    key = {"spend_by_service": "service_name", "spend_by_account": "sub_account_name"}[name]
    folded = rows[-1]
    assert folded[key] == "(below 0.01)" and folded["effective_cost"] == pytest.approx(0.007)
    assert (folded.get("services") or folded.get("sub_accounts")) == 2
    names = {row[key] for row in rows}
    assert names >= ({"(no service)", "AWS KMS"} if name == "spend_by_service" else {"(no account)", "lab"})
    assert sum(row["share"] for row in rows) == pytest.approx(1)


def test_unowned_spend_states_the_missing_owner_rule():
    """No tag, or a tag of an unknown team; allocated spend is excluded, and shares are of the unallocated total."""
    rows = report(
        "unowned_spend",
        [
            {"SubAccountId": "999900001111", "EffectiveCost": 30.0},
            {"SubAccountId": "999900001111", "Tags": {"team": "who"}, "ServiceName": "Amazon Kendra"},
            {"SubAccountId": "999900001111", "Tags": {"team": "ads"}, "EffectiveCost": 500.0},
            {"SubAccountId": "999900001111", "EffectiveCost": 7.0, "charge_date": date(2026, 2, 20)},
        ],
        accounts=[{"sub_account_id": "999900001111", "name": "lab", "tags": {}}],
    )
    assert [(row["service_name"], row["effective_cost"], row["share"]) for row in rows] == [
        ("Amazon Bedrock", 30, 0.75),
        ("Amazon Kendra", 10, 0.25),
    ]
    assert rows[0]["effective_cost_before"] == 7
    assert rows[0]["sub_account_name"] == "lab"
    assert "no team owns the account" in rows[0]["unowned_because"]
    assert rows[1]["unowned_because"] == "the tag value who is not a team in owners.toml"


def test_unowned_spend_equals_unallocated_in_spend_by_team():
    charges = [{}, {"SubAccountId": None}, {"Tags": {"team": "who"}}, {"Tags": {"team": "ads"}}]
    unallocated = {row["team"]: row["effective_cost"] for row in report("spend_by_team", charges)}[
        "(unallocated)"
    ]
    assert sum(row["effective_cost"] for row in report("unowned_spend", charges)) == pytest.approx(
        unallocated
    )


SONNET = {"ServiceName": "Claude Sonnet 4.5 (Amazon Bedrock Edition)", "x_ServiceCode": None}
NOVA = "USE1-NovaPro-input-tokens"
THIS_WEEK = {"days": [date(2026, 3, 22), date(2026, 3, 29)]}
WEEK_BEFORE = {"days": [date(2026, 3, 15), date(2026, 3, 22)]}


def tokens(meter, *, thousands, cost, **more):
    """Return a charge for tokens of an AWS model or, with SONNET, of a Marketplace model."""
    unit = {"ConsumedUnit": "1K tokens", "ConsumedQuantity": thousands}
    return {"SkuMeter": meter, "EffectiveCost": cost} | unit | more


def test_model_mix_separates_batch_from_on_demand():
    """A Marketplace unit is a million tokens, an AWS unit a thousand; cached tokens are excluded."""
    batch = "USE1-MP:USE1_MillionBatchInputTokens-Units"
    rows = report(
        "model_mix",
        [
            tokens(NOVA, thousands=3000.0, cost=3.0),
            tokens(NOVA + "-batch", thousands=1000.0, cost=0.5),
            tokens("USE1-NovaPro-cache-read-input-token-count", thousands=6000.0, cost=0.5),
            tokens(batch, thousands=2.0, cost=1.0, **SONNET) | {"ConsumedUnit": "Units"},
            tokens(NOVA, thousands=9000.0, cost=9.0, charge_date=date(2026, 2, 20)),
        ],
    )
    shown = [(row["model"], row["tier"], row["million_tokens"], row["cost_per_million"]) for row in rows]
    assert shown == [
        ("NovaPro", "on demand", 9, pytest.approx(3.5 / 9)),
        ("NovaPro", "batch", 1, 0.5),
        ("Claude Sonnet 4.5", "batch", 2, 0.5),
    ]
    assert [row["batch_share"] for row in rows] == [0.25, 0.25, 1]
    assert [row["share_of_cost"] for row in rows] == pytest.approx([0.7, 0.1, 0.2])
    assert [row["million_tokens_before"] for row in rows] == [9, 0, 0]


ENDPOINT = "arn:aws:sagemaker:us-east-1:111122223333:endpoint/ranker"
HOURS = {
    "ServiceName": "Amazon SageMaker",
    "SkuMeter": "USE1-Host:ml.g5.12xlarge",
    "ResourceId": ENDPOINT,
    "ConsumedUnit": "Hrs",
    "ConsumedQuantity": 24.0,
    "EffectiveCost": 96.0,
}


def endpoint_metric(metric, value, *, namespace="AWS/SageMaker", days):
    fields = {"namespace": namespace, "resource_id": ENDPOINT, "metric": metric, "value": value}
    return {"sub_account_id": "111122223333", "region_id": "us-east-1"} | fields | days


def gpu_utilization(value, *, days):
    return endpoint_metric("GPUUtilization", value, namespace="/aws/sagemaker/Endpoints", days=days)


def test_gpu_report_states_the_idle_cost():
    """Four GPUs at 100 of 400 percent are used a quarter of the time; a day without metrics is not idle."""
    day = {"days": [date(2026, 3, 20), date(2026, 3, 21)]}
    other = HOURS | {"ResourceId": "i-0aa", "ServiceName": "Amazon Elastic Compute Cloud"}
    (priced, unknown) = report(
        "gpu_utilisation",
        [HOURS, HOURS | {"charge_date": date(2026, 3, 21)}, other | {"SkuMeter": "BoxUsage:p4d.24xlarge"}],
        activity=[gpu_utilization(100.0, days=day)],
    )
    assert (priced["gpu_hours"], priced["effective_cost"]) == (192, 192)
    assert (priced["mean_utilization"], priced["idle_cost"]) == (25, 72)
    assert priced["days_evaluated"] == 1
    assert (unknown["gpu_hours"], unknown["mean_utilization"], unknown["idle_cost"]) == (192, None, None)


def economics(charges, *, activity=()):
    """Return the rows of unit_economics, keyed by unit and item."""
    rows = report("unit_economics", charges, activity=activity)
    return {(row["unit"], row["item"]): row for row in rows}


def test_price_increase_is_separated_from_the_mix():
    """The price of NovaPro increased by half; the move to a model of ten times the price is mix."""
    opus = "USE1-Claude3Opus-input-tokens"
    rows = economics(
        [
            tokens(NOVA, thousands=9000.0, cost=9.0, **WEEK_BEFORE),
            tokens(opus, thousands=1000.0, cost=10.0, **WEEK_BEFORE),
            tokens(NOVA, thousands=1000.0, cost=1.5, **THIS_WEEK),
            tokens(opus, thousands=9000.0, cost=90.0, **THIS_WEEK),
            {"days": [date(2026, 3, 29), date(2026, 3, 31)], "EffectiveCost": 999.0},
        ]
    )
    nova, whole = rows["1M tokens", "NovaPro"], rows["1M tokens", "(all models)"]
    assert (nova["unit_cost"], nova["a_week_before"]) == pytest.approx((1.5, 1.0))
    assert (nova["by_price"], nova["by_mix"], nova["cause"]) == (
        pytest.approx(0.5),
        pytest.approx(0),
        "price",
    )
    assert rows["1M tokens", "Claude3Opus"]["cause"] is None
    assert (whole["unit_cost"], whole["a_week_before"]) == pytest.approx((9.15, 1.9))
    assert (whole["by_price"], whole["by_mix"], whole["cause"]) == (
        pytest.approx(0.05),
        pytest.approx(7.2),
        "mix",
    )
    assert whole["effective_cost"] == pytest.approx(640.5)


def test_more_output_for_the_same_input_is_mix():
    """The price of each token type is unchanged, but a million tokens cost more."""
    out = "USE1-NovaPro-output-tokens"
    rows = economics(
        [
            tokens(NOVA, thousands=1000.0, cost=1.0, **WEEK_BEFORE),
            tokens(out, thousands=1000.0, cost=4.0, **WEEK_BEFORE),
            tokens(NOVA, thousands=1000.0, cost=1.0, **THIS_WEEK),
            tokens(out, thousands=3000.0, cost=12.0, **THIS_WEEK),
        ]
    )
    nova = rows["1M tokens", "NovaPro"]
    assert (nova["by_price"], nova["by_mix"], nova["cause"]) == (pytest.approx(0), pytest.approx(0.75), "mix")


def test_move_to_a_more_expensive_region_is_mix():
    """The price in each region is unchanged."""
    expensive_region = {"RegionId": "eu-west-1"}
    rows = economics(
        [
            tokens(NOVA, thousands=1000.0, cost=1.0, **WEEK_BEFORE),
            tokens(NOVA, thousands=1.0, cost=0.002, **WEEK_BEFORE, **expensive_region),
            tokens(NOVA, thousands=1000.0, cost=2.0, **THIS_WEEK, **expensive_region),
        ]
    )
    nova = rows["1M tokens", "NovaPro"]
    assert nova["by_price"] == pytest.approx(0)
    assert nova["cause"] == "mix"


def test_inference_and_utilized_gpu_hour_have_a_unit_cost():
    """2 USD per inference and 1 USD per GPU hour; at a quarter utilization, an hour of work costs 4 USD."""
    rows = economics(
        [HOURS | THIS_WEEK],
        activity=[
            endpoint_metric("Invocations", 48.0, days=THIS_WEEK),
            gpu_utilization(100.0, days=THIS_WEEK),
        ],
    )
    assert rows["1K inferences", "ranker"]["unit_cost"] == pytest.approx(2000)
    assert rows["GPU hour", "ml.g5.12xlarge"]["unit_cost"] == pytest.approx(1)
    assert rows["used GPU hour", "ml.g5.12xlarge"]["unit_cost"] == pytest.approx(4)
    assert rows["GPU hour", "ml.g5.12xlarge"]["a_week_before"] is None


def test_trend_has_three_settled_weeks():
    """Each week has its unit cost, newest first."""
    weeks = [date(2026, 3, 8 + 7 * number) for number in range(4)]
    rows = economics(
        [
            tokens(NOVA, thousands=1000.0, cost=float(1 + number), days=[weeks[number], weeks[number + 1]])
            for number in range(3)
        ]
    )
    nova = rows["1M tokens", "NovaPro"]
    assert [nova[name] for name in ("unit_cost", "a_week_before", "two_weeks_before")] == pytest.approx(
        [3, 2, 1]
    )


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """Return a simulated bill through May 2: as of May 3, its last 30 settled days are exactly April."""
    folder = tmp_path_factory.mktemp("simulated")
    return simulate(
        folder / "bill", seed=3, accounts=MIN_ACCOUNTS, days=63, end=date(2026, 5, 3)
    ), folder / "state"


@contextmanager
def open_simulated_bill(simulated, as_of):
    """Yield two functions: one runs a report, the other sums a cost column over charges of the bill."""
    simulation, state = simulated
    owners = Owners.load(simulation.owners)
    inputs = BillInputs(
        str(simulation.export),
        state=state,
        accounts=simulation.accounts,
        activity=simulation.activity,
        invocations=simulation.invocations,
        as_of=as_of,
    )
    with open_local_bill(inputs, catalog=CATALOG, owners=owners, progress=str) as bill:

        def rows(name):
            return report_rows(CATALOG.report(name), engine=bill.engine, as_of=as_of, owners=owners)

        def billed(column, where):
            statement = f"SELECT sum({column}) AS total FROM daily_charges WHERE {where}"
            return bill.engine.query(statement, label="the bill")[0]["total"]

        yield rows, billed


FEE = "(ChargeCategory = 'Purchase' OR ChargeFrequency IN ('Recurring', 'One-Time'))"
SPEND = "ChargeCategory NOT IN ('Tax', 'Credit')"
APRIL = "charge_date BETWEEN DATE '2026-04-01' AND DATE '2026-04-30'"


def total(rows, column="effective_cost"):
    return sum(row[column] for row in rows)


def test_month_has_the_same_total_in_each_report(simulated):
    """April, by team, by use case and unallocated; credits and tax are excluded."""
    with open_simulated_bill(simulated, date(2026, 5, 3)) as (rows, billed):
        teams, whole = rows("spend_by_team"), billed("EffectiveCost", f"{SPEND} AND {APRIL}")
        assert total(teams) == pytest.approx(whole)
        assert total(rows("portfolio")) == pytest.approx(whole)
        unallocated = next(row for row in teams if row["team"] == "(unallocated)")
        assert total(rows("unowned_spend")) == pytest.approx(unallocated["effective_cost"])
        invoice = total(teams, "billed_cost") + total(teams, "credits") + total(teams, "tax")
        assert invoice == pytest.approx(billed("BilledCost", APRIL))
        assert total(teams, "credits") < 0 < total(teams, "tax")
        assert total(rows("ai_spend")) == pytest.approx(total(rows("ai_spend_by_layer")))


def test_cost_of_executions_adds_up_to_the_token_spend_for_each_key(simulated):
    """Most tokens of three accounts are logged, by run, customer and caller; all their models are on the bill."""
    with open_simulated_bill(simulated, date(2026, 5, 3)) as (rows, _):
        executions, tokens = rows("cost_per_execution"), total(rows("model_mix"))
    by_key = {
        key: [row for row in executions if row["metadata_key"] == key]
        for key in ("run_id", "customer", "identity.arn")
    }
    assert len(executions) == sum(map(len, by_key.values()))
    for of_key in by_key.values():
        assert total(of_key) == pytest.approx(tokens)
        assert total(of_key, "unpriced_million_tokens") == 0
    logged = total([row for row in by_key["identity.arn"] if row["counted_as"] == "value"])
    assert 0 < logged < tokens / 2
    customers = {row["metadata_value"]: row["effective_cost"] for row in by_key["customer"]}
    assert customers.keys() == {"acme", "globex", "initech", None}
    assert customers["acme"] == pytest.approx(0.4 * logged, rel=1e-3)
    assert len([row for row in by_key["run_id"] if row["counted_as"] == "value"]) in (90, 100)


def test_month_to_date_equals_spent_in_the_forecast(simulated):
    """Only settled days, as billed, with fees and without credits and tax."""
    with open_simulated_bill(simulated, date(2026, 5, 1)) as (rows, billed):
        settled = "charge_date BETWEEN DATE '2026-04-01' AND DATE '2026-04-28'"
        spent = billed("BilledCost", f"{SPEND} AND {settled}")
        forecast, weeks = rows("month_forecast"), rows("team_weeks")
        for of in ("all", "team", "service"):
            assert total([row for row in forecast if row["of"] == of], "spent") == pytest.approx(spent)
        # Amounts below one cent have no row.
        assert total(weeks, "month_to_date") == pytest.approx(spent, abs=1)
        assert {str(row["settled_until"]) for row in weeks} == {"2026-04-28"}
        week = "charge_date BETWEEN DATE '2026-04-22' AND DATE '2026-04-28'"
        usage = billed("EffectiveCost", f"{SPEND} AND NOT coalesce({FEE}, false) AND {week}")
        assert total(weeks) == pytest.approx(usage, abs=1)


def test_total_includes_the_rows_not_listed():
    """100 of 300 accounts are listed; the others and the refund are in the last row."""
    ids = [f"{number:012}" for number in range(300)]
    charges = [{"SubAccountId": id, "EffectiveCost": 10.0} for id in ids]
    refund = {"SubAccountId": "x", "EffectiveCost": -5.0, "ChargeCategory": "Adjustment"}
    rows = report("unowned_spend", [*charges, refund], owners=Owners())
    assert len(rows) == 101 and total(rows) == total(
        report("spend_by_team", [*charges, refund], owners=Owners())
    )
    assert total(rows) == 2995 and total(rows, "share") == pytest.approx(1)
    assert rows[-1]["sub_account_name"] == "(all others)"
    assert rows[-1]["unowned_because"] == "not listed: 201 smaller or negative rows"


def test_bill_without_settled_days_is_counted_completely():
    """On a bill's first day, each report already has a total."""
    day = {"charge_date": date(2026, 3, 30)}
    for name in ("spend_by_team", "portfolio", "unowned_spend"):
        assert total(report(name, [day], owners=Owners())) == 10, name
    assert all(CATALOG.report(name).header.basis for name in CATALOG.reports)


def bedrock_metric(metric, value, **changed):
    fields = {
        "namespace": "AWS/Bedrock",
        "resource_id": "amazon.nova-pro-v1:0",
        "metric": metric,
        "value": value,
    }
    return {"sub_account_id": "111122223333", "region_id": "us-east-1"} | fields | changed


def test_calls_have_a_cost_if_cloudwatch_and_the_bill_count_the_same_tokens():
    """Batch inference makes no calls. A week for which CloudWatch has only part of the tokens has no cost per call."""
    rows = economics(
        [
            tokens(NOVA, thousands=1000.0, cost=1.0, **WEEK_BEFORE),
            tokens(NOVA, thousands=3000.0, cost=3.0, **THIS_WEEK),
            tokens(NOVA + "-batch", thousands=9000.0, cost=4.5, **THIS_WEEK),
        ],
        activity=[
            bedrock_metric("Invocations", 500.0, **WEEK_BEFORE),
            bedrock_metric("InputTokenCount", 0.8e6, **WEEK_BEFORE),
            bedrock_metric("Invocations", 1000.0, **THIS_WEEK),
            bedrock_metric("InputTokenCount", 2e6, **THIS_WEEK),
            bedrock_metric("CacheReadInputTokenCount", 1e6, **THIS_WEEK),
            bedrock_metric(
                "Invocations", 7e6, resource_id="arn:aws:bedrock:us-east-1:1:provisioned-model/p", **THIS_WEEK
            ),
        ],
    )
    calls = rows["1K calls", "(all models)"]
    assert (calls["unit_cost"], calls["a_week_before"]) == (pytest.approx(3.0), None)
    assert (calls["by_price"], calls["by_mix"], calls["cause"]) == (None, None, None)


def test_tokens_without_activity_have_no_cost_per_call():
    assert "1K calls" not in {
        unit for unit, _ in economics([tokens(NOVA, thousands=3000.0, cost=3.0, **THIS_WEEK)])
    }


def test_unit_costs_have_account_names_and_sums_of_accounts():
    """The sum of all accounts first, then each account with its sum; a single item needs no sum of its own."""
    other = {"SubAccountId": "444455556666"}
    charges = [
        tokens(NOVA, thousands=1000.0, cost=1.0, **THIS_WEEK),
        tokens("USE1-NovaPro-output-tokens", thousands=1000.0, cost=4.0, **THIS_WEEK),
        tokens(NOVA, thousands=1000.0, cost=3.0, **THIS_WEEK) | other | {"SubAccountName": "lab"},
        HOURS | {"days": THIS_WEEK["days"]},
    ]
    accounts = [{"sub_account_id": "111122223333", "name": "search-prod", "tags": {}}]
    rows = report("unit_economics", charges, accounts=accounts)
    of_tokens = [row for row in rows if row["unit"] == "1M tokens"]
    assert [(row["sub_account_name"], row["item"]) for row in of_tokens] == [
        ("(all accounts)", "(all models)"),
        ("search-prod", "(all models)"),
        ("search-prod", "NovaPro"),
        ("lab", "(all models)"),
        ("lab", "NovaPro"),
    ]
    assert of_tokens[0]["effective_cost"] == of_tokens[1]["effective_cost"] + of_tokens[3]["effective_cost"]
    assert of_tokens[0]["unit_cost"] == pytest.approx(8 / 3)
    assert [row["item"] for row in rows if row["unit"] == "GPU hour"] == ["ml.g5.12xlarge"]
