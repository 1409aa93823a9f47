"""The payer stack and the member stack: the export, budgets, anomalies, and the roles for other accounts."""

import json
from decimal import Decimal

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from focuswatch.bill.schema.columns_of_all_tables import RECOMMENDATIONS
from focuswatch.bill.schema.glue_tables_and_partition_keys import EXPORT_COLUMNS
from focuswatch.collect.collector_iam_actions import MANAGEMENT_ACTIONS, member_actions
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from focuswatch.owners.owners_file import Owners
from focuswatch.owners.teams_and_routing_sections import Owns, Team
from infra.member_role_stack_set import MemberStack
from infra.payer_budgets import PayerBudgets, of_team
from infra.payer_stack import PayerStack
from tests.given.deployments import CONFIG, MONITOR, PAYER, PIPELINE, deployment_of
from tests.given.synthesized_stacks import Stacks, synthesized

COLLECTOR = "arn:aws:iam::222222222222:role/focuswatch-collect"
DETECTOR = "arn:aws:iam::222222222222:role/focuswatch-detect"
HOURLY = "arn:aws:iam::222222222222:role/focuswatch-hourly"


@pytest.fixture
def three() -> Stacks:
    """Return the stacks of a deployment in three accounts."""
    return synthesized("three")


@pytest.fixture
def budgets() -> dict[str, dict]:
    """Return the budgets of the shipped configuration, by name."""
    resources = synthesized("one").properties("payer", "AWS::Budgets::Budget")
    return {one["Budget"]["BudgetName"]: one for one in resources}


def alert_thresholds(budget: dict) -> list[tuple[str, float]]:
    """Return a budget's notification types and thresholds, all of them percentages."""
    notifications = [one["Notification"] for one in budget["NotificationsWithSubscribers"]]
    assert {(one["ComparisonOperator"], one["ThresholdType"]) for one in notifications} == {
        ("GREATER_THAN", "PERCENTAGE")
    }
    return [(one["NotificationType"], one["Threshold"]) for one in notifications]


@pytest.mark.parametrize(
    ("accounts", "owner", "grain"), [("one", None, "DAILY"), ("three", PIPELINE, "HOURLY")]
)
def test_export_has_sixty_columns_and_overwrites_files(accounts, owner, grain):
    """The export goes to the pipeline's bucket, whose owner is set only if it is another account."""
    stacks = synthesized(accounts)
    (export,) = [one["Export"] for one in stacks.properties("payer", "AWS::BCMDataExports::Export")]
    statement = export["DataQuery"]["QueryStatement"]
    assert len(EXPORT_COLUMNS) == 60
    assert statement == f"SELECT {', '.join(EXPORT_COLUMNS)} FROM FOCUS_1_2_AWS"
    assert export["DataQuery"]["TableConfigurations"] == {"FOCUS_1_2_AWS": {"TIME_GRANULARITY": grain}}
    destination = export["DestinationConfigurations"]["S3Destination"]
    assert destination["S3Bucket"] == stacks.deployment.bucket
    assert destination.get("S3BucketOwner") == owner
    assert destination["S3OutputConfigurations"] == {
        "Format": "PARQUET",
        "Compression": "PARQUET",
        "OutputType": "CUSTOM",
        "Overwrite": "OVERWRITE_REPORT",
    }


