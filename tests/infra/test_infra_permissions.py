"""Least privilege: a function has only the permissions for the AWS calls of its code."""

import pytest

from focuswatch.operations.lambda_function_groups_and_modules import (
    ENDPOINTS,
    ONE_AT_A_TIME,
    QUEUE_FED,
    module_of,
)
from infra.functions import SIZES
from infra.lambda_code_and_layers import DUCKDB_PACKAGES, LAYER_PACKAGES
from infra.lambda_function_permissions import Permissions
from tests.given.aws_actions_in_source import SERVICES, Used, actions, callers, packages
from tests.given.deployments import deployment_of
from tests.given.synthesized_stacks import Stacks, synthesized

KINDS = deployment_of(accounts="one").kinds
HEARTBEAT = Used("focuswatch/operations/function_run_heartbeats.py", frozenset({"record"}))
LEASE = [
    Used("focuswatch/operations/function_lease.py"),
    Used("lambdas/lambda_run_lease_event_bus_and_heartbeat.py", frozenset({"announce"})),
]
PAGES = Used("focuswatch/ledger/dynamodb_pages.py")
CLAIMS = Used("focuswatch/notify/delivery_claims_and_state.py")
SECRET = Used("lambdas/clients_and_resources_from_environment.py", frozenset({"named_secret"}))
ENDPOINT = Used("lambdas/public_url_request_body_secrets_and_aws_clients.py")
LEDGER = [PAGES, Used("focuswatch/ledger/dynamodb_ledger.py", frozenset({"_put", "add_suppression"}))]
QUEUE_DELIVERY = [CLAIMS, Used("focuswatch/notify/retry_or_dead_letter_batch.py"), SECRET, HEARTBEAT]
SLACK = [
    *QUEUE_DELIVERY,
    Used("focuswatch/notify/space_messages_to_a_destination.py"),
    Used("focuswatch/notify/slack/look_up_channel_ids.py"),
]
# The files that call AWS and, if not all of a file is used, their functions: some methods are only for the CLI.
USED_FILES = {
    "refresh": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/ingest/list_and_copy_from_s3.py"),
        Used("focuswatch/bill/refresh/write_read_delete_athena_table_files.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions_and_read_period_facts.py"),
        Used("focuswatch/bill/refresh/store_other_bills_state_and_export_accounts.py"),
    ],
    "bills": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/bill/ingest/list_and_copy_from_s3.py"),
        Used("focuswatch/bill/refresh/write_read_delete_athena_table_files.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions_and_read_period_facts.py"),
        Used("focuswatch/bill/refresh/store_other_bills_state_and_export_accounts.py"),
    ],
    "detect": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions_and_read_period_facts.py", frozenset({"all"})),
        PAGES,
        Used("focuswatch/ledger/dynamodb_ledger.py", frozenset({"_put", "_look"})),
        Used("focuswatch/bill/refresh/write_read_delete_athena_table_files.py", frozenset({"read", "write"})),
        Used("focuswatch/collect/shared_clients_for_member_accounts.py"),
    ],
    "page": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions_and_read_period_facts.py", frozenset({"all"})),
        Used("focuswatch/bill/refresh/write_read_delete_athena_table_files.py", frozenset({"write"})),
        PAGES,
        Used("lambdas/page_and_findings_table.py"),
    ],
    "publish": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/notify/publish_pending_to_sns.py"),
        Used("focuswatch/notify/put_finding_on_eventbridge.py"),
        PAGES,
        Used("focuswatch/ledger/dynamodb_ledger.py", frozenset({"pending_notifications", "mark_notified"})),
    ],
    "collect": [
        HEARTBEAT,
        Used("focuswatch/collect/list_organization_accounts.py"),
        Used("focuswatch/collect/shared_clients_for_member_accounts.py"),
        Used("focuswatch/collect/read_and_write_collected_tables_in_s3.py"),
    ],
    "hourly": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions_and_read_period_facts.py", frozenset({"all"})),
        PAGES,
        Used("focuswatch/ledger/dynamodb_ledger.py", frozenset({"_put"})),
        Used("focuswatch/collect/shared_clients_for_member_accounts.py"),
        Used("focuswatch/collect/read_and_write_collected_tables_in_s3.py"),
    ],
    "spending": [
        HEARTBEAT,
        Used("lambdas/lambda_run_lease_event_bus_and_heartbeat.py", frozenset({"announce"})),
        Used("focuswatch/notify/retry_or_dead_letter_batch.py"),
        PAGES,
        Used("focuswatch/ledger/dynamodb_ledger.py", frozenset({"_put"})),
    ],
    "pulse": [
        CLAIMS,
        SECRET,
        Used("focuswatch/operations/function_run_heartbeats.py"),
        Used("focuswatch/notify/space_messages_to_a_destination.py"),
        Used("focuswatch/notify/slack/look_up_channel_ids.py", frozenset({"id"})),
        Used("focuswatch/operations/queue_depths.py"),
        PAGES,
        Used("lambdas/pulse_health_report_and_closed_issue_replies.py"),
    ],
    "slack": [*SLACK, PAGES, Used("focuswatch/notify/collect_and_post_slack_and_teams_digests.py")],
    "answer": [Used("lambdas/answer_endpoint_for_responses_and_page_links.py"), ENDPOINT],
    "events": [Used("lambdas/events_endpoint_for_ci_systems.py"), ENDPOINT],
    "record": [*SLACK, *LEDGER, Used("focuswatch/notify/record_response_once.py")],
    "weekly": [
        CLAIMS,
        SECRET,
        HEARTBEAT,
        Used("focuswatch/notify/space_messages_to_a_destination.py"),
        Used("focuswatch/notify/slack/look_up_channel_ids.py", frozenset({"id"})),
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions_and_read_period_facts.py", frozenset({"all"})),
        PAGES,
    ],
    "close": [
        CLAIMS,
        SECRET,
        HEARTBEAT,
        Used("focuswatch/notify/space_messages_to_a_destination.py"),
        Used("focuswatch/notify/slack/look_up_channel_ids.py", frozenset({"id"})),
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions_and_read_period_facts.py", frozenset({"all"})),
        Used("focuswatch/bill/refresh/write_read_delete_athena_table_files.py", frozenset({"read"})),
        PAGES,
    ],
    "jira": [*QUEUE_DELIVERY, *LEDGER],
    "teams": [
        *QUEUE_DELIVERY,
        Used("focuswatch/notify/space_messages_to_a_destination.py"),
        PAGES,
        Used("focuswatch/notify/collect_and_post_slack_and_teams_digests.py"),
    ],
    "pagerduty": [*QUEUE_DELIVERY, Used("focuswatch/notify/space_messages_to_a_destination.py")],
    "sweep": [CLAIMS, SECRET, HEARTBEAT, *LEDGER],
    "webhook": QUEUE_DELIVERY,
    "email": [
        CLAIMS,
        Used("focuswatch/notify/retry_or_dead_letter_batch.py"),
        HEARTBEAT,
        PAGES,
        Used("focuswatch/notify/space_messages_to_a_destination.py"),
        Used("focuswatch/notify/mail/daily_limit.py"),
        Used("focuswatch/notify/mail/collect_and_send_digests.py"),
        Used("focuswatch/notify/mail/client.py"),
    ],
    "securityhub": [
        CLAIMS,
        Used("focuswatch/notify/retry_or_dead_letter_batch.py"),
        HEARTBEAT,
        Used("focuswatch/notify/security/security_hub_client.py"),
    ],
    "fetch": [SECRET, HEARTBEAT, Used("focuswatch/connectors/store_focus_files_in_s3.py")],
    "ocsf": [
        Used("focuswatch/notify/retry_or_dead_letter_batch.py"),
        HEARTBEAT,
        Used("focuswatch/notify/security/write_ocsf_files_to_s3.py"),
    ],
}
# Calls with the member role in other accounts; collect/test_collect_handler.py compares them with that role.
AS_MEMBER = {
    "focuswatch/collect/list_ai_resource_links.py",
    "focuswatch/collect/sagemaker_endpoints_and_bedrock_models.py",
    "focuswatch/collect/resource_model_with_metrics_to_read.py",
    "focuswatch/collect/read_daily_cloudwatch_metrics_of_resources.py",
    "focuswatch/collect/token_hours.py",
    "focuswatch/collect/cloudtrail_changes.py",
    "focuswatch/collect/run_invocation_log_queries.py",
    "focuswatch/collect/deployments_alarms_and_health.py",
}
# Actions that AWS performs with a function's permissions. Athena reads tables and writes results as its caller:
# https://docs.aws.amazon.com/athena/latest/ug/s3-permissions.html
ATHENA = {
    *("glue:GetDatabase", "glue:GetTable", "glue:GetPartition", "glue:GetPartitions"),
    *("s3:GetBucketLocation", "s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
}
ON_BEHALF = {
    "refresh": ATHENA,
    "detect": ATHENA,
    "hourly": ATHENA,
    "page": ATHENA,
    "weekly": ATHENA,
    "close": ATHENA,
    "publish": {
        "kms:Decrypt",
        "kms:GenerateDataKey",
    },  # SNS encrypts messages with the publisher's permissions
    "collect": set(),
    "fetch": set(),
    "bills": set(),
    "pulse": {"kms:Decrypt", "kms:GenerateDataKey"},
    "answer": {"s3:GetObject"},  # a presigned URL has the permissions of the function
    "events": set(),
    "sweep": set(),
    # Lambda reads a queue with the function's permissions: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    **dict.fromkeys(QUEUE_FED, {"sqs:ReceiveMessage", "sqs:DeleteMessage"}),
}
# Lambda's own actions: logs, traces, and failed events sent to a queue.
LAMBDA = {
    *("logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    *("sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
}
# Packages in AWS's layers and in the runtime; an import of any other package fails at the cold start.
# pip list of the layers: https://aws-sdk-pandas.readthedocs.io/en/stable/install.html (Lambda layer)
AVAILABLE_PACKAGES = {"aws_lambda_powertools", "boto3", "botocore", "pydantic_core", *LAYER_PACKAGES}
IN_SDK_FOR_PANDAS = {"awswrangler", "numpy", "pyarrow"}


def granted(stacks: Stacks, kind: str) -> list[dict]:
    """Return the policy statements of a function's role."""
    policies = stacks.properties("pipeline", "AWS::IAM::Policy")
    (policy,) = [one for one in policies if f"Functions{kind}role" in str(one["Roles"])]
    return policy["PolicyDocument"]["Statement"]


def listed(value: str | list[str]) -> list[str]:
    """Return the value as a list; policies contain a single value without a list."""
    return [value] if isinstance(value, str | dict) else value


@pytest.mark.parametrize("kind", KINDS)
def test_each_called_action_is_granted_and_no_other(kind):
    """The test fails for a call without a permission and for a permission without a call."""
    actions_granted = {
        action for one in granted(synthesized("one"), kind) for action in listed(one["Action"])
    }
    needed = set().union(*map(actions, USED_FILES[kind])) | ON_BEHALF[kind]
    assert actions_granted - LAMBDA == needed - LAMBDA
    assert needed <= actions_granted


@pytest.mark.parametrize("kind", KINDS)
def test_each_file_that_calls_aws_is_listed(kind):
    """Otherwise the test above would miss calls."""
    assert callers(module_of(kind)) <= SERVICES.keys() | AS_MEMBER


@pytest.mark.parametrize("kind", KINDS)
def test_no_action_has_a_wildcard(kind):
    """Resource `*` is used only if the action supports no resources."""
    for statement in granted(synthesized("three"), kind):
        assert not [action for action in listed(statement["Action"]) if "*" in action]
        if "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) == {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}


@pytest.mark.parametrize("kind", KINDS)
def test_functions_may_write_heartbeats_and_leases_without_changing_findings(kind):
    """The partition key is the kind of an item."""
    may_put = {
        tuple(listed(one["Condition"]["ForAllValues:StringEquals"]["dynamodb:LeadingKeys"]))
        for one in granted(synthesized("one"), kind)
        if "Condition" in one and "dynamodb:LeadingKeys" in str(one["Condition"])
    }
    expected = {("heartbeat",)} if kind not in ENDPOINTS else set()
    expected |= {("lease",)} if kind in ONE_AT_A_TIME else set()
    expected |= {("looked",)} if kind == "detect" else set()
    assert may_put == expected
    if kind in ("refresh", "collect", "page"):
        free = [one for one in granted(synthesized("one"), kind) if "Condition" not in one]
        writes = {action for one in free for action in listed(one["Action"])}
        assert not {"dynamodb:PutItem", "dynamodb:UpdateItem"} & writes


@pytest.mark.parametrize("kind", KINDS)
def test_functions_send_events_with_their_own_source_only(kind):
    """Otherwise a function could forge an S3 event about a manifest. Only `publish` puts events about findings."""
    puts = [one for one in granted(synthesized("one"), kind) if "events:PutEvents" in listed(one["Action"])]
    sources = {one["Condition"]["StringEquals"]["events:source"] for one in puts}
    assert sources <= {"focuswatch", *(["focuswatch.findings"] if kind == "publish" else [])}


def test_emails_are_sent_only_from_the_configured_address():
    (send,) = [one for one in granted(synthesized("one"), "email") if one["Action"] == "ses:SendEmail"]
    assert send["Condition"] == {"StringEquals": {"ses:FromAddress": "focuswatch@acme.example"}}


def test_findings_are_imported_into_security_hub_of_the_pipeline_account():
    (put,) = [one for one in granted(synthesized("three"), "securityhub") if "security" in str(one["Action"])]
    assert put["Resource"] == "arn:aws:securityhub:eu-central-1:222222222222:product/222222222222/default"


def test_events_about_findings_invoke_no_function():
    """They are on the same bus as the events between functions; invoking a function would cause an endless loop."""
    rules = synthesized("one").properties("pipeline", "AWS::Events::Rule")
    sources = [rule["EventPattern"]["source"] for rule in rules if "EventPattern" in rule]
    assert sources and all(isinstance(source, str) for listed in sources for source in listed)
    assert "focuswatch.findings" not in {source for listed in sources for source in listed}


@pytest.mark.parametrize("kind", ["refresh", "detect", "collect", "hourly"])
def test_functions_may_list_the_bucket(kind):
    """Without it, S3 returns 403 instead of 404 for a missing table, and the first run fails."""
    statements = [
        one for one in granted(synthesized("one"), kind) if "s3:ListBucket" in listed(one["Action"])
    ]
    assert statements and not any("Condition" in one for one in statements)


def test_hourly_function_writes_only_tokens_and_query_results_to_s3():
    """In DynamoDB, it also writes its heartbeat, its lease and the ledger."""
    puts = [one for one in granted(synthesized("three"), "hourly") if "s3:PutObject" in listed(one["Action"])]
    bucket = "arn:aws:s3:::focuswatch-222222222222-eu-central-1"
    assert {resource for one in puts for resource in listed(one["Resource"])} == {
        f"{bucket}/tables/token_hours/*",
        f"{bucket}/collected/token_hours.json",
        f"{bucket}/athena-results/*",
    }


def test_collector_assumes_only_the_payer_role_and_the_member_role():
    """It may assume the member role only in accounts of the organization."""
    statements = [
        one for one in granted(synthesized("three"), "collect") if one["Action"] == "sts:AssumeRole"
    ]
    payer, members = sorted(statements, key=lambda one: "Condition" in one)
    assert payer["Resource"] == "arn:aws:iam::111111111111:role/focuswatch-organisation-reader"
    assert members["Resource"] == "arn:aws:iam::*:role/focuswatch-member"
    assert members["Condition"] == {"StringEquals": {"aws:ResourceOrgID": "o-a1b2c3d4e5"}}


def test_events_are_read_and_written_only_if_they_are_configured():
    """Without sources, the collector may not write the table. It may read source files only with the source `files`."""
    off = deployment_of(accounts="one")
    off = off.model_copy(update={"secrets": off.secrets.model_copy(update={"events": ""})})
    arns = [arn for grant in Permissions(off, key_arn="key").of("collect") for arn in grant.resources]
    assert not [arn for arn in arns if "events" in arn]
    folders = {
        accounts: {
            arn.partition(":::")[2].partition("/")[2]
            for one in granted(synthesized(accounts), "collect")
            for arn in listed(one["Resource"])
            if isinstance(arn, str) and ":s3:" in arn and "events" in arn
        }
        for accounts in ("one", "three")
    }
    assert folders == {
        "one": {"tables/events/*", "events/webhook/*"},
        "three": {"tables/events/*", "events/*"},
    }


@pytest.mark.parametrize("kind", KINDS)
def test_imports_of_a_function_are_in_its_layers(kind):
    """DuckDB does not fit next to the AWS SDK for pandas, so a function has one of the two."""
    size = SIZES[kind]
    assert not (size.with_pandas and size.with_duckdb)
    of_layers = {
        *(IN_SDK_FOR_PANDAS if size.with_pandas else ()),
        *(DUCKDB_PACKAGES if size.with_duckdb else ()),
    }
    assert packages(module_of(kind)) <= AVAILABLE_PACKAGES | of_layers
