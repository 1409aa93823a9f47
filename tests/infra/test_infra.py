"""What is deployed, read off the templates: for one account and for three."""

import json
from collections.abc import Iterable
from itertools import product
from pathlib import Path

import pytest
from aws_cdk import App, Stack, Validations, aws_s3, aws_sns
from aws_cdk.assertions import Template
from cdk_nag import AwsSolutionsChecks
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

from app import synthesize
from focuswatch.bill.schema import table_columns
from focuswatch.bill.schema.glue_columns import GLUE_TABLES, PARTITION_KEYS
from focuswatch.catalog.catalog import Catalog
from focuswatch.engines.duckdb_engine import connect, create_empty_table
from focuswatch.engines.sql_literals import placeholders
from focuswatch.notify.claims import LEASE_SECONDS
from focuswatch.operations.deployment_config import FUNCTIONS, ONE_AT_A_TIME, QUEUE_FED, Deployment
from infra.bucket import DataBucket
from infra.functions import LambdaFunctions
from infra.lake_formation import LakeFormationGrants
from infra.lambda_packages import LAYER_PATH
from infra.topics import Topics, open_to_organization
from tests.given.deployments import CONFIG, ROOT, deployment_of
from tests.given.stacks import Stacks, synthesized

# W3005: CDK writes DependsOn beside a GetAtt to the same role; it says a thing twice and breaks nothing.
IGNORED_LINT = ["W3005"]
READ = {
    "daily_charges": table_columns.DAILY_CHARGES,
    **table_columns.KEPT_TABLES,
    "deliveries": table_columns.DELIVERIES,
    "activity": table_columns.ACTIVITY,
    "accounts": table_columns.ACCOUNTS,
    "known_findings": table_columns.KNOWN_FINDINGS,
    **table_columns.OWNERS,
}


@pytest.fixture(params=["one", "three"])
def stacks(request) -> Stacks:
    """Each claim holds for both shapes."""
    return synthesized(request.param)


@pytest.mark.parametrize(
    ("accounts", "stack"), [("three", "pipeline"), *product(("one", "three"), ("payer", "member"))]
)
def test_cfn_lint_finds_nothing(accounts, stack):
    """Against the region that the stack goes to; the pipeline's differ in names alone, so one is enough."""
    stacks = synthesized(accounts)
    region = stacks.deployment.accounts.region if stack == "pipeline" else "us-east-1"
    given = ManualArgs(ignore_checks=IGNORED_LINT, regions=[region])
    assert not [str(match) for match in lint_file(stacks.template(stack), config=given)]


def test_cdk_nag_finds_nothing_that_is_not_explained(stacks):
    """AWS's solutions pack, run within the synthesis: a finding without its reason would have failed it."""
    assert stacks.templates.keys() == {"pipeline", "payer", "member"}


def test_cdk_nag_would_have_spoken(tmp_path):
    """The same pack refuses a bucket that nobody explained."""
    app = App(outdir=str(tmp_path))
    aws_s3.Bucket(Stack(app, "careless"), "Bucket")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(Exception, match="ValidationFailed|Validation failed"):
        app.synth()


def test_a_wrong_value_ends_the_synthesis_with_a_sentence(tmp_path):
    """`cdk deploy` shows it, and deploys nothing."""
    wrong = (CONFIG / "deployment.toml").read_text().replace("o-a1b2c3d4e5", "acme")
    (tmp_path / "deployment.toml").write_text(wrong)
    with pytest.raises(SystemExit, match=r"deployment.toml: organization.id: found 'acme', expected"):
        synthesize(App(outdir=str(tmp_path / "out")), config=tmp_path)


def test_the_shipped_examples_end_the_synthesis(tmp_path):
    """An external id that everybody knows, accounts of the documentation, teams of nobody."""
    with pytest.raises(SystemExit) as refused:
        synthesize(App(outdir=str(tmp_path)), config=CONFIG)
    said = str(refused.value).splitlines()
    assert f"{CONFIG}/deployment.toml: collector.external_id: the shipped placeholder is public" in str(
        refused.value
    )
    assert len(said) == 8 and not list(tmp_path.glob("*.template.json"))


def test_no_lambda_comes_along_that_is_not_ours(stacks):
    """CDK's own helpers would run with permissions that nobody reads."""
    assert len(stacks.resources("pipeline", "AWS::Lambda::Function")) == len(stacks.deployment.kinds)
    types = {one["Type"] for template in stacks.templates.values() for one in template["Resources"].values()}
    assert not {one for one in types if one.startswith(("Custom::", "AWS::CloudFormation::Custom"))}


