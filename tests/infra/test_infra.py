"""The templates of all stacks, for one account and for three."""

import json
import re
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Stack, Validations, aws_s3, aws_sns
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from app import synthesize
from focuswatch.bill.schema import columns_of_all_tables
from focuswatch.bill.schema.glue_tables_and_partition_keys import GLUE_TABLES, PARTITION_KEYS
from focuswatch.catalog.sql_catalog import Catalog
from focuswatch.engines.duckdb_connection_macros_and_tables import connect, create_empty_table
from focuswatch.engines.fill_placeholders_with_literals import placeholders
from focuswatch.notify.delivery_claims_and_state import LEASE_SECONDS
from focuswatch.operations.deployment_toml_sections import DashboardConfig, SpendRateConfig
from focuswatch.operations.lambda_function_groups_and_modules import (
    CHANNELS,
    ENDPOINTS,
    FUNCTIONS,
    ONE_AT_A_TIME,
    QUEUE_FED,
    WITHOUT_RUNS,
    module_of,
)
from focuswatch.operations.load_deployment_toml_and_derive_functions_and_roles import Deployment
from infra.cloudwatch_alarms_and_dashboard import Monitoring
from infra.data_bucket import DataBucket
from infra.functions import LambdaFunctions
from infra.lake_formation import LakeFormationGrants
from infra.lambda_code_and_layers import LAYER_PATH
from infra.sns_topics import PipelineTopics, open_to_organization
from tests.given.deployments import CONFIG, ROOT, deployment_of, source_of
from tests.given.synthesized_stacks import Stacks, synthesized

# W3005: CDK writes DependsOn in addition to a GetAtt of the same role, which is redundant and harmless.
IGNORED_LINT = ["W3005"]
TABLES_OF_SAVED_QUERIES = {
    "daily_charges": columns_of_all_tables.DAILY_CHARGES,
    **columns_of_all_tables.KEPT_TABLES,
    "deliveries": columns_of_all_tables.DELIVERIES,
    "activity": columns_of_all_tables.ACTIVITY,
    "token_hours": columns_of_all_tables.TOKEN_HOURS,
    "accounts": columns_of_all_tables.ACCOUNTS,
    "account_history": columns_of_all_tables.ACCOUNT_HISTORY,
    "events": columns_of_all_tables.EVENTS,
    "ai_links": columns_of_all_tables.AI_LINKS,
    "principal_charges": columns_of_all_tables.PRINCIPAL_CHARGES,
    "invocation_tokens": columns_of_all_tables.INVOCATION_TOKENS,
    "known_findings": columns_of_all_tables.KNOWN_FINDINGS,
    "recommendations": columns_of_all_tables.RECOMMENDATIONS,
    **columns_of_all_tables.OWNERS,
}


@pytest.fixture(params=["one", "three"])
def stacks(request) -> Stacks:
    """Each test runs for one account and for three."""
    return synthesized(request.param)


@pytest.mark.parametrize(
    ("accounts", "stack"),
    [("three", "pipeline"), ("three", "queries"), *product(("one", "three"), ("payer", "member"))],
)
def test_templates_pass_cfn_lint(accounts, stack):
    """In the stack's Region. The pipeline account's templates differ only in names, so one deployment is enough."""
    stacks = synthesized(accounts)
    region = stacks.deployment.accounts.region if stack in ("pipeline", "queries") else "us-east-1"
    arguments = ManualArgs(ignore_checks=IGNORED_LINT, regions=[region])
    assert not [str(match) for match in lint_file(stacks.template(stack), config=arguments)]


def test_each_cdk_nag_finding_has_a_reason(stacks):
    """AwsSolutionsChecks runs during synthesis, which a finding without a reason fails."""
    assert stacks.templates.keys() == {"pipeline", "queries", "payer", "member"}


def test_cdk_nag_fails_the_synthesis_of_an_open_bucket(tmp_path):
    """The same checks fail for a bucket without acknowledged findings."""
    app = App(outdir=str(tmp_path))
    aws_s3.Bucket(Stack(app, "careless"), "Bucket")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(Exception, match="ValidationFailed|Validation failed"):
        app.synth()


def test_invalid_value_stops_the_synthesis_with_the_problem(tmp_path):
    """`cdk deploy` prints the problem and deploys nothing."""
    wrong = (CONFIG / "deployment.toml").read_text().replace("o-a1b2c3d4e5", "acme")
    (tmp_path / "deployment.toml").write_text(wrong)
    with pytest.raises(SystemExit, match=r"deployment.toml: organization.id: found 'acme', expected"):
        synthesize(App(outdir=str(tmp_path / "out")), config=tmp_path)


def test_placeholders_stop_the_synthesis(tmp_path):
    """The shipped configuration has a public external ID, example account IDs and invented teams."""
    with pytest.raises(SystemExit) as refused:
        synthesize(App(outdir=str(tmp_path)), config=CONFIG)
    lines = str(refused.value).splitlines()
    assert f"{CONFIG}/deployment.toml: collector.external_id: the placeholder is public" in str(refused.value)
    assert len(lines) == 8 and not list(tmp_path.glob("*.template.json"))


