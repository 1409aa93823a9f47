"""The decorator for Lambda handlers: adds logs, metrics, traces, an optional lease, and a heartbeat without a bill."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from focuswatch.errors import NothingDelivered
from focuswatch.operations.function_lease import Lease
from focuswatch.operations.lambda_function_groups_and_modules import WITHOUT_RUNS
from lambdas.lambda_run_lease_event_bus_and_heartbeat import LambdaRun

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
logger, metrics = Logger(), Metrics()


@dataclass(frozen=True)
class Invocation:
    """One invocation: its run, Lambda's event and context, and the lease of a function that runs one at a time."""

    run: LambdaRun
    event: dict[str, Any]
    context: Any
    lease: Lease | None = None

    def seconds_left(self) -> float:
        """Return the seconds until Lambda stops the function."""
        return float(self.context.get_remaining_time_in_millis()) / 1000

    def can_continue(self, *, spare_seconds: float) -> bool:
        """Return whether the run still holds its lease and has more than `spare_seconds` left."""
        return (self.lease is None or self.lease.is_held) and self.seconds_left() > spare_seconds


def lambda_function(
    name: str, *, one_at_a_time: bool = False, traces_aws_calls: bool = True
) -> Callable[[Callable[[Invocation], dict[str, Any]]], Handler]:
    """Return a decorator for the handler of the function `name`; the handler returns the response of the invocation.

    With `one_at_a_time`, each run holds a lease: an invocation that finds another one running ends immediately, and the
    running one invokes the function again when it ends. If the first bill has not been delivered yet, the function only
    records a heartbeat that says so.
    """
    tracer = Tracer(auto_patch=traces_aws_calls)
    is_counted = name not in WITHOUT_RUNS
    with_metrics: Callable[[Handler], Handler] = metrics.log_metrics if is_counted else _unchanged

    def declare(work: Callable[[Invocation], dict[str, Any]]) -> Handler:
        @logger.inject_lambda_context(clear_state=True)
        @with_metrics
        @tracer.capture_lambda_handler
        @wraps(work)
        def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
            run = LambdaRun(name)
            logger.append_keys(run_id=run.id)

            def measured(lease: Lease | None) -> dict[str, Any]:
                if is_counted:
                    metrics.add_dimension(name="function", value=name)
                    metrics.add_metric(name="Runs", unit=MetricUnit.Count, value=1)
                try:
                    return work(Invocation(run, event, context, lease))
                except NothingDelivered as error:
                    # The first delivery of an export takes up to a day; `focuswatch doctor` reports longer waits.
                    return run.beat(doubts=(str(error),))

            if one_at_a_time:
                return run.alone(measured, event=event, logger=logger)
            return measured(None)

        declared: Handler = handler
        return declared

    return declare


def _unchanged(handler: Handler) -> Handler:
    return handler
