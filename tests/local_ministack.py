"""ministack, with the way from EventBridge to a Lambda as AWS has it; run as a script.

AWS queues the event: it waits while the function is at its reserved concurrency, is tried again when the function
fails, and goes to the on-failure destination in the end. ministack 1.5 starts the function once and forgets it.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import json
from collections import defaultdict
from contextlib import nullcontext
from threading import Lock, Thread
from typing import Any

from ministack.app import main
from ministack.services import eventbridge, lambda_svc

ATTEMPTS = 3  # as AWS without a setting of the function's own; without its minutes between them

locks: dict[str, Lock] = defaultdict(Lock)


def dispatch(arn: str, payload: str) -> None:
    """Queue an event for a function."""
    func, config, name = lambda_svc._get_func_record_for_ref(arn)
    if func and config:
        record = lambda_svc._execution_record_for_config(func, config)
        Thread(target=deliver, args=(record, name, json.loads(payload)), daemon=True).start()


def deliver(record: dict[str, Any], name: str, event: dict[str, Any]) -> None:
    """Run a function until it takes the event."""
    alone = lambda_svc._reserved_concurrency(record, record["config"]) == 1
    with locks[name] if alone else nullcontext():
        for _ in range(ATTEMPTS):
            result = lambda_svc._execute_function_with_config_scope(record, event)
            if not result.get("error"):
                return
    told = (
        record.get("event_invoke_config") or (record.get("event_invoke_configs") or {}).get("$LATEST") or {}
    )
    destination = told.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if destination:
        route = lambda_svc._route_async_failure
        lambda_svc._run_with_function_config_scope(record, route, destination, name, event, result)


if __name__ == "__main__":
    eventbridge._dispatch_to_lambda = dispatch
    main()