def test_cdk_adds_no_functions_of_its_own(stacks):
    """The permissions of functions that CDK adds would not be reviewed."""
    assert len(stacks.resources("pipeline", "AWS::Lambda::Function")) == len(stacks.deployment.kinds)
    types = {one["Type"] for template in stacks.templates.values() for one in template["Resources"].values()}
    assert not {one for one in types if one.startswith(("Custom::", "AWS::CloudFormation::Custom"))}


def test_each_detection_and_report_is_a_saved_query(stacks):
    """The saved queries have no placeholders."""
    catalog = Catalog.load()
    queries = {one["Name"]: one for one in stacks.properties("queries", "AWS::Athena::NamedQuery")}
    assert queries.keys() == catalog.detections.keys() | catalog.reports.keys()
    for name, query in queries.items():
        assert query["Database"] == "focuswatch" and query["WorkGroup"] == "focuswatch"
        assert not placeholders(query["QueryString"]), name


def test_saved_queries_run():
    """DuckDB runs them on empty tables."""
    connection = connect()
    for name, table in TABLES_OF_SAVED_QUERIES.items():
        create_empty_table(connection, name, table)
    for query in synthesized("one").properties("queries", "AWS::Athena::NamedQuery"):
        connection.execute(query["QueryString"])


def test_each_table_is_in_glue(stacks):
    """Each table has the columns and the partition key that focuswatch reads."""
    tables = {
        one["TableInput"]["Name"]: one["TableInput"]
        for one in stacks.properties("pipeline", "AWS::Glue::Table")
    }
    assert tables.keys() == GLUE_TABLES.keys()
    for name, table in tables.items():
        columns = [(one["Name"], one["Type"]) for one in table["StorageDescriptor"]["Columns"]]
        keys = [(one["Name"], one["Type"]) for one in table["PartitionKeys"]]
        assert columns == GLUE_TABLES[name]
        assert keys == ([PARTITION_KEYS[name]] if name in PARTITION_KEYS else [])


def test_partitions_of_the_export_are_registered_and_not_projected(stacks):
    """AWS determines the case of a period's folder name, and metadata/ contains no data."""
    tables = {
        one["TableInput"]["Name"]: one["TableInput"]
        for one in stacks.properties("pipeline", "AWS::Glue::Table")
    }
    data = f"s3://{stacks.deployment.bucket}/focus/focuswatch/data/"
    assert tables["focus_export"]["StorageDescriptor"]["Location"] == data
    projected = {name for name, table in tables.items() if "projection.enabled" in table["Parameters"]}
    assert projected == {
        "activity",
        "invocation_tokens",
        "token_hours",
    }  # refresh updates the locations of the others


def test_lake_formation_grants_are_created_only_if_configured(stacks):
    """A grant would be rejected if only IAM policies control access."""
    assert not stacks.resources("pipeline", "AWS::LakeFormation::PrincipalPermissions")


def test_lake_formation_grants_cover_functions_that_run_queries():
    """All of them may read; only `refresh` and `bills` may register partitions."""
    deployment = deployment_of(accounts="one")
    stack = Stack(App(), "alone")
    topics = PipelineTopics(stack, "Messages", deployment=deployment)
    functions = LambdaFunctions(stack, "Functions", deployment=deployment, topics=topics)
    LakeFormationGrants(stack, "LakeFormation", deployment=deployment, functions=functions)
    grants = Template.from_stack(stack).find_resources("AWS::LakeFormation::PrincipalPermissions").values()
    granted = {
        (one["Principal"]["DataLakePrincipalIdentifier"].rpartition("-")[2], *one["Permissions"])
        for one in (each["Properties"] for each in grants)
        if "Table" in one["Resource"]
    }
    reading = {(kind, "DESCRIBE", "SELECT") for kind in ("detect", "hourly", "page", "weekly", "close")}
    changing = {(kind, "DESCRIBE", "SELECT", "ALTER", "INSERT") for kind in ("refresh", "bills")}
    assert granted == changing | reading
    assert len(grants) == 2 * len(granted)