def test_every_detection_and_report_is_a_saved_query_that_runs_as_it_stands(stacks):
    """No placeholder is left, and the catalog's count is the template's."""
    catalog = Catalog.load()
    queries = {one["Name"]: one for one in stacks.properties("pipeline", "AWS::Athena::NamedQuery")}
    assert queries.keys() == catalog.detections.keys() | catalog.reports.keys()
    for name, query in queries.items():
        assert query["Database"] == "focuswatch" and query["WorkGroup"] == "focuswatch"
        assert not placeholders(query["QueryString"]), name


def test_every_saved_query_runs():
    """On tables without rows."""
    connection = connect()
    for name, table in READ.items():
        create_empty_table(connection, name, table)
    for query in synthesized("one").properties("pipeline", "AWS::Athena::NamedQuery"):
        connection.execute(query["QueryString"])


def test_every_table_of_the_warehouse_is_in_glue(stacks):
    """With the columns and the partition key that the product reads."""
    tables = {
        one["TableInput"]["Name"]: one["TableInput"]
        for one in stacks.properties("pipeline", "AWS::Glue::Table")
    }
    assert tables.keys() == GLUE_TABLES.keys()
    for name, table in tables.items():
        given = [(one["Name"], one["Type"]) for one in table["StorageDescriptor"]["Columns"]]
        keys = [(one["Name"], one["Type"]) for one in table["PartitionKeys"]]
        assert given == GLUE_TABLES[name]
        assert keys == ([PARTITION_KEYS[name]] if name in PARTITION_KEYS else [])


def test_partitions_of_the_export_are_registered_and_not_projected(stacks):
    """AWS decides the case of a period's folder; metadata/ is not read as data."""
    tables = {
        one["TableInput"]["Name"]: one["TableInput"]
        for one in stacks.properties("pipeline", "AWS::Glue::Table")
    }
    data = f"s3://{stacks.deployment.bucket}/focus/focuswatch/data/"
    assert tables["focus_export"]["StorageDescriptor"]["Location"] == data
    projected = {name for name, table in tables.items() if "projection.enabled" in table["Parameters"]}
    assert projected == {"activity"}  # the others' partitions are moved by refresh


def test_lake_formation_is_asked_for_nothing_unless_the_config_says_so(stacks):
    """Where IAM alone decides, a grant there would be refused."""
    assert not stacks.resources("pipeline", "AWS::LakeFormation::PrincipalPermissions")


def test_lake_formation_grants_what_runs_statements_their_tables():
    """All may read; refresh alone registers partitions."""
    deployment = deployment_of(accounts="one")
    stack = Stack(App(), "alone")
    topics = Topics(stack, "Messages", deployment=deployment)
    functions = LambdaFunctions(stack, "Functions", deployment=deployment, topics=topics)
    LakeFormationGrants(stack, "LakeFormation", deployment=deployment, functions=functions)
    found = Template.from_stack(stack).find_resources("AWS::LakeFormation::PrincipalPermissions").values()
    granted = {
        (one["Principal"]["DataLakePrincipalIdentifier"].rpartition("-")[2], *one["Permissions"])
        for one in (each["Properties"] for each in found)
        if "Table" in one["Resource"]
    }
    reading = {(kind, "DESCRIBE", "SELECT") for kind in ("detect", "page", "weekly")}
    assert granted == {("refresh", "DESCRIBE", "SELECT", "ALTER", "INSERT"), *reading}
    assert len(found) == 2 * len(granted)


def test_a_statement_has_a_limit_that_its_client_cannot_lift(stacks):
    """100 GiB, encrypted results in our own bucket, engine 3."""
    (workgroup,) = stacks.properties("pipeline", "AWS::Athena::WorkGroup")
    config = workgroup["WorkGroupConfiguration"]
    assert config["BytesScannedCutoffPerQuery"] == 100 * 1024**3
    assert config["EnforceWorkGroupConfiguration"] is True
    assert config["EngineVersion"] == {"SelectedEngineVersion": "Athena engine version 3"}
    assert (
        config["ResultConfiguration"]["OutputLocation"] == f"s3://{stacks.deployment.bucket}/athena-results/"
    )
    assert config["ResultConfiguration"]["EncryptionConfiguration"] == {"EncryptionOption": "SSE_S3"}