def test_recommendations_are_exported_only_if_configured():
    """They go to the folder of the tables, which functions that run queries may read.

    Of recommendations that exclude each other, only the best is exported.
    """
    app, config = App(), deployment_of(accounts="three").model_dump()
    config["export"]["recommendations"] = True
    deployment = Deployment.model_validate(config)
    payer = PayerStack(app, "Payer", deployment=deployment, owners=Owners())
    exports = Template.from_stack(payer).find_resources("AWS::BCMDataExports::Export").values()
    added, focus = sorted(
        (one["Properties"]["Export"] for one in exports), key=lambda one: one["Description"], reverse=True
    )
    assert "FOCUS" not in added["Description"] and focus["Name"] == deployment.export.name
    query = added["DataQuery"]
    assert query["QueryStatement"] == (
        f"SELECT {', '.join(RECOMMENDATIONS)} FROM COST_OPTIMIZATION_RECOMMENDATIONS"
    )
    assert query["TableConfigurations"] == {
        "COST_OPTIMIZATION_RECOMMENDATIONS": {"INCLUDE_ALL_RECOMMENDATIONS": "FALSE", "FILTER": "{}"}
    }
    destination = added["DestinationConfigurations"]["S3Destination"]
    folder = f"s3://{destination['S3Bucket']}/{destination['S3Prefix']}/{added['Name']}/data/"
    tables = synthesized("three").properties("pipeline", "AWS::Glue::Table")
    (table,) = [one["TableInput"] for one in tables if one["TableInput"]["Name"] == "recommendations"]
    assert table["StorageDescriptor"]["Location"] == folder
    assert table["PartitionKeys"] == []
    assert destination["S3Bucket"] == deployment.bucket and destination["S3BucketOwner"] == PIPELINE


def test_each_budget_has_a_metric_and_a_topic(budgets):
    """AWS creates a budget with FilterExpression and without Metrics, but it does not work."""
    assert budgets.keys() == {
        f"focuswatch-{one}"
        for one in ("opensearch-serverless", "ai-services", "unapproved-regions", "team-search")
    }
    for budget in budgets.values():
        assert budget["Budget"]["Metrics"] == ["UnblendedCost"]
        assert budget["Budget"]["FilterExpression"]
        for one in budget["NotificationsWithSubscribers"]:
            assert [subscriber["SubscriptionType"] for subscriber in one["Subscribers"]] == ["SNS"]


def test_the_opensearch_serverless_budget_excludes_managed_domains(budgets):
    """It is 50 USD with alerts at 70, 85 and 100 % and on the forecast."""
    budget = budgets["focuswatch-opensearch-serverless"]
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 50, "Unit": "USD"}
    assert alert_thresholds(budget) == [("ACTUAL", 70), ("ACTUAL", 85), ("ACTUAL", 100), ("FORECASTED", 100)]
    service, meters = (one["Dimensions"] for one in cost_filter(budget)["And"])
    assert service == {"Key": "SERVICE", "Values": ["Amazon OpenSearch Service"]}
    assert meters["Key"] == "USAGE_TYPE"
    assert {"USE1-SearchOCU", "EU-IndexingOCU", "APN1-StorageUsedInS3ByteHour"} <= set(meters["Values"])


def cost_filter(budget: dict) -> dict:
    """Return a budget's filter without its last condition, which must exclude credits and refunds."""
    *conditions, last = budget["Budget"]["FilterExpression"]["And"]
    assert last == {"Not": {"Dimensions": {"Key": "RECORD_TYPE", "Values": ["Credit", "Refund"]}}}
    return conditions[0] if len(conditions) == 1 else {"And": conditions}


def test_budgets_exclude_credits_and_refunds(budgets):
    """An organization with large credits would otherwise never exceed a budget."""
    assert all(cost_filter(budget) for budget in budgets.values())


def test_unapproved_region_raises_an_alert_at_one_cent(budgets):
    """The alert is at one percent of one dollar. Global charges and charges of edge locations are excluded."""
    budget = budgets["focuswatch-unapproved-regions"]
    assert budget["Budget"]["BudgetLimit"]["Amount"] * alert_thresholds(budget)[0][1] / 100 == 0.01
    regions = cost_filter(budget)["And"][0]["Not"]["Dimensions"]
    assert regions["Key"] == "REGION"
    assert regions["Values"] == ["us-east-1", "us-west-2", "eu-central-1", "eu-west-1", "global", "NoRegion"]


def test_charges_of_edge_locations_are_excluded_from_regions(budgets):
    """CloudFront is charged in the Region of its viewers, and Lambda@Edge in the Region in which it ran."""
    _, services, meters = (
        one["Not"]["Dimensions"] for one in cost_filter(budgets["focuswatch-unapproved-regions"])["And"]
    )
    assert services == {"Key": "SERVICE", "Values": ["Amazon CloudFront", "AWS Global Accelerator"]}
    assert meters["Key"] == "USAGE_TYPE"
    assert {"Lambda-Edge-Request", "SAE1-Lambda-Edge-GB-Second", "APS3-DataTransfer-In-ABytes"} <= set(
        meters["Values"]
    )


