"""One invocation of a Lambda function: its lease, the events that it sends, and its heartbeat."""

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
from lambdas.channels_from_environment import ChannelResources
from lambdas.clients_and_resources_from_environment import PATIENT

AGAIN = "Again"  # the event that invokes a function again if invocations were turned away during its run

logger = Logger()


@dataclass(frozen=True)
class LambdaRun(ChannelResources):
    """One invocation of the function `name`."""

    started: float = field(default_factory=time.monotonic)

    def alone(
        self, work: Callable[[Lease], dict[str, Any]], *, event: Mapping[str, Any], logger: Logger
    ) -> dict[str, Any]:
        """Call `work` while no other run of this function is active, and return its result.

        If another run is active, this run ends, and the active one has the function invoked again at its end. A run
        that was invoked this way and fails does not request another invocation: Lambda retries the run, and after the
        last retry its event goes to the dead-letter queue.
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
        """Release the lease, and return whether another run was turned away in the meantime."""
        try:
            return lease.give_back()
        except LeaseLost as error:
            logger.warning(str(error))
            return False

    def _call_again(self, logger: Logger) -> None:
        logger.info("invoked again for events that arrived in the meantime")
        self.announce(AGAIN, json.dumps({"function": self.name}))

    def announce(self, what: str, detail: str) -> None:
        """Put an event on the event bus, which invokes the next functions. Raises RuntimeError if it is rejected."""
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