def test_the_bill_and_the_ledger_outlive_their_stack(stacks):
    """Removing focuswatch removes neither, and a mistake can be undone."""
    (ledger,) = stacks.resources("pipeline", "AWS::DynamoDB::Table").values()
    buckets = stacks.resources("pipeline", "AWS::S3::Bucket").values()
    assert (ledger["DeletionPolicy"], ledger["UpdateReplacePolicy"]) == ("Retain", "Retain")
    kept = {(one["DeletionPolicy"], one["UpdateReplacePolicy"]) for one in buckets}
    assert kept == {("RetainExceptOnCreate", "Retain")}  # a first deployment that fails may be tried again
    assert set(stacks.resources("pipeline", "AWS::Lambda::Function")) <= set(
        ledger["DependsOn"]
    )  # for the same reason
    table = ledger["Properties"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["DeletionProtectionEnabled"] is True
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["pending"]
    (data,) = [one["Properties"] for one in buckets if "BucketName" in one["Properties"]]
    assert data["BucketName"] == stacks.deployment.bucket
    assert data["VersioningConfiguration"] == {"Status": "Enabled"}
    expiring = [rule for rule in data["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in rule]
    assert [rule["Prefix"] for rule in expiring] == ["athena-results/"]


def rules_of_the_data_bucket(deployment: Deployment) -> list[dict]:
    """The lifecycle rules, without synthesizing everything."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    stack = Stack(App(context=context), "alone")
    DataBucket(stack, "Data", deployment=deployment)
    buckets = Template.from_stack(stack).find_resources("AWS::S3::Bucket").values()
    (data,) = [one["Properties"] for one in buckets if "BucketName" in one["Properties"]]
    return data["LifecycleConfiguration"]["Rules"]


def test_months_of_the_bill_that_nobody_reads_become_cheaper_and_stay_readable_at_once(stacks):
    """Manifests and the tables that detections read stay as they are; without the setting everything does."""
    deployment = stacks.deployment
    (moving,) = [one for one in rules_of_the_data_bucket(deployment) if "Transitions" in one]
    assert moving["Prefix"] == f"{deployment.export_path}/data/"
    assert moving["Transitions"] == [{"StorageClass": "INTELLIGENT_TIERING", "TransitionInDays": 0}]
    keep = deployment.keep.model_copy(update={"intelligent_tiering": False})
    without = rules_of_the_data_bucket(deployment.model_copy(update={"keep": keep}))
    assert not [one for one in without if "Transitions" in one]


def test_overwritten_files_are_kept_for_days_and_for_one_where_a_refresh_makes_them_again(stacks):
    """What cannot be made again, such as `activity` and `deliveries`, is kept as long as the export."""
    kept = {
        one.get("Prefix", ""): one["NoncurrentVersionExpiration"]["NoncurrentDays"]
        for one in rules_of_the_data_bucket(stacks.deployment)
        if "NoncurrentVersionExpiration" in one
    }
    again = {f"tables/{table}/": 1 for table in ("daily_charges", *table_columns.KEPT_TABLES)}
    assert kept == {"": stacks.deployment.keep.old_versions_days, "athena-results/": 1, **again}


def test_buckets_topics_and_queues_take_tls_alone(stacks):
    """Each has a policy that denies the rest."""
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


def test_only_the_payers_export_may_deliver(stacks):
    """Both generations of AWS's page, and nobody else's export: the confused deputy."""
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


def test_the_organisation_may_subscribe_what_is_its_own_and_nobody_else(stacks):
    """Findings and new regions, to queues and functions of the caller's own account; no e-mail, no other address."""
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


def test_nobody_else_may_subscribe_to_spending_and_nobody_publishes_where_all_may_read(stacks):
    """Whatever is open to all principals lets the organisation read attributes or subscribe, and nothing more."""
    assert opened_to_all(stacks, "payer") == []
    for statement in opened_to_all(stacks, "pipeline"):
        assert statement["Action"] in ("sns:Subscribe", "sns:GetTopicAttributes")
        assert statement["Condition"]["StringEquals"]["aws:PrincipalOrgID"] == "o-a1b2c3d4e5"


def test_members_subscribe_by_https_only_to_addresses_that_the_config_names():
    """None as shipped."""
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
    """The statements of topics that name no principal and allow."""
    return [
        one
        for policy in stacks.properties(stack, "AWS::SNS::TopicPolicy")
        for one in policy["PolicyDocument"]["Statement"]
        if one["Principal"] in ("*", {"AWS": "*"}) and one["Effect"] == "Allow"
    ]


def test_a_service_publishes_only_on_our_own_behalf(stacks):
    """Topics ask for the source account; keys for the topic, which SNS always tells them."""
    for stack in ("pipeline", "payer"):
        topics = services_of(
            one["PolicyDocument"] for one in stacks.properties(stack, "AWS::SNS::TopicPolicy")
        )
        assert topics and all("aws:SourceAccount" in one["Condition"]["StringEquals"] for one in topics)
        keys = services_of(one["KeyPolicy"] for one in stacks.properties(stack, "AWS::KMS::Key"))
        assert keys and all(
            "kms:EncryptionContext:aws:sns:topicArn" in one["Condition"]["ArnLike"] for one in keys
        )


def services_of(documents: Iterable[dict]) -> list[dict]:
    """The statements that let an AWS service in."""
    statements = [one for document in documents for one in document["Statement"]]
    return [one for one in statements if "Service" in one["Principal"]]


def test_whatever_sets_a_function_off_has_dead_letters_and_an_alarm(stacks):
    """Rules, asynchronous invocations; and each queue is looked at."""
    rules = stacks.properties("pipeline", "AWS::Events::Rule")
    targets = [target for rule in rules for target in rule["Targets"]]
    assert len(rules) == len(targets) == 11 + len(ONE_AT_A_TIME)
    assert all("DeadLetterConfig" in target and "RetryPolicy" in target for target in targets)
    deployment = stacks.deployment
    failures = stacks.properties("pipeline", "AWS::Lambda::EventInvokeConfig")
    asynchronous = set(deployment.unattended) - set(QUEUE_FED)
    assert len([one for one in failures if one["DestinationConfig"]["OnFailure"]]) == len(asynchronous)
    alarms = {one["AlarmName"] for one in stacks.properties("pipeline", "AWS::CloudWatch::Alarm")}
    waited_for = set(deployment.kinds) - set(deployment.unattended)  # nothing tries it again
    watched = {"errors": waited_for, "dead-letters": deployment.unattended, "missed": deployment.daily}
    watched["waiting"] = QUEUE_FED
    named = {f"focuswatch-{kind}-{what}" for what, kinds in watched.items() for kind in kinds}
    assert alarms == named | {"focuswatch-data-age"}
    assert all(one["AlarmActions"] for one in stacks.properties("pipeline", "AWS::CloudWatch::Alarm"))


def test_alarms_look_at_metrics_that_the_functions_write():
    """Under the dimensions that Powertools gives them; a name misspelt would be silence, which is an alarm for ever."""
    for alarm in synthesized("one").properties("pipeline", "AWS::CloudWatch::Alarm"):
        if alarm.get("Namespace") == "focuswatch":
            dimensions = {one["Name"]: one["Value"] for one in alarm["Dimensions"]}
            kind = dimensions["function"]
            assert dimensions == {"function": kind, "service": kind}
            assert f'name="{alarm["MetricName"]}"' in (ROOT / "lambdas" / f"{kind}.py").read_text()


def test_the_dashboard_is_one_of_those_that_cost_nothing():
    """Up to 50 metrics, with every function that there may be; a search would show more than it says."""
    (dashboard,) = synthesized("one").properties("pipeline", "AWS::CloudWatch::Dashboard")
    parts = dashboard["DashboardBody"]["Fn::Join"][1]
    widgets = json.loads("".join(part if isinstance(part, str) else "there" for part in parts))["widgets"]
    shown = [metric for widget in widgets for metric in widget["properties"]["metrics"]]
    assert 3 * len(synthesized("one").deployment.kinds) <= len(shown) <= 50
    assert not [metric for metric in shown if "expression" in metric[0]]


def test_a_manifest_under_the_exports_prefix_sets_refresh_off(stacks):
    """And no other object in the bucket does, such as the tables that refresh itself writes."""
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


def test_functions_run_arm64_with_awss_layers_and_ours_last(stacks):
    """Layers are found through public parameters when deployed; the last one wins over those before it."""
    parameters = {one["Default"] for one in stacks.templates["pipeline"]["Parameters"].values()}
    assert "/aws/service/aws-sdk-pandas/3.16.0/py3.13/arm64/layer-arn" in parameters
    assert "/aws/service/powertools/python/arm64/python3.13/latest" in parameters
    (ours,) = stacks.resources("pipeline", "AWS::Lambda::LayerVersion")
    functions = stacks.properties("pipeline", "AWS::Lambda::Function")
    code = functions[0]["Code"]
    for function in functions:
        kind = function["FunctionName"].removeprefix("focuswatch-")
        assert function["Code"] == code  # one zip for all
        assert function["Architectures"] == ["arm64"] and function["Runtime"] == "python3.13"
        assert function["Handler"] == f"lambdas.{kind}.handler" and (ROOT / "lambdas" / f"{kind}.py").exists()
        assert function["Layers"][-1] == {"Ref": ours}
        assert len(function["Layers"]) == (
            3 if kind in ("refresh", "collect", "detect", "page", "weekly") else 2
        )


def test_the_zip_holds_what_runs_and_the_layer_what_it_imports(stacks):
    """No tests, no stacks, no caches; pydantic's compiled half is for the Lambda's processor."""
    assets = [folder for folder in stacks.folder.glob("asset.*") if folder.is_dir()]
    (code,) = [folder for folder in assets if (folder / "lambdas").exists()]
    assert {one.name for one in code.iterdir()} == {"focuswatch", "athena_sql", "lambdas", "config"}
    assert not list(code.rglob("__pycache__"))
    (layer,) = [folder for folder in assets if (folder / "python").exists()]
    assert list((layer / LAYER_PATH / "pydantic_core").glob("*cpython-313-aarch64*.so"))
    assert _bytes(layer) < 15e6  # of the 250 MB that all layers may have together, AWS's take most


def test_everything_carries_the_configs_tags(stacks):
    """What can be tagged is."""
    for stack, type_ in [
        ("pipeline", "AWS::Lambda::Function"),
        ("pipeline", "AWS::S3::Bucket"),
        ("payer", "AWS::SNS::Topic"),
    ]:
        for properties in stacks.properties(stack, type_):
            assert {"Key": "team", "Value": "finops"} in properties["Tags"]


def test_payer_and_member_come_after_the_pipeline(stacks):
    """The export is refused unless the bucket's policy is there."""
    artifacts = stacks.manifest["artifacts"]
    for stack in ("focuswatch-payer", "focuswatch-member"):
        assert "focuswatch-pipeline" in artifacts[stack]["dependencies"]


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_a_queue_that_feeds_a_function_hides_its_messages_longer_than_that_function_works(stacks):
    """And what of a batch failed comes back alone, a hundred times, before it goes to the dead letters."""
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


def test_slack_and_jira_hear_the_findings_and_spending_what_the_payer_is_told(stacks):
    """Raw messages, attributes beside them."""
    heard = stacks.properties("pipeline", "AWS::SNS::Subscription")
    assert len(heard) == 2
    assert all(one["RawMessageDelivery"] and "FilterPolicy" not in one for one in heard)
    to_queues = [
        one for one in stacks.properties("payer", "AWS::SNS::Subscription") if one["Protocol"] == "sqs"
    ]
    assert [one["Endpoint"] for one in to_queues] == [stacks.deployment.queue_arn("spending")]


@pytest.mark.parametrize("kind", ["slack", "jira"])
def test_what_sns_cannot_put_into_a_queue_is_a_dead_letter(stacks, kind):
    """Of the function that was to hear it: SNS drops it otherwise, and it is watched and redriven there."""
    queues = stacks.resources("pipeline", "AWS::SQS::Queue")
    heard = stacks.properties("pipeline", "AWS::SNS::Subscription")
    names = {
        queues[one["Endpoint"]["Fn::GetAtt"][0]]["Properties"]["QueueName"]:
        queues[one["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]["Properties"]["QueueName"]
        for one in heard
    }  # fmt: skip
    deployment = stacks.deployment
    assert names[deployment.queue(kind)] == deployment.dead_letters(kind)
    assert _hears(stacks, "pipeline", deployment.dead_letters(kind))


def test_what_aws_says_and_cannot_reach_the_pipeline_is_kept(stacks):
    """With the pipeline's dead letters where they are of one account and Region, else in a queue with an alarm."""
    deployment = stacks.deployment
    (told,) = [
        one for one in stacks.properties("payer", "AWS::SNS::Subscription") if one["Protocol"] == "sqs"
    ]
    kept = told["RedrivePolicy"]["deadLetterTargetArn"]
    if deployment.is_one_account:
        assert (
            kept == f"arn:aws:sqs:us-east-1:{deployment.accounts.pipeline}:focuswatch-spending-dead-letters"
        )
        assert _hears(stacks, "pipeline", "focuswatch-spending-dead-letters")
        return
    ((id, queue),) = stacks.resources("payer", "AWS::SQS::Queue").items()
    assert kept == {"Fn::GetAtt": [id, "Arn"]}
    assert _hears(stacks, "payer", queue["Properties"]["QueueName"])
    (alarm,) = stacks.properties("payer", "AWS::CloudWatch::Alarm")
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": {"Fn::GetAtt": [id, "QueueName"]}}]
    assert len(alarm["AlarmActions"]) == 1


def _hears(stacks, stack, name):
    """Whether SNS may write into the queue."""
    (id,) = (
        id
        for id, one in stacks.resources(stack, "AWS::SQS::Queue").items()
        if one["Properties"]["QueueName"] == name
    )
    policies = [
        one for one in stacks.properties(stack, "AWS::SQS::QueuePolicy") if one["Queues"] == [{"Ref": id}]
    ]
    return any(
        said["Principal"] == {"Service": "sns.amazonaws.com"}
        for policy in policies
        for said in policy["PolicyDocument"]["Statement"]
    )


def test_an_alarm_hears_what_comes_back_to_a_queue_again_and_again(stacks):
    """What waits is hidden most of the time, and after three times SQS tells its age no more."""
    alarms = {one["AlarmName"]: one for one in stacks.properties("pipeline", "AWS::CloudWatch::Alarm")}
    for kind in QUEUE_FED:
        alarm = alarms[f"focuswatch-{kind}-waiting"]
        held = [one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one]
        asked = {one["Metric"]["MetricName"] for one in held}
        assert asked == {"ApproximateNumberOfMessagesVisible", "ApproximateNumberOfMessagesNotVisible"}
        assert {alarm["EvaluationPeriods"] * one["Period"] for one in held} == {3600}
        assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanOrEqualToThreshold", 1)


def test_nothing_is_reserved_unless_the_config_says_so(stacks):
    """A new account's limit is 10, and 100 must be left unreserved: the first deployment would roll back."""
    for function in stacks.properties("pipeline", "AWS::Lambda::Function"):
        assert "ReservedConcurrentExecutions" not in function


def test_whoever_calls_the_public_address_takes_no_processor_from_the_rest():
    """It is the one function that anybody may call; where the account's limit is large, its share is set."""
    deployment = deployment_of(accounts="one")
    functions = deployment.functions.model_copy(update={"reserve_concurrency": True})
    deployment = deployment.model_copy(update={"functions": functions})
    stack = Stack(App(), "alone")
    topics = Topics(stack, "Messages", deployment=deployment)
    LambdaFunctions(stack, "Functions", deployment=deployment, topics=topics)
    made = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    reserved = {
        one["Properties"]["FunctionName"]: one["Properties"]["ReservedConcurrentExecutions"]
        for one in made
        if "ReservedConcurrentExecutions" in one["Properties"]
    }
    assert reserved == {"focuswatch-answer": 10}


def test_a_function_that_runs_alone_is_called_again_for_what_it_turned_away(stacks):
    """By an event that names it; the rules of the other three do not match."""
    rules = {one["Name"]: one for one in stacks.properties("pipeline", "AWS::Events::Rule")}
    for kind in ONE_AT_A_TIME:
        rule = rules[f"focuswatch-{kind}-again"]
        pattern = {"source": ["focuswatch"], "detail-type": ["Again"], "detail": {"function": [kind]}}
        assert rule["EventPattern"] == pattern
        (target,) = rule["Targets"]
        assert kind in str(target["Arn"])
        assert f'Run("{kind}")' in (ROOT / "lambdas" / f"{kind}.py").read_text()


def test_without_a_secret_a_channel_is_not_there():
    """Nothing to configure, nothing to pay for."""
    assert Deployment.load(CONFIG / "deployment.toml").kinds == FUNCTIONS


def test_only_what_answers_slack_can_be_called_from_outside(stacks):
    """By a URL whose callers prove themselves by Slack's signature."""
    (url,) = stacks.properties("pipeline", "AWS::Lambda::Url")
    assert "answer" in str(url["TargetFunctionArn"])
    assert url["AuthType"] == "NONE"


def test_everybody_may_call_that_url_and_only_so(stacks):
    """Since October 2025 it takes leave for both: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"""
    public = [
        one for one in stacks.properties("pipeline", "AWS::Lambda::Permission") if one["Principal"] == "*"
    ]
    told = {
        one["Action"]: (one.get("FunctionUrlAuthType"), one.get("InvokedViaFunctionUrl")) for one in public
    }
    assert told == {"lambda:InvokeFunctionUrl": ("NONE", None), "lambda:InvokeFunction": (None, True)}