def test_clients_cannot_override_the_scan_limit(stacks):
    """100 GiB, encrypted results in the data bucket, engine 3."""
    (workgroup,) = stacks.properties("pipeline", "AWS::Athena::WorkGroup")
    config = workgroup["WorkGroupConfiguration"]
    assert config["BytesScannedCutoffPerQuery"] == 100 * 1024**3
    assert config["EnforceWorkGroupConfiguration"] is True
    assert config["EngineVersion"] == {"SelectedEngineVersion": "Athena engine version 3"}
    assert (
        config["ResultConfiguration"]["OutputLocation"] == f"s3://{stacks.deployment.bucket}/athena-results/"
    )
    assert config["ResultConfiguration"]["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}


def test_bill_and_ledger_are_retained(stacks):
    """Deleting the stack deletes neither of them, and changes to their data can be undone."""
    (ledger,) = stacks.resources("pipeline", "AWS::DynamoDB::Table").values()
    buckets = stacks.resources("pipeline", "AWS::S3::Bucket").values()
    assert (ledger["DeletionPolicy"], ledger["UpdateReplacePolicy"]) == ("Retain", "Retain")
    kept = {(one["DeletionPolicy"], one["UpdateReplacePolicy"]) for one in buckets}
    # A first deployment that fails must not leave buckets or a ledger behind that prevent the next attempt.
    assert kept == {("RetainExceptOnCreate", "Retain")}
    assert set(stacks.resources("pipeline", "AWS::Lambda::Function")) <= set(ledger["DependsOn"])
    table = ledger["Properties"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["pending"]
    (data,) = [one["Properties"] for one in buckets if "BucketName" in one["Properties"]]
    assert data["BucketName"] == stacks.deployment.bucket
    assert data["VersioningConfiguration"] == {"Status": "Enabled"}
    expiring = [rule for rule in data["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
    prefixes = {rule["Prefix"] for rule in expiring}
    assert prefixes == {"athena-results/", "tables/recommendations/"}


def rules_of_the_data_bucket(deployment: Deployment) -> list[dict]:
    """Return the bucket's lifecycle rules, from a stack of the bucket only."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    stack = Stack(App(context=context), "alone")
    DataBucket(stack, "Data", deployment=deployment)
    buckets = Template.from_stack(stack).find_resources("AWS::S3::Bucket").values()
    (data,) = [one["Properties"] for one in buckets if "BucketName" in one["Properties"]]
    return data["LifecycleConfiguration"]["Rules"]


def test_export_moves_to_intelligent_tiering(stacks):
    """Manifests and tables stay in S3 Standard. Without the setting, all objects stay there."""
    deployment = stacks.deployment
    (moving,) = [one for one in rules_of_the_data_bucket(deployment) if "Transitions" in one]
    assert moving["Prefix"] == f"{deployment.export_path}/data/"
    assert moving["Transitions"] == [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 0}]
    keep = deployment.keep.model_copy(update={"intelligent_tiering": False})
    without = rules_of_the_data_bucket(deployment.model_copy(update={"keep": keep}))
    assert not [one for one in without if "Transitions" in one]


def test_old_versions_are_kept_for_the_configured_days_and_of_tables_for_one_day(stacks):
    """Old versions of tables that a refresh cannot rebuild, such as `activity`, are kept as long as the export's."""
    kept = {
        one.get("Prefix", ""): one["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for one in rules_of_the_data_bucket(stacks.deployment)
        if "NoncurrentVersionExpiration" in one
    }
    rebuilt = {f"tables/{table}/": 1 for table in ("daily_charges", *columns_of_all_tables.KEPT_TABLES)}
    rebuilt["tables/principal_charges/"] = rebuilt["tables/recommendations/"] = 1
    assert kept == {"": stacks.deployment.keep.old_versions_days, "athena-results/": 1, **rebuilt}


def test_buckets_topics_and_queues_accept_tls_only(stacks):
    """Each has a policy that denies other requests."""
    for stack, type_, policy in [
        ("pipeline", "AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
        ("pipeline", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy"),
        ("pipeline", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
        ("payer", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy"),
    ]:
        policies = [one["PolicyDocument"]["Statement"] for one in stacks.properties(stack, policy)]
        assert len(policies) == len(stacks.resources(stack, type_)) > 0
        denied = [
            one["Condition"] for statements in policies for one in statements if one["Effect"] == "Deny"
        ]
        assert denied.count({"Bool": {"aws:SecureTransport": "false"}}) == len(policies)


def test_only_exports_of_the_payer_may_deliver(stacks):
    """Both service principals in AWS's documentation may deliver, but not for other accounts (confused deputy)."""
    allowed = [
        one
        for policy in stacks.properties("pipeline", "AWS::S3::BucketPolicy")
        for one in policy["PolicyDocument"]["Statement"]
        if one.get("Sid") == "DataExportsOfThePayerAlone"
    ]
    payer = stacks.deployment.accounts.payer
    (statement,) = allowed
    assert set(statement["Principal"]["Service"]) == {
        "bcm-data-exports.amazonaws.com",
        "billingreports.amazonaws.com",
    }
    assert set(statement["Action"]) == {"s3:PutObject", "s3:GetBucketPolicy"}
    assert len(statement["Resource"]) == 2
    assert statement["Condition"] == {
        "StringEquals": {"aws:SourceAccount": payer},
        "ArnLike": {
            "aws:SourceArn": [
                f"arn:aws:bcm-data-exports:us-east-1:{payer}:export/*",
                f"arn:aws:cur:us-east-1:{payer}:definition/*",
            ]
        },
    }


def test_members_may_subscribe_their_own_endpoints_only(stacks):
    """Endpoints are queues and functions of the caller's account, not email addresses or URLs."""
    opened = [one for one in opened_to_all(stacks, "pipeline") if one["Action"] == "sns:Subscribe"]
    assert len(opened) == 2 * 2
    endpoints = {
        "sqs": ["arn:aws:sqs:*:${aws:PrincipalAccount}:*"],
        "lambda": ["arn:aws:lambda:*:${aws:PrincipalAccount}:function:*"],
    }
    for statement in opened:
        protocol = statement["Condition"]["StringEquals"]["sns:Protocol"]
        assert statement["Condition"] == {
            "StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5", "sns:Protocol": protocol},
            "StringLike": {"sns:Endpoint": endpoints[protocol]},
        }


def test_topic_policies_allow_all_principals_to_read_and_subscribe_only(stacks):
    """Only with the organization's ID as condition. No principal may subscribe to `spending`."""
    assert opened_to_all(stacks, "payer") == []
    for statement in opened_to_all(stacks, "pipeline"):
        assert statement["Action"] in ("sns:Subscribe", "sns:GetTopicAttributes")
        assert statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"] == "o-a1b2c3d4e5"


def test_members_may_subscribe_configured_urls_only():
    """By default, no URL may subscribe."""
    key_stack = Stack(App(), "alone")
    topic = aws_sns.Topic(key_stack, "Topic")
    named = ["https://hooks.example.com/focuswatch/"]
    open_to_organization(topic, organization_id="o-a1b2c3d4e5", https_endpoints=named)
    (policy,) = Template.from_stack(key_stack).find_resources("AWS::SNS::TopicPolicy").values()
    (by_https,) = [
        one["Condition"]
        for one in policy["Properties"]["PolicyDocument"]["Statement"]
        if one["Condition"]["StringEquals"].get("sns:Protocol") == "https"
    ]
    assert by_https["StringLike"] == {"sns:Endpoint": ["https://hooks.example.com/focuswatch/*"]}


def opened_to_all(stacks: Stacks, stack: str) -> list[dict]:
    """Return the topic policy statements that allow all principals."""
    return [
        one
        for policy in stacks.properties(stack, "AWS::SNS::TopicPolicy")
        for one in policy["PolicyDocument"]["Statement"]
        if one["Principal"] in ("*", {"AWS": "*"}) and one["Effect"] == "Allow"
    ]


def test_services_may_publish_for_their_own_account_only(stacks):
    """Topic policies check the source account. Key policies check the topic's ARN, which SNS always sends."""
    keys = []
    for stack in ("pipeline", "payer"):
        topics = services_of(
            one["PolicyDocument"] for one in stacks.properties(stack, "AWS::SNS::TopicPolicy")
        )
        assert topics and all("aws:SourceAccount" in one["Condition"]["StringEquals"] for one in topics)
        keys += services_of(one["KeyPolicy"] for one in stacks.properties(stack, "AWS::KMS::Key"))
    assert all("kms:EncryptionContext:aws:sns:topicArn" in one["Condition"]["ArnLike"] for one in keys)
    allowed = {service for one in keys for service in _listed(one["Principal"]["Service"])}
    assert allowed == {"cloudwatch.amazonaws.com", "budgets.amazonaws.com", "costalerts.amazonaws.com"}


@pytest.mark.parametrize(
    ("accounts", "expected"), [("one", {"pipeline": 1, "payer": 0}), ("three", {"pipeline": 1, "payer": 1})]
)
def test_payer_stack_has_a_key_only_in_another_account_or_region(accounts, expected):
    """Each key costs 1 USD a month."""
    stacks = synthesized(accounts)
    assert {stack: len(stacks.resources(stack, "AWS::KMS::Key")) for stack in expected} == expected
    (spending,) = [
        one
        for one in stacks.properties("payer", "AWS::SNS::Topic")
        if one["TopicName"] == "focuswatch-spending"
    ]
    assert ("Fn::ImportValue" in spending["KmsMasterKeyId"]) == (accounts == "one")


def _listed(value):
    return value if isinstance(value, list) else [value]


def services_of(documents: Iterable[dict]) -> list[dict]:
    """Return the statements that allow an AWS service."""
    statements = [one for document in documents for one in document["Statement"]]
    return [one for one in statements if "Service" in one["Principal"]]


def test_each_function_has_a_dead_letter_queue_and_an_alarm(stacks):
    """The queue receives failed events of rules and failed asynchronous invocations."""
    rules = stacks.properties("pipeline", "AWS::Events::Rule")
    targets = [target for rule in rules for target in rule["Targets"]]
    assert len(rules) == len(targets) == 15 + len(ONE_AT_A_TIME)
    assert all("DeadLetterConfig" in target and "RetryPolicy" in target for target in targets)
    deployment = stacks.deployment
    failures = stacks.properties("pipeline", "AWS::Lambda::EventInvokeConfig")
    asynchronous = set(deployment.unattended) - set(QUEUE_FED)
    assert len([one for one in failures if one["DestinationConfig"]["OnFailure"]]) == len(asynchronous)
    alarms = {one["AlarmName"] for one in stacks.properties("pipeline", "AWS::CloudWatch::Alarm")}
    synchronous = set(deployment.kinds) - set(deployment.unattended)  # AWS does not retry these functions
    missed = set(deployment.daily) - {"refresh"}  # the alarm of `detect` reports them: see the next test
    watched = {"errors": synchronous, "dead-letters": deployment.unattended, "missed": missed}
    watched["waiting"] = QUEUE_FED
    named = {f"focuswatch-{kind}-{what}" for what, kinds in watched.items() for kind in kinds}
    assert alarms == named | {"focuswatch-data-age"}
    assert all(one["AlarmActions"] for one in stacks.properties("pipeline", "AWS::CloudWatch::Alarm"))


def test_only_refresh_starts_detect(stacks):
    """Therefore a missed run of `refresh` is also a missed run of `detect`, whose alarm reports both."""
    rules = stacks.properties("pipeline", "AWS::Events::Rule")
    starting = [one for one in rules if "Invokes the Lambda function detect." in one["Description"]]
    events = {
        name
        for one in starting
        for name in one.get("EventPattern", {"detail-type": ["schedule"]})["detail-type"]
    }
    assert events == {"Refreshed", "Unfinished", "Again"}  # the last two repeat a run of `detect`
    announcing = {
        event: {
            f"lambdas.{path.stem}"
            for path in (ROOT / "lambdas").glob("*.py")
            if f'"{event}"' in path.read_text()
        }
        for event in ("Refreshed", "Unfinished")
    }
    assert announcing == {"Refreshed": {module_of("refresh")}, "Unfinished": {module_of("detect")}}
    (alarm,) = [
        one
        for one in stacks.properties("pipeline", "AWS::CloudWatch::Alarm")
        if one["AlarmName"] == "focuswatch-detect-missed"
    ]
    assert alarm["TreatMissingData"] == "breaching" and "refresh" in alarm["AlarmDescription"]


def test_each_metric_that_a_function_writes_is_in_an_alarm_or_the_dashboard():
    """A metric with a value in every hour costs 0.30 USD a month: https://aws.amazon.com/cloudwatch/pricing/"""
    stacks = synthesized("one")
    alarms = stacks.properties("pipeline", "AWS::CloudWatch::Alarm")
    read = {
        (one["MetricName"], dimension["Value"])
        for one in alarms
        if one.get("Namespace") == "focuswatch"
        for dimension in one["Dimensions"]
        if dimension["Name"] == "function"
    }
    for namespace, name, *dimensions in (metric[:6] for metric in shown_metrics(stacks)):
        if namespace == "focuswatch":
            read.add((name, dimensions[dimensions.index("function") + 1]))
    for kind in (*stacks.deployment.kinds, "controls"):
        source = source_of(kind)
        written = re.findall(r'add_metric\(name="(\w+)"', source)
        if "@lambda_function(" in source and kind not in WITHOUT_RUNS:
            written.append("Runs")
        assert {(name, kind) for name in written} <= read
    handlers = {module_of(kind).removeprefix("lambdas.") for kind in stacks.deployment.kinds}
    rest = [path for path in (ROOT / "lambdas").glob("*.py") if path.stem not in handlers]
    assert [path.stem for path in rest if "add_metric(" in path.read_text()] == ["function_decorator"]


def test_alarms_use_metrics_that_the_functions_write():
    """The dimensions are those of Powertools. An alarm on a misspelled metric would never change its state."""
    for alarm in synthesized("one").properties("pipeline", "AWS::CloudWatch::Alarm"):
        if alarm.get("Namespace") == "focuswatch":
            dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
            kind = dimensions["function"]
            assert dimensions == {"function": kind, "service": kind}
            sources = [source_of(kind), (ROOT / "lambdas" / "function_decorator.py").read_text()]
            assert f'@lambda_function("{kind}"' in sources[0]
            assert any(f'name="{alarm["MetricName"]}"' in source for source in sources)


def test_dashboard_is_free_of_charge():
    """It has at most 50 metrics with all functions deployed."""
    shown = shown_metrics(synthesized("one"))
    deployment = synthesized("one").deployment
    fed = [kind for kind in deployment.kinds if kind in QUEUE_FED]
    shown_kinds = [kind for kind in deployment.kinds if kind != "events"]
    endpoints = [kind for kind in shown_kinds if kind in ENDPOINTS]
    assert 3 * len(shown_kinds) - 2 * len(fed) - len(endpoints) <= len(shown) <= 50
    assert not [metric for metric in shown if "expression" in metric[0]]


def test_dashboard_shows_runs_only_of_functions_that_publish_them():
    """Endpoints publish no `Runs` metric; an empty line would use one of the 50 free metrics."""
    runs = {metric[3] for metric in shown_metrics(synthesized("one")) if metric[1] == "Runs"}
    assert runs and all(f'@lambda_function("{kind}"' in source_of(kind) for kind in runs)


def shown_metrics(stacks: Stacks) -> list[list[Any]]:
    """Return the metrics of the dashboard."""
    (dashboard,) = stacks.properties("pipeline", "AWS::CloudWatch::Dashboard")
    parts = dashboard["DashboardBody"]["Fn::Join"][1]
    widgets = json.loads("".join(part if isinstance(part, str) else "there" for part in parts))["widgets"]
    return [metric for widget in widgets for metric in widget["properties"]["metrics"]]


def test_dashboard_can_be_omitted():
    """The alarms are still deployed."""
    deployment = deployment_of(accounts="one")
    deployment = deployment.model_copy(update={"dashboard": DashboardConfig(enabled=False)})
    stack = Stack(App(), "alone")
    topics = PipelineTopics(stack, "Messages", deployment=deployment)
    functions = LambdaFunctions(stack, "Functions", deployment=deployment, topics=topics)
    Monitoring(stack, "Watch", deployment=deployment, functions=functions, topic=topics.alarms)
    template = Template.from_stack(stack)
    assert not template.find_resources("AWS::CloudWatch::Dashboard")
    alarms = synthesized("one").properties("pipeline", "AWS::CloudWatch::Alarm")
    assert len(template.find_resources("AWS::CloudWatch::Alarm")) == len(alarms)


def test_delivered_manifest_invokes_refresh(stacks):
    """Other objects of the bucket, such as tables that `refresh` writes, do not."""
    (rule,) = [
        one
        for one in stacks.properties("pipeline", "AWS::Events::Rule")
        if one["Name"] == "focuswatch-manifest"
    ]
    detail = rule["EventPattern"]["detail"]
    assert detail["bucket"] == {"name": [stacks.deployment.bucket]}
    assert detail["object"] == {"key": [{"wildcard": "focus/focuswatch/metadata/*-Manifest.json"}]}
    (bucket,) = [one for one in stacks.properties("pipeline", "AWS::S3::Bucket") if "BucketName" in one]
    assert bucket["NotificationConfiguration"]["EventBridgeConfiguration"] == {"EventBridgeEnabled": True}


def test_functions_run_on_arm64_with_the_focuswatch_layer_last(stacks):
    """AWS's layers are resolved from public parameters; the last layer takes precedence."""
    parameters = {one["Default"] for one in stacks.templates["pipeline"]["Parameters"].values()}
    assert "/aws/service/aws-sdk-pandas/3.16.0/py3.13/arm64/layer-arn" in parameters
    assert "/aws/service/powertools/python/arm64/python3.13/latest" in parameters
    layers = stacks.resources("pipeline", "AWS::Lambda::LayerVersion")
    by_name = {one["Properties"]["LayerName"]: id for id, one in layers.items()}
    own_layer = by_name["focuswatch-packages"]
    functions = stacks.properties("pipeline", "AWS::Lambda::Function")
    code = functions[0]["Code"]
    for function in functions:
        kind = function["FunctionName"].removeprefix("focuswatch-")
        assert function["Code"] == code  # one zip for all
        assert function["Architectures"] == ["arm64"] and function["Runtime"] == "python3.13"
        module = function["Handler"].removesuffix(".handler")
        assert module == module_of(kind) and module.removeprefix("lambdas.").startswith(kind)
        assert (ROOT / f"{module.replace('.', '/')}.py").exists()
        assert function["Layers"][-1] == {"Ref": own_layer}
        assert len(function["Layers"]) == (
            3
            if kind in ("refresh", "collect", "fetch", "bills", "detect", "hourly", "page", "weekly", "close")
            else 2
        )
        assert ({"Ref": by_name["focuswatch-duckdb"]} in function["Layers"]) == (kind == "bills")


def test_zip_has_the_code_and_layers_have_the_packages(stacks):
    """The zip has no tests, stacks or caches; pydantic is compiled for Lambda's processor."""
    assets = [folder for folder in stacks.folder.glob("asset.*") if folder.is_dir()]
    (code,) = [folder for folder in assets if (folder / "lambdas").exists()]
    assert {one.name for one in code.iterdir()} == {"focuswatch", "athena_sql", "lambdas", "config"}
    assert not list(code.rglob("__pycache__"))
    layers = [folder for folder in assets if (folder / "python").exists()]
    (layer,) = [folder for folder in layers if (folder / LAYER_PATH / "pydantic_core").exists()]
    assert list((layer / LAYER_PATH / "pydantic_core").glob("*cpython-313-aarch64*.so"))
    assert _bytes(layer) < 15e6  # AWS's layers take most of the 250 MB that all layers may have together
    (duckdb,) = set(layers) - {layer}
    assert list((duckdb / LAYER_PATH).glob("_duckdb*abi3.so")) and _bytes(duckdb) < 80e6


def test_resources_have_the_configured_tags(stacks):
    """All resources that support tags."""
    for stack, type_ in [
        ("pipeline", "AWS::Lambda::Function"),
        ("pipeline", "AWS::S3::Bucket"),
        ("payer", "AWS::SNS::Topic"),
    ]:
        for properties in stacks.properties(stack, type_):
            assert {"Key": "team", "Value": "finops"} in properties["Tags"]


def test_payer_and_member_stacks_depend_on_the_pipeline_stack(stacks):
    """Without the bucket's policy, creating the export fails."""
    artifacts = stacks.manifest["artifacts"]
    for stack in ("focuswatch-payer", "focuswatch-member"):
        assert "focuswatch-pipeline" in artifacts[stack]["dependencies"]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_visibility_timeout_exceeds_the_timeout_of_the_function(stacks):
    """Failed messages of a batch are retried a hundred times, then become dead letters."""
    queues = {one["QueueName"]: one for one in stacks.properties("pipeline", "AWS::SQS::Queue")}
    functions = {one["FunctionName"]: one for one in stacks.properties("pipeline", "AWS::Lambda::Function")}
    mappings = stacks.properties("pipeline", "AWS::Lambda::EventSourceMapping")
    assert len(mappings) == len(QUEUE_FED)
    for kind in QUEUE_FED:
        queue = queues[stacks.deployment.queue(kind)]
        assert queue["VisibilityTimeout"] > functions[stacks.deployment.function(kind)]["Timeout"]
        assert queue["RedrivePolicy"]["maxReceiveCount"] == 100
        assert functions[stacks.deployment.function(kind)]["Timeout"] < LEASE_SECONDS
    assert all(one["FunctionResponseTypes"] == ["ReportBatchItemFailures"] for one in mappings)


def test_channel_that_is_not_configured_deploys_nothing():
    """Its queues, functions and alarms then cost nothing."""
    deployment = deployment_of(accounts="one")
    secrets = deployment.secrets.model_copy(update={"slack": "", "pagerduty": "", "events": ""})
    sections = ("email", "security", "connectors", "spend_rate")
    off = {"secrets": secrets, "bills": [], **{name: type(getattr(deployment, name))() for name in sections}}
    kinds = deployment.model_copy(update=off).kinds
    assert kinds == (*FUNCTIONS, "jira", "sweep", "teams", "answer", "record", "webhook")


def test_queues_are_subscribed_to_their_topics(stacks):
    """They use raw message delivery. Queues for security tools get only security findings."""
    subscriptions = stacks.properties("pipeline", "AWS::SNS::Subscription")
    assert len(subscriptions) == len([channel for channel in CHANNELS if stacks.deployment.uses(channel)])
    assert all(one["RawMessageDelivery"] for one in subscriptions)
    filters = {
        str(one["Endpoint"]["Fn::GetAtt"][0]): one["FilterPolicy"]
        for one in subscriptions
        if "FilterPolicy" in one
    }
    assert sorted(name[9:].partition("queue")[0] for name in filters) == ["ocsf", "securityhub"]
    assert all(policy == {"category": ["security"]} for policy in filters.values())
    to_queues = [
        one for one in stacks.properties("payer", "AWS::SNS::Subscription") if one["Protocol"] == "sqs"
    ]
    assert [one["Endpoint"] for one in to_queues] == [stacks.deployment.queue_arn("spending")]


@pytest.mark.parametrize("kind", [channel.name for channel in CHANNELS])
def test_message_that_sns_cannot_deliver_is_a_dead_letter(stacks, kind):
    """It goes to the dead-letter queue of the function that the queue invokes, which has an alarm and a redrive."""
    queues = stacks.resources("pipeline", "AWS::SQS::Queue")
    subscriptions = stacks.properties("pipeline", "AWS::SNS::Subscription")
    names = {
        queues[one["Endpoint"]["Fn::GetAtt"][0]]["Properties"]["QueueName"]: queues[
            one["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        ]["Properties"]["QueueName"]
        for one in subscriptions
    }
    deployment = stacks.deployment
    assert names[deployment.queue(kind)] == deployment.dead_letters(kind)
    assert sns_may_send(stacks, "pipeline", deployment.dead_letters(kind))


def test_undelivered_alerts_of_the_payer_are_kept(stacks):
    """In the pipeline's dead-letter queue, or in a queue with an alarm if account or Region differ."""
    deployment = stacks.deployment
    (subscription,) = [
        one for one in stacks.properties("payer", "AWS::SNS::Subscription") if one["Protocol"] == "sqs"
    ]
    kept = subscription["RedrivePolicy"]["deadLetterTargetArn"]
    if deployment.is_one_account:
        assert (
            kept == f"arn:aws:sqs:us-east-1:{deployment.accounts.pipeline}:focuswatch-spending-dead-letters"
        )
        assert sns_may_send(stacks, "pipeline", "focuswatch-spending-dead-letters")
        return
    ((id, queue),) = stacks.resources("payer", "AWS::SQS::Queue").items()
    assert kept == {"Fn::GetAtt": [id, "Arn"]}
    assert sns_may_send(stacks, "payer", queue["Properties"]["QueueName"])
    (alarm,) = stacks.properties("payer", "AWS::CloudWatch::Alarm")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [id, "QueueName"]}}]
    assert len(alarm["AlarmActions"]) == 1


def sns_may_send(stacks, stack, name):
    """Return whether SNS may send to the queue."""
    (id,) = (
        id
        for id, one in stacks.resources(stack, "AWS::SQS::Queue").items()
        if one["Properties"]["QueueName"] == name
    )
    policies = [
        one for one in stacks.properties(stack, "AWS::SQS::QueuePolicy") if one["Queues"] == [{"Ref": id}]
    ]
    return any(
        statement["Principal"] == {"Service": "sns.amazonaws.com"}
        for policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
    )


def test_alarm_reports_messages_that_are_retried_for_an_hour(stacks):
    """Retried messages are invisible most of the time, and SQS reports no age after three receives."""
    alarms = {one["AlarmName"]: one for one in stacks.properties("pipeline", "AWS::CloudWatch::Alarm")}
    for kind in QUEUE_FED:
        alarm = alarms[f"focuswatch-{kind}-waiting"]
        metrics = [one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one]
        names = {one["Metric"]["MetricName"] for one in metrics}
        assert names == {"ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"}
        assert {alarm["EvaluationPeriods"] * one["Period"] for one in metrics} == {3600}
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)


def test_no_concurrency_is_reserved_by_default(stacks):
    """A new account has a limit of 10, and 100 must stay unreserved: its first deployment would roll back."""
    for function in stacks.properties("pipeline", "AWS::Lambda::Function"):
        assert "ReservedConcurrentExecutions" not in function


def test_functions_with_a_public_url_can_reserve_concurrency():
    """Requests to the URL then cannot use the concurrency of other functions."""
    deployment = deployment_of(accounts="one")
    functions = deployment.functions.model_copy(update={"reserve_concurrency": True})
    deployment = deployment.model_copy(update={"functions": functions})
    stack = Stack(App(), "alone")
    topics = PipelineTopics(stack, "Messages", deployment=deployment)
    LambdaFunctions(stack, "Functions", deployment=deployment, topics=topics)
    functions_by_id = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    reserved = {
        one["Properties"]["FunctionName"]: one["Properties"]["ReservedConcurrentExecutions"]
        for one in functions_by_id
        if "ReservedConcurrentExecutions" in one["Properties"]
    }
    assert reserved == {"focuswatch-answer": 10, "focuswatch-events": 5}


def test_function_with_a_lease_is_invoked_again_for_events_during_its_run(stacks):
    """An event with the function's name invokes it; the rules of other functions do not match."""
    rules = {one["Name"]: one for one in stacks.properties("pipeline", "AWS::Events::Rule")}
    for kind in ONE_AT_A_TIME:
        rule = rules[f"focuswatch-{kind}-again"]
        pattern = {"source": ["focuswatch"], "detail-type": ["Again"], "detail": {"function": [kind]}}
        assert rule["EventPattern"] == pattern
        (target,) = rule["Targets"]
        assert kind in str(target["Arn"])
        source = source_of(kind)
        assert f'@lambda_function("{kind}", one_at_a_time=True' in source


def test_channel_is_deployed_only_with_a_secret():
    """The shipped configuration has no secrets, so it deploys no channel."""
    assert Deployment.load(CONFIG / "deployment.toml").kinds == FUNCTIONS


def test_hourly_function_runs_each_hour_and_the_member_role_trusts_it(stacks):
    """Without [spend_rate] it is not deployed, and the member role does not trust its name."""
    rules = {one["Name"]: one for one in stacks.properties("pipeline", "AWS::Events::Rule")}
    assert rules["focuswatch-hourly-clock"]["ScheduleExpression"] == "cron(20 * * * ? *)"
    pipeline = stacks.deployment.accounts.pipeline
    trusted = f"arn:aws:iam::{pipeline}:role/focuswatch-hourly"
    assert trusted in str(stacks.templates["member"])
    off = stacks.deployment.model_copy(update={"spend_rate": SpendRateConfig()})
    assert "hourly" not in off.kinds and trusted not in off.member_role_callers


def test_only_endpoints_have_a_public_url(stacks):
    """Endpoints verify the signatures of Slack, of links and of CI systems. Each URL is an output of the stack."""
    urls = stacks.properties("pipeline", "AWS::Lambda::Url")
    called = {
        kind for kind in ENDPOINTS for url in urls if f"Functions{kind}" in str(url["TargetFunctionArn"])
    }
    assert called == set(ENDPOINTS) and len(urls) == len(ENDPOINTS)
    assert {url["AuthType"] for url in urls} == {"NONE"}
    assert {"SlackRequestURL", "EventsURL"} <= stacks.templates["pipeline"]["Outputs"].keys()


def test_public_endpoint_of_events_reads_one_secret_and_writes_one_folder(stacks):
    """An attacker who exploits the endpoint can change nothing else."""
    (policy,) = [
        one
        for one in stacks.properties("pipeline", "AWS::IAM::Policy")
        if "Functionseventsrole" in str(one["Roles"])
    ]
    own = {
        action: str(statement["Resource"])
        for statement in policy["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if not action.startswith(("logs:", "xray:"))
    }
    assert own.keys() == {"secretsmanager:GetSecretValue", "s3:PutObject"}
    assert own["s3:PutObject"].endswith(f"{stacks.deployment.bucket}/events/webhook/*")
    assert "secret:focuswatch/events-??????" in own["secretsmanager:GetSecretValue"]


def test_public_url_has_both_required_permissions(stacks):
    """Both are required since October 2025: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"""
    public = [
        one for one in stacks.properties("pipeline", "AWS::Lambda::Permission") if one["Principal"] == "*"
    ]
    conditions = {
        one["Action"]: (one.get("FunctionUrlAuthType"), one.get("InvokedViaFunctionUrl")) for one in public
    }
    assert conditions == {"lambda:InvokeFunctionUrl": ("NONE", None), "lambda:InvokeFunction": (None, True)}