def test_the_ai_budget_includes_marketplace_and_opensearch_serverless(budgets):
    """They are billed under the names of other services."""
    services, opensearch = cost_filter(budgets["focuswatch-ai-services"])["Or"]
    assert "Claude Haiku 4.5 (Amazon Bedrock Edition)" in services["Dimensions"]["Values"]
    assert opensearch == cost_filter(budgets["focuswatch-opensearch-serverless"])


def test_a_team_budget_covers_its_accounts_and_tags(budgets):
    """The rules are those for findings: owner tags, the team's tags, its accounts."""
    budget = budgets["focuswatch-team-search"]
    assert budget["Budget"]["BudgetLimit"] == {"Amount": 12000, "Unit": "USD"}
    assert cost_filter(budget)["Or"] == [
        {"Tags": {"Key": "team", "Values": ["search", "srch"]}},
        {"Tags": {"Key": "owner", "Values": ["search"]}},
        {"Dimensions": {"Key": "LINKED_ACCOUNT", "Values": ["111122223333"]}},
    ]


def test_a_single_filter_is_not_wrapped_in_or():
    """AWS rejects an `Or` with one expression."""
    team = Team(channel="#ads", owns=Owns(), monthly_budget=Decimal(1))
    assert of_team("ads", team, owner_tags=["team"]).or_ is None


def test_each_team_with_monthly_budget_has_a_budget(budgets):
    """Other teams have no budget."""
    teams = {name for name, team in Owners.load(CONFIG / "owners.toml").teams.items() if team.monthly_budget}
    assert {name.removeprefix("focuswatch-team-") for name in budgets if "-team-" in name} == teams


def test_an_anomaly_monitor_is_created_only_if_the_account_has_none(three):
    """A second monitor would fail the deployment."""
    assert not synthesized("one").resources("payer", "AWS::CE::AnomalyMonitor")
    ((id, monitor),) = three.resources("payer", "AWS::CE::AnomalyMonitor").items()
    monitor = monitor["Properties"]
    assert (monitor["MonitorType"], monitor["MonitorDimension"]) == ("DIMENSIONAL", "SERVICE")
    (subscription,) = three.properties("payer", "AWS::CE::AnomalySubscription")
    assert subscription["MonitorArnList"] == [{"Fn::GetAtt": [id, "MonitorArn"]}]


@pytest.mark.parametrize("accounts", ["one", "three"])
def test_anomalies_of_an_existing_monitor_are_subscribed(accounts):
    """The configuration has its ARN, because most accounts already have a monitor."""
    stacks = synthesized(accounts)
    (subscription,) = stacks.properties("payer", "AWS::CE::AnomalySubscription")
    if accounts == "one":
        assert subscription["MonitorArnList"] == [MONITOR]
    assert subscription["Frequency"] == "IMMEDIATE"
    assert [subscriber["Type"] for subscriber in subscription["Subscribers"]] == ["SNS"]
    assert json.loads(subscription["ThresholdExpression"])["Dimensions"]["Values"] == ["100"]


