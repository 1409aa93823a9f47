"""Least privilege: a function has the permissions for the calls of its code, and no others."""

import pytest

from focuswatch.operations.deployed_functions import ENDPOINTS, ONE_AT_A_TIME, QUEUE_FED, module_of
from infra.functions import SIZES
from infra.lambda_code_and_layers import DUCKDB_PACKAGES, LAYER_PACKAGES
from infra.permissions import Permissions
from tests.given.aws_actions_in_source import SERVICES, Used, actions, callers, packages
from tests.given.deployments import deployment_of
from tests.given.synthesized_stacks import Stacks, synthesized

KINDS = deployment_of(accounts="one").kinds
HEARTBEAT = Used("focuswatch/operations/function_run_heartbeats.py", frozenset({"record"}))
LEASE = [
    Used("focuswatch/operations/function_lease.py"),
    Used("lambdas/run_lease_and_heartbeat.py", frozenset({"announce"})),
]
PAGES = Used("focuswatch/ledger/dynamodb_pages.py")
CLAIMS = Used("focuswatch/notify/delivery_claims_and_state.py")
SECRET = Used("lambdas/deployment_resources.py", frozenset({"named_secret"}))
ENDPOINT = Used("lambdas/endpoint_clients_and_secrets.py")
LEDGER = [PAGES, Used("focuswatch/ledger/dynamodb_ledger.py", frozenset({"_put", "add_suppression"}))]
TOLD = [CLAIMS, Used("focuswatch/notify/deliver_queue_batch.py"), SECRET, HEARTBEAT]
SLACK = [*TOLD, Used("focuswatch/notify/pacing.py"), Used("focuswatch/notify/slack/deliver.py")]
# Only these files, and where it is not all of a file, only these functions: a ledger has verbs for people too.
USED = {
    "refresh": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/ingest/list_and_copy_from_s3.py"),
        Used("focuswatch/bill/refresh/write_and_sweep_athena_files.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions.py"),
        Used("focuswatch/bill/refresh/other_bills_state.py"),
    ],
    "bills": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/bill/ingest/list_and_copy_from_s3.py"),
        Used("focuswatch/bill/refresh/write_and_sweep_athena_files.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions.py"),
        Used("focuswatch/bill/refresh/other_bills_state.py"),
    ],
    "detect": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions.py", frozenset({"all"})),
        PAGES,
        Used("focuswatch/ledger/dynamodb_ledger.py", frozenset({"_put", "_look"})),
        Used("focuswatch/bill/refresh/write_and_sweep_athena_files.py", frozenset({"read", "write"})),
        Used("focuswatch/collect/member_sessions.py"),
    ],
    "page": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions.py", frozenset({"all"})),
        Used("focuswatch/bill/refresh/write_and_sweep_athena_files.py", frozenset({"write"})),
        PAGES,
        Used("lambdas/page_and_findings_table.py"),
    ],
    "publish": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/notify/publish_pending_to_sns.py"),
        Used("focuswatch/notify/eventbridge_events.py"),
        PAGES,
        Used("focuswatch/ledger/dynamodb_ledger.py", frozenset({"pending_notifications", "mark_notified"})),
    ],
    "collect": [
        HEARTBEAT,
        Used("focuswatch/collect/organization_accounts_and_history.py"),
        Used("focuswatch/collect/member_sessions.py"),
        Used("focuswatch/collect/collected_files.py"),
    ],
    "hourly": [
        HEARTBEAT,
        *LEASE,
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions.py", frozenset({"all"})),
        PAGES,
        Used("focuswatch/ledger/dynamodb_ledger.py", frozenset({"_put"})),
        Used("focuswatch/collect/member_sessions.py"),
        Used("focuswatch/collect/collected_files.py"),
    ],
    "spending": [
        HEARTBEAT,
        Used("lambdas/run_lease_and_heartbeat.py", frozenset({"announce"})),
        Used("focuswatch/notify/deliver_queue_batch.py"),
        PAGES,
        Used("focuswatch/ledger/dynamodb_ledger.py", frozenset({"_put"})),
    ],
    "pulse": [
        CLAIMS,
        SECRET,
        Used("focuswatch/operations/function_run_heartbeats.py"),
        Used("focuswatch/notify/pacing.py"),
        Used("focuswatch/notify/slack/deliver.py", frozenset({"id"})),
        Used("focuswatch/operations/queue_depths.py"),
        PAGES,
        Used("lambdas/pulse_health_report.py"),
    ],
    "slack": [*SLACK, PAGES, Used("focuswatch/notify/slack/digest_queue.py")],
    "answer": [Used("lambdas/answer_buttons_and_links.py"), ENDPOINT],
    "events": [Used("lambdas/events_endpoint.py"), ENDPOINT],
    "record": [*SLACK, *LEDGER, Used("focuswatch/notify/response_recording.py")],
    "weekly": [
        CLAIMS,
        SECRET,
        HEARTBEAT,
        Used("focuswatch/notify/pacing.py"),
        Used("focuswatch/notify/slack/deliver.py", frozenset({"id"})),
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions.py", frozenset({"all"})),
        PAGES,
    ],
    "close": [
        CLAIMS,
        SECRET,
        HEARTBEAT,
        Used("focuswatch/notify/pacing.py"),
        Used("focuswatch/notify/slack/deliver.py", frozenset({"id"})),
        Used("focuswatch/engines/athena_engine.py"),
        Used("focuswatch/bill/refresh/switch_glue_partitions.py", frozenset({"all"})),
        Used("focuswatch/bill/refresh/write_and_sweep_athena_files.py", frozenset({"read"})),
        PAGES,
    ],
    "jira": [*TOLD, *LEDGER],
    "teams": [
        *TOLD,
        Used("focuswatch/notify/pacing.py"),
        PAGES,
        Used("focuswatch/notify/slack/digest_queue.py"),
    ],
    "pagerduty": [*TOLD, Used("focuswatch/notify/pacing.py")],
    "sweep": [CLAIMS, SECRET, HEARTBEAT, *LEDGER],
    "webhook": TOLD,
    "email": [
        CLAIMS,
        Used("focuswatch/notify/deliver_queue_batch.py"),
        HEARTBEAT,
        PAGES,
        Used("focuswatch/notify/pacing.py"),
        Used("focuswatch/notify/mail/daily_limit.py"),
        Used("focuswatch/notify/mail/mail_digest_queue.py"),
        Used("focuswatch/notify/mail/client.py"),
    ],
    "securityhub": [
        CLAIMS,
        Used("focuswatch/notify/deliver_queue_batch.py"),
        HEARTBEAT,
        Used("focuswatch/notify/security/client.py"),
    ],
    "fetch": [SECRET, HEARTBEAT, Used("focuswatch/connectors/focus_bucket.py")],
    "ocsf": [
        Used("focuswatch/notify/deliver_queue_batch.py"),
        HEARTBEAT,
        Used("focuswatch/notify/security/ocsf_files.py"),
    ],
}
# Calls with the member role, in other accounts: collect/test_collect_handler.py holds them to what that role grants.
AS_MEMBER = {
    "focuswatch/collect/list_ai_resource_links.py",
    "focuswatch/collect/sagemaker_bedrock_resources.py",
    "focuswatch/collect/hourly_resources_and_metrics.py",
    "focuswatch/collect/daily_cloudwatch_metrics.py",
    "focuswatch/collect/token_hours.py",
    "focuswatch/collect/cloudtrail_changes.py",
    "focuswatch/collect/invocation_log_sums.py",
    "focuswatch/collect/deployments_alarms_and_health.py",
}
# What AWS does with a function's own permissions. Athena reads tables and writes results as whoever asks it to:
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
    "publish": {"kms:Decrypt", "kms:GenerateDataKey"},  # SNS encrypts what it is given
    "collect": set(),
    "fetch": set(),
    "bills": set(),
    "pulse": {"kms:Decrypt", "kms:GenerateDataKey"},
    "answer": {"s3:GetObject"},  # an address that it presigns is opened as the function itself
    "events": set(),
    "sweep": set(),
    # Lambda reads a queue as its function: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    **dict.fromkeys(QUEUE_FED, {"sqs:ReceiveMessage", "sqs:DeleteMessage"}),
}
# Lambda: logs, traces, and its own failures to a queue.
LAMBDA = {
    *("logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"),
    *("sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
}
# In AWS's layers and the runtime: a package that is in none of them fails at the cold start.
# pip list of the layers: https://aws-sdk-pandas.readthedocs.io/en/stable/install.html (Lambda layer)
AT_HAND = {"aws_lambda_powertools", "boto3", "botocore", *LAYER_PACKAGES}
IN_SDK_FOR_PANDAS = {"awswrangler", "numpy", "pyarrow"}


def granted(stacks: Stacks, kind: str) -> list[dict]:
    """Return the policy statements of a function's role."""
    policies = stacks.properties("pipeline", "AWS::IAM::Policy")
    (policy,) = [one for one in policies if f"Functions{kind}role" in str(one["Roles"])]
    return policy["PolicyDocument"]["Statement"]


def listed(value: str | list[str]) -> list[str]:
    """Return a list; a policy has a single value without one."""
    return [value] if isinstance(value, str | dict) else value


@pytest.mark.parametrize("kind", KINDS)
def test_each_called_action_is_granted_and_no_other(kind):
    """A call without a permission fails, and so does a permission without a call."""
    found = {action for one in granted(synthesized("one"), kind) for action in listed(one["Action"])}
    needed = set().union(*map(actions, USED[kind])) | ON_BEHALF[kind]
    assert found - LAMBDA == needed - LAMBDA
    assert needed <= found


@pytest.mark.parametrize("kind", KINDS)
def test_each_file_that_calls_aws_is_listed(kind):
    """Else the test above would miss calls."""
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
    """Else a function could forge an S3 event with a manifest. Only `publish` puts events about findings."""
    puts = [one for one in granted(synthesized("one"), kind) if "events:PutEvents" in listed(one["Action"])]
    sources = {one["Condition"]["StringEquals"]["events:source"] for one in puts}
    assert sources <= {"focuswatch", *(["focuswatch.findings"] if kind == "publish" else [])}


def test_mails_are_sent_from_the_configured_address_only():
    (send,) = [one for one in granted(synthesized("one"), "email") if one["Action"] == "ses:SendEmail"]
    assert send["Condition"] == {"StringEquals": {"ses:FromAddress": "focuswatch@acme.example"}}


def test_security_hub_is_that_of_the_pipeline():
    (put,) = [one for one in granted(synthesized("three"), "securityhub") if "security" in str(one["Action"])]
    assert put["Resource"] == "arn:aws:securityhub:eu-central-1:222222222222:product/222222222222/default"


def test_no_step_is_invoked_by_events_about_findings():
    """They are on the same bus as the events of the steps; a step that they invoked would call itself for ever."""
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


def test_the_hourly_function_writes_tokens_and_query_results_only():
    """Besides its heartbeat, its lease and the ledger."""
    puts = [one for one in granted(synthesized("three"), "hourly") if "s3:PutObject" in listed(one["Action"])]
    bucket = "arn:aws:s3:::focuswatch-222222222222-eu-central-1"
    assert {resource for one in puts for resource in listed(one["Resource"])} == {
        f"{bucket}/tables/token_hours/*", f"{bucket}/collected/token_hours.json", f"{bucket}/athena-results/*"
    }  # fmt: skip


def test_the_collector_assumes_one_payer_role_and_the_member_role():
    """The member role in any account of the organization only."""
    statements = [
        one for one in granted(synthesized("three"), "collect") if one["Action"] == "sts:AssumeRole"
    ]
    payer, members = sorted(statements, key=lambda one: "Condition" in one)
    assert payer["Resource"] == "arn:aws:iam::111111111111:role/focuswatch-organisation-reader"
    assert members["Resource"] == "arn:aws:iam::*:role/focuswatch-member"
    assert members["Condition"] == {"StringEquals": {"aws:ResourceOrgID": "o-a1b2c3d4e5"}}


def test_events_are_read_and_written_only_where_they_are_configured():
    """Without sources the collector may not even write the table; files of a CI are read only with the source files."""
    off = deployment_of(accounts="one")
    off = off.model_copy(update={"secrets": off.secrets.model_copy(update={"events": ""})})
    arns = [arn for grant in Permissions(off, key_arn="key").of("collect") for arn in grant.resources]
    assert not [arn for arn in arns if "events" in arn]
    folders = {
        accounts: {arn.partition(":::")[2].partition("/")[2] for one in granted(synthesized(accounts), "collect")
                   for arn in listed(one["Resource"]) if isinstance(arn, str) and ":s3:" in arn and "events" in arn}
        for accounts in ("one", "three")
    }  # fmt: skip
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
    assert packages(module_of(kind)) <= AT_HAND | of_layers
