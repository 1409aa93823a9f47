"""Run ministack 1.5 with patches for AWS behavior that it lacks and tests need; a script.

AWS queues an event between EventBridge and a Lambda function: the event waits while the function is at its reserved
concurrency, is retried if the function fails, and is finally sent to the on-failure destination.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import json
import os
import re
import signal
import sys
from collections import defaultdict
from contextlib import nullcontext
from threading import Lock, Thread
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import athena, eventbridge, glue, lambda_svc

ATTEMPTS = 3  # the default of AWS, which also waits minutes between them

ASSUMED = re.compile(r"arn:aws:sts::(\d+):assumed-role/([^/]+)/.*")
original_condition_key = iam_evaluator._resolve_condition_key
original_context = iam_actions.request_tag_context
original_glue = glue._handle_request_sync
original_enforcement = app._enforce_data_plane
locks: dict[str, Lock] = defaultdict(Lock)


def dispatch(arn: str, payload: str) -> None:
    """Queue an event for a function."""
    func, config, name = lambda_svc._get_func_record_for_ref(arn)
    if func and config:
        record = lambda_svc._execution_record_for_config(func, config)
        Thread(target=deliver, args=(record, name, json.loads(payload)), daemon=True).start()


def deliver(record: dict[str, Any], name: str, event: dict[str, Any]) -> None:
    """Invoke a function until it succeeds; after the last attempt, send the event to the on-failure destination."""
    is_exclusive = lambda_svc._reserved_concurrency(record, record["config"]) == 1
    with locks[name] if is_exclusive else nullcontext():
        for _ in range(ATTEMPTS):
            result = lambda_svc._execute_function_with_config_scope(record, event)
            if not result.get("error"):
                return
    context = (
        record.get("event_invoke_config") or (record.get("event_invoke_configs") or {}).get("$LATEST") or {}
    )
    destination = context.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if destination:
        route = lambda_svc._route_async_failure
        lambda_svc._run_with_function_config_scope(record, route, destination, name, event, result)


def resolve_condition_key(key: str, context: Any) -> Any:
    """Treat loopback as TLS, resolve the organization of a resource, and replace a session's ARN by its role's.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    match key.lower():
        case "aws:principalarn":
            return ASSUMED.sub(r"arn:aws:iam::\1:role/\2", context.principal_arn)
        case "aws:securetransport":
            return "true"
        case "aws:resourceorgid":
            return iam_evaluator._principal_org_id(context.resource_arn.split(":")[4])
    return original_condition_key(key, context)


def request_context(service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
    """Add condition keys: the source of events, the partition key of a written item, and the attached policy.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
    """
    context: dict[str, Any] = original_context(service, action, body, params)
    if action == "events:PutEvents":
        context["events:source"] = [entry.get("Source") for entry in json.loads(body)["Entries"]][0]
    if action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
        context["iam:policyarn"] = (
            params["PolicyArn"][0] if isinstance(params["PolicyArn"], list) else params["PolicyArn"]
        )
    if action in ("dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:GetItem"):
        document = json.loads(body)
        context["dynamodb:leadingkeys"] = [(document.get("Item") or document.get("Key"))["kind"]["S"]]
    return context


def enforce_data_plane(
    service: str, action: str, headers: dict[str, str], query: dict[str, Any], *others: Any, **named: Any
) -> Any:
    """Add a condition key: the prefix of a bucket listing."""
    if service == "s3" and "prefix" in query:
        prefix = query["prefix"]
        context = {"s3:prefix": prefix[0] if isinstance(prefix, list) else prefix}
        named["service_context"] = {**(named.get("service_context") or {}), **context}
    return original_enforcement(service, action, headers, query, *others, **named)


def handle_glue(
    method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> tuple[int, dict[str, str], bytes]:
    """Serve UpdatePartition, and leave the other verbs to ministack."""
    context = {name.lower(): value for name, value in headers.items()}
    if context.get("x-amz-target") != "AWSGlue.UpdatePartition":
        return original_glue(method, path, headers, body, query)
    document = json.loads(body)
    result = glue._get_partition({**document, "PartitionValues": document["PartitionValueList"]})
    return glue._batch_update_partition({**document, "Entries": [document]}) if result[0] == 200 else result


async def run_nothing(*_: object) -> None:
    """Run no statement: local_athena.py serves Athena, and ministack only checks permissions."""


def end_with_parent() -> None:
    """Terminate, with the processes of all Lambda functions, when the parent process closes stdin or ends."""
    sys.stdin.read()
    os.killpg(0, signal.SIGTERM)


if __name__ == "__main__":
    Thread(target=end_with_parent, daemon=True).start()
    iam_evaluator._resolve_condition_key = resolve_condition_key
    app._enforce_data_plane = enforce_data_plane
    iam_actions.request_tag_context = request_context
    glue._handle_request_sync = handle_glue
    athena._execute_query = run_nothing
    if python := os.environ.get(
        "LAMBDA_PYTHON"
    ):  # by default, Lambda functions run on the Python of this process
        worker = lambda_runtime._detect_runtime_binary("python3.13")[1]
        lambda_runtime._detect_runtime_binary = lambda _runtime: (python, worker)
    eventbridge._dispatch_to_lambda = dispatch
    app.main()