def test_each_account_gets_a_read_only_role_for_collect_and_detect(three):
    """A StackSet creates it, and the stack itself in the management account, which a StackSet does not reach."""
    (stack_set,) = three.properties("member", "AWS::CloudFormation::StackSet")
    (management_role,) = three.properties("member", "AWS::IAM::Role")
    member_role = json.loads(stack_set["TemplateBody"])["Resources"]["Role"]["Properties"]
    assert stack_set["PermissionModel"] == "SERVICE_MANAGED" and stack_set["AutoDeployment"]["Enabled"]
    (targets,) = stack_set["StackInstancesGroup"]
    assert targets["DeploymentTargets"] == {"OrganizationalUnitIds": ["r-ab12"]}
    for role in (management_role, member_role):
        (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trusted["Condition"] == {
            "StringEquals": {"sts:ExternalId": "change-me-to-something-long"},
            "ArnEquals": {"aws:PrincipalArn": [COLLECTOR, DETECTOR, HOURLY]},
        }
        (granted,) = role["Policies"][0]["PolicyDocument"]["Statement"]
        assert set(granted["Action"]) == set(member_actions(three.deployment.collector.events))
        # The deployment in three accounts collects events.
        assert {"health:DescribeEvents", "cloudwatch:DescribeAlarmHistory"} <= set(granted["Action"])


def test_a_delegated_administrator_deploys_the_stack_set_in_its_own_account(three):
    """The StackSet has CallAs, and the stack creates no role in the management account."""
    (stack_set,) = three.properties("member", "AWS::CloudFormation::StackSet")
    assert stack_set["CallAs"] == "SELF"
    deployment = deployment_of(accounts="three")
    organization = deployment.organization.model_copy(update={"member_stack": "delegated-administrator"})
    stack = MemberStack(
        App(), "delegated", deployment=deployment.model_copy(update={"organization": organization})
    )
    template = Template.from_stack(stack)
    (stack_set,) = template.find_resources("AWS::CloudFormation::StackSet").values()
    assert stack_set["Properties"]["CallAs"] == "DELEGATED_ADMIN"
    assert not template.find_resources("AWS::IAM::Role")
    assert stack.account == PIPELINE


def test_the_payer_role_lists_accounts_only(three):
    """The role exists only if the pipeline is in another account."""
    assert not synthesized("one").resources("payer", "AWS::IAM::Role")
    (role,) = three.properties("payer", "AWS::IAM::Role")
    assert role["RoleName"] == "focuswatch-organisation-reader"
    (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Condition"]["ArnEquals"] == {"aws:PrincipalArn": COLLECTOR}
    (policy,) = three.properties("payer", "AWS::IAM::Policy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert set(statement["Action"]) == set(MANAGEMENT_ACTIONS)


def test_each_stack_has_its_account_and_region(three):
    """The export and the budgets are in us-east-1, also if the pipeline is in another Region."""
    placed = {
        name: artifact["environment"]
        for name, artifact in three.manifest["artifacts"].items()
        if artifact["type"] == "aws:cloudformation:stack"
    }
    assert placed == {
        "focuswatch-pipeline": f"aws://{PIPELINE}/eu-central-1",
        "focuswatch-queries": f"aws://{PIPELINE}/eu-central-1",
        "focuswatch-payer": f"aws://{PAYER}/us-east-1",
        "focuswatch-member": f"aws://{PAYER}/us-east-1",
    }


@pytest.mark.parametrize(("accepted", "limits"), [("USD", (150.0, 50.0)), ("INR", (12000.0, 4000.0))])
def test_budgets_are_in_the_currency_that_aws_budgets_accepts(accepted, limits):
    """Team budgets are converted from the billing currency and other budgets from USD, with the rate in owners.toml."""
    from aws_cdk import App, Stack
    from aws_cdk.assertions import Template

    config = Deployment.load(CONFIG / "deployment.toml").budgets.model_copy(update={"currency": accepted})
    owners = Owners.load(CONFIG / "owners.toml").model_copy(update={"exchange_rates": {"INR": Decimal(80)}})
    stack = Stack(App(), "payer")
    PayerBudgets(
        stack,
        "Budgets",
        name="focuswatch",
        config=config,
        owners=owners,
        topic_arn="arn:aws:sns:us-east-1:123456789012:spending",
        billing_currency="INR",
    )
    resources = Template.from_stack(stack).find_resources("AWS::Budgets::Budget").values()
    limits_by_name = {
        one["Properties"]["Budget"]["BudgetName"]: one["Properties"]["Budget"]["BudgetLimit"]
        for one in resources
    }
    names = ("focuswatch-team-search", "focuswatch-opensearch-serverless")
    assert [limits_by_name[name] for name in names] == [
        {"Amount": limit, "Unit": accepted} for limit in limits
    ]
