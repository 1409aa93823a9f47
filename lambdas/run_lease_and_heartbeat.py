"""One invocation of a Lambda function: its lease, the events that it announces, and its heartbeat."""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger

from focuswatch.operations.function_lease import Lease, LeaseLost
from focuswatch.operations.function_run_heartbeats import Heartbeat, record
from lambdas.channel_clients_and_delivery import ChannelResources
from lambdas.deployment_resources import PATIENT

AGAIN = "Again"  # the event that calls a function for what was turned away while it worked

logger = Logger()


@dataclass(frozen=True)
class LambdaRun(ChannelResources):
    """One invocation of the function `name`."""

    started: float = field(default_factory=time.monotonic)

    def alone(
        self, work: Callable[[Lease], dict[str, Any]], *, event: Mapping[str, Any], logger: Logger
    ) -> dict[str, Any]:
        """Return what `work` returns, done while no other run of this function works.

        If one does, this run ends, and the other one has the function invoked again at its end. A run that was invoked
        this way and fails does not request another: Lambda retries it, and a lasting error ends in the dead-letter
        queue.
        """
        lease = Lease(self.table, self.name)
        if not lease.take():
            logger.info("another invocation is active and will invoke this function again when it ends")
            return {"function": self.name, "run_id": self.id, "turned_away": True}
        try:
            response = work(lease)
        except BaseException:
            if self._gave_back(lease, logger) and event.get("detail-type") != AGAIN:
                self._call_again(logger)
            raise
        if self._gave_back(lease, logger):
            self._call_again(logger)
        return response

    def _gave_back(self, lease: Lease, logger: Logger) -> bool:
        """Return whether another run was turned away meanwhile."""
        try:
            return lease.give_back()
        except LeaseLost as error:
            logger.warning(str(error))
            return False

    def _call_again(self, logger: Logger) -> None:
        logger.info("invoked again for events that arrived in the meantime")
        self.announce(AGAIN, json.dumps({"function": self.name}))

    def announce(self, what: str, detail: str) -> None:
        """Put an event on the bus, for whatever comes next. Raises where the bus does not take it."""
        put = self.session.client("events", config=PATIENT).put_events(
            Entries=[{"Source": os.environ["FOCUSWATCH_NAME"], "DetailType": what, "Detail": detail}]
        )
        if put["FailedEntryCount"]:
            raise RuntimeError(f"EventBridge rejected the event {what}: {put['Entries']}")

    def beat(self, **fields: Any) -> dict[str, Any]:
        """Record and log the heartbeat of this run, and return it as JSON."""
        heartbeat = Heartbeat(
            function=self.name,
            run_id=self.id,
            ended_at=datetime.now(UTC),
            seconds=round(time.monotonic() - self.started, 3),
            **fields,
        )
        record(self.table, heartbeat)
        content = heartbeat.model_dump(mode="json")
        logger.info("heartbeat", extra={"heartbeat": content})
        return content
