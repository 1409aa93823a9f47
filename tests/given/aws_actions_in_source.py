"""Determine from the source code which AWS actions a Lambda function calls."""

import ast
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import botocore.session
from botocore import xform_name

from tests.given.deployments import ROOT

# The services that each file calls. A test finds files that are missing here, see `callers`.
SERVICES = {
    "focuswatch/collect/list_organization_accounts.py": ["organizations"],
    "focuswatch/collect/shared_clients_for_member_accounts.py": ["sts"],
    "focuswatch/collect/read_and_write_collected_tables_in_s3.py": ["s3"],
    "focuswatch/connectors/store_focus_files_in_s3.py": ["s3"],
    "focuswatch/controls/iam_clients_with_pause_role.py": ["sts"],
    "focuswatch/controls/attach_or_detach_deny_policy.py": ["iam"],
    "focuswatch/notify/retry_or_dead_letter_batch.py": ["sqs"],
    "focuswatch/notify/delivery_claims_and_state.py": ["dynamodb"],
    "focuswatch/notify/space_messages_to_a_destination.py": ["dynamodb"],
    "focuswatch/engines/athena_engine.py": ["athena", "s3"],
    "focuswatch/bill/ingest/list_and_copy_from_s3.py": ["s3"],
    "focuswatch/operations/function_run_heartbeats.py": ["dynamodb"],
    "focuswatch/operations/function_lease.py": ["dynamodb"],
    "focuswatch/ledger/dynamodb_ledger.py": ["dynamodb"],
    "focuswatch/ledger/dynamodb_pages.py": ["dynamodb"],
    "focuswatch/notify/publish_pending_to_sns.py": ["sns"],
    "focuswatch/notify/put_finding_on_eventbridge.py": ["events"],
    "focuswatch/notify/mail/client.py": ["sesv2"],
    "focuswatch/notify/mail/daily_limit.py": ["dynamodb"],
    "focuswatch/notify/mail/collect_and_send_digests.py": ["dynamodb"],
    "focuswatch/notify/security/security_hub_client.py": ["securityhub"],
    "focuswatch/notify/security/write_ocsf_files_to_s3.py": ["s3"],
    "focuswatch/operations/queue_depths.py": ["sqs"],
    "focuswatch/notify/slack/look_up_channel_ids.py": ["dynamodb"],
    "focuswatch/notify/collect_and_post_slack_and_teams_digests.py": ["dynamodb"],
    "focuswatch/notify/record_response_once.py": ["dynamodb"],
    "focuswatch/bill/refresh/write_read_delete_athena_table_files.py": ["s3"],
    "focuswatch/bill/refresh/store_other_bills_state_and_export_accounts.py": ["s3"],
    "focuswatch/bill/refresh/switch_glue_partitions_and_read_period_facts.py": ["glue"],
    "lambdas/answer_endpoint_for_responses_and_page_links.py": ["sqs"],
    "lambdas/events_endpoint_for_ci_systems.py": ["s3"],
    "lambdas/public_url_request_body_secrets_and_aws_clients.py": ["secretsmanager"],
    "lambdas/page_and_findings_table.py": ["s3"],
    "lambdas/clients_and_resources_from_environment.py": ["secretsmanager"],
    "lambdas/lambda_run_lease_event_bus_and_heartbeat.py": ["events"],
    "lambdas/pulse_health_report_and_closed_issue_replies.py": ["sns"],
}
# API operations whose IAM action has another name.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsimpleemailservicev2.html
IAM_ACTIONS = {
    "sesv2:SendEmail": "ses:SendEmail",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjects": "s3:ListBucket",
    "s3:DeleteObjects": "s3:DeleteObject",
}
# The actions that functions of other packages call; awswrangler's are from the source of 3.17: athena/_executions.py,
# athena/_utils.py.
WRAPPED = {
    "wait_query": {"athena:GetQueryExecution"},
    "start_query_execution": {"athena:GetWorkGroup"},
    "stop_query_execution": {"athena:StopQueryExecution"},
    "get_secret": {"secretsmanager:GetSecretValue"},  # Powertools' parameters
}


@dataclass(frozen=True)
class Used:
    """A file, and the functions of it that are used; None means all."""

    path: str
    functions: frozenset[str] | None = None


def actions(used: Used) -> set[str]:
    """Return the IAM actions that these functions call."""
    api_methods = methods(*SERVICES[used.path])
    calls: set[str] = set()
    for function, name in _called(used.path):
        if used.functions is None or function in used.functions:
            calls |= {api_methods[name]} if name in api_methods else set()
            calls |= WRAPPED.get(name, set())
    return {IAM_ACTIONS.get(one, one) for one in calls}


def callers(start: str) -> set[str]:
    """Return the files that `start` imports, directly or not, and that call a method that only AWS clients have."""
    every = methods(*{service for services in SERVICES.values() for service in services})
    aws_only = {name for name in every if "_" in name}  # other classes also have `query` and `publish`
    return {path for path in imported(start) if aws_only & {name for _, name in _called(path)}}


@functools.cache
def methods(*services: str) -> dict[str, str]:
    """Return the IAM action of each method of these services' clients."""
    session = botocore.session.get_session()
    return {
        xform_name(operation): f"{service}:{operation}"
        for service in services
        for operation in session.get_service_model(service).operation_names
    }


def _called(path: str) -> Iterator[tuple[str, str]]:
    """Yield (function, attribute) for each attribute access, since methods are also passed without a call.

    The method of a paginator is its argument, a string.
    """

    def walk(node: ast.AST, function: str) -> Iterator[tuple[str, str]]:
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if isinstance(node, ast.Attribute):
            yield function, node.attr
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "get_paginator"
        ):
            yield from ((function, one.value) for one in node.args if isinstance(one, ast.Constant))
        for child in ast.iter_child_nodes(node):
            yield from walk(child, function)

    return walk(ast.parse((ROOT / path).read_text(encoding="utf-8")), "")


def imported(start: str) -> set[str]:
    """Return focuswatch's files that a Lambda function loads when it starts, so without imports inside functions."""
    return {path for path in _closure(start) if path.endswith(".py")}


def packages(start: str) -> set[str]:
    """Return the third-party modules that a Lambda function imports when it starts."""
    return {name for name in _closure(start) if not name.endswith(".py")} - set(sys.stdlib_module_names)


@functools.cache
def _closure(start: str) -> set[str]:
    names: set[str] = set()
    unread = [start]
    while unread:
        name = unread.pop()
        path = _path(name)
        if path in names or (path is None and _path(name.split(".")[0]) is not None):
            continue
        if path is None:
            names.add(name.split(".")[0])
            continue
        names.add(path)
        parents = name.split(".")[:-1]
        unread += [".".join(parents[:length]) for length in range(1, len(parents) + 1)]
        unread += _imports(ast.parse((ROOT / path).read_text(encoding="utf-8")).body)
    return names


def _imports(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (
                f"{node.module}.{one.name}" for one in node.names if _path(f"{node.module}.{one.name}")
            )
        elif isinstance(node, ast.If | ast.Try) and "TYPE_CHECKING" not in ast.dump(
            getattr(node, "test", node)
        ):
            yield from _imports(node.body)


def _path(name: str) -> str | None:
    base = name.replace(".", "/")
    return next((one for one in (f"{base}.py", f"{base}/__init__.py") if (ROOT / one).exists()), None)
